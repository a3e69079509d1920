/**
 * What lies in etcd, and how it is read.
 *
 * A record is one key, on a lease:
 *
 *     <prefix>/<key>//<permits>/<w or r>/<slot>   =   { "units": 1, "id": "4f2a..." }
 *     tierlock/lock:orders//1/w/9c01...-0
 *
 * A slot is a name that one request after the other has, see etcd-slots.ts: etcd remembers each name that it ever had, and
 * walks over all of them whenever it reads a range, until somebody compacts it.
 *
 * `/` and `%` in a key are escaped, and no prefix has `//` in it; so the first `//` ends the key, and no key's range
 * holds a record of another one, or of another prefix. All that excludes others is part of the name, because a
 * transaction can compare ranges of names: "no writer", "nobody with another number of permits".
 *
 * The records of a key are its queue, in the order of their create revisions, which are the tokens. Who holds is no
 * field, but follows from that order (`holdersOf`): the first one; then its neighbours, as long as all are readers, or
 * fit into the permits. So nobody passes another one, and whoever holds goes on to hold until his own record is gone.
 */
import type { BackendRequest } from '../backend.js';

/** As the gateway wants it: base64. */
export interface Range {
  readonly key: string;
  readonly range_end?: string;
}

/** A record as the gateway gives it. Numbers that are 0 are left out. */
export interface KeyValue {
  readonly key: string;
  readonly value?: string;
  readonly create_revision?: string;
  readonly mod_revision?: string;
  readonly lease?: string;
}

export interface EtcdRecord {
  /** Its key in etcd, in base64. */
  readonly name: string;
  readonly id: string;
  readonly permits: number;
  readonly shared: boolean;
  readonly units: number;
  readonly token: bigint;
  readonly lease: string;
}

/** The names of a key, as far as those matter who ask for it with so many permits. */
export interface Ranges {
  /** What the names of its records begin with, but for the mode and the slot. */
  readonly level: string;
  /** All records of the key. */
  readonly all: Range;
  /** Those who write, of a key with one permit. */
  readonly writers: Range;
  /** Those with another number of permits, of which there must be none: below and above. */
  readonly otherPermits: readonly [Range, Range];
  /** Those who are no readers. */
  readonly noReaders: readonly [Range, Range];
}

/** The names that have to do with one request. */
export interface Names {
  /** Its own record. */
  readonly own: string;
  readonly ranges: Ranges;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

export class Layout {
  /** Ends with a slash. */
  readonly #root: string;

  constructor(prefix: string) {
    this.#root = `${prefix}/`;
  }

  all(key: string): Required<Range> {
    const head = `${this.#root}${escape(key)}/`;
    return { key: base64(`${head}/`), range_end: base64(`${head}0`) };
  }

  ranges(key: string, permits: number): Ranges {
    const all = this.all(key);
    // In the order of bytes 0 comes after the slash: from `x/` to `x0` lies all that begins with `x/`.
    const around = (part: string): [Range, Range] => [
      { key: all.key, range_end: base64(`${part}/`) },
      { key: base64(`${part}0`), range_end: all.range_end },
    ];
    const level = `${this.#root}${escape(key)}//${permits}`;
    return {
      level,
      all,
      writers: { key: base64(`${level}/w/`), range_end: base64(`${level}/w0`) },
      otherPermits: around(level),
      noReaders: around(`${level}/r`),
    };
  }

  /** The range of all keys that begin so, and maybe more. */
  beginning(prefix: string): Range {
    // Half of a surrogate pair is escaped, the whole is not.
    const head = `${this.#root}${escape(prefix.replace(/[\uD800-\uDBFF]$/, ''))}`;
    const bytes = Buffer.from(head);
    bytes[bytes.length - 1] = (bytes.at(-1) as number) + 1;
    return { key: base64(head), range_end: bytes.toString('base64') };
  }

  /** The key of a record, or undefined if it is none of this prefix. */
  keyOf(name: string): string | undefined {
    const text = Buffer.from(name, 'base64').toString();
    const head = text.slice(0, Math.max(0, text.indexOf('//')));
    const root = head.slice(0, head.lastIndexOf('/') + 1);
    return root === this.#root ? unescape(head.slice(root.length)) : undefined;
  }
}

export const nameOf = ({ level }: Ranges, shared: boolean, slot: string): string =>
  base64(`${level}/${shared ? 'r' : 'w'}/${slot}`);

/** Two different texts never become the same, also if they are no proper Unicode. */
function escape(text: string): string {
  return text.replaceAll(
    /[%/]|\p{Surrogate}/gu,
    (char) => `%${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function unescape(text: string): string {
  return text.replaceAll(/%([0-9a-f]{4})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
}

export function recordOf({ key: name, value, create_revision = '0', lease = '0' }: KeyValue): EtcdRecord {
  const text = Buffer.from(name, 'base64').toString();
  const [permits, mode, slot] = text.slice(text.indexOf('//') + 2).split('/');
  const { units, id } = contentOf(value);
  return {
    name,
    // Of who puts something else there.
    id: typeof id === 'string' ? id : unescape(slot ?? ''),
    permits: Number(permits),
    shared: mode === 'r',
    // So does such a one hold one.
    units: typeof units === 'number' ? units : 1,
    token: BigInt(create_revision),
    lease,
  };
}

export const valueOf = ({ units, id }: BackendRequest): string => base64(JSON.stringify({ units, id }));

function contentOf(value: string = ''): { readonly units?: unknown; readonly id?: unknown } {
  // Where only names were asked for.
  if (value === '') return {};
  try {
    return (JSON.parse(Buffer.from(value, 'base64').toString()) ?? {}) as object;
  } catch {
    return {};
  }
}

/** Whether one more, behind them all, would hold. */
export function fitsBehind(
  { permits, shared, units }: BackendRequest,
  records: Iterable<EtcdRecord>,
): boolean {
  let free = permits - units;
  for (const record of records) {
    if (permits === 1 && !(shared && record.shared)) return false;
    free -= record.units;
  }
  return permits === 1 || free >= 0;
}

/** Of records in the order of their tokens, those that hold. */
export function holdersOf(records: Iterable<EtcdRecord>): EtcdRecord[] {
  const holders: EtcdRecord[] = [];
  let units = 0;
  for (const record of records) {
    const [first] = holders;
    units += record.units;
    if (first !== undefined && !(first.permits > 1 ? units <= first.permits : first.shared && record.shared))
      break;
    holders.push(record);
  }
  return holders;
}
