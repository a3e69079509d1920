/**
 * The transactions by which a record comes to be, and what they tell.
 *
 * A record is put where it will hold: an exclusive one among no records, a reader among no writers, and one who wants
 * permits among records whose permits leave him enough, none of which has changed since he counted. Nothing is read then:
 * each read costs etcd as much as the rest, and the revision of the answer is the token. Elsewhere only who waits puts it,
 * unless it is there, by the same call.
 */
import type { BackendRequest } from '../backend.js';
import { recordOf, valueOf } from './etcd-records.js';
import type { EtcdRecord, KeyValue, Names, Range, Ranges } from './etcd-records.js';

// etcd takes 128 operations in a transaction, unless it is told otherwise.
export const BATCH = 100;
/** Who has so many before him is far off: he need not hear of each of them. */
export const FAR = 4;
/** Of so many who are before a record, the latest, it is told; of permits, of all. */
const BEFORE = 100;

export interface TxnAnswer {
  readonly header: { readonly revision: string };
  readonly succeeded?: boolean;
  readonly responses?: readonly {
    readonly response_range?: { readonly kvs?: readonly KeyValue[] };
    readonly response_txn?: Pick<TxnAnswer, 'responses'>;
  }[];
}

/** What was so at one moment. */
export interface View {
  readonly revision: bigint;
  /** The record of the request. */
  readonly own: EtcdRecord | undefined;
  /** Those that must go before it can hold, or some of them; it may be among them, and others behind it. */
  readonly queue: readonly EtcdRecord[];
  /** Whether those before it are all there: when they have gone, it holds. */
  readonly isWhole: boolean;
}

const isEmpty = (range: Range): object => ({ ...range, target: 'VERSION', result: 'EQUAL', version: '0' });

const read = (range: Range): object => ({ request_range: range });

const inOrder = (range: Range): object => ({ ...range, sort_target: 'CREATE', sort_order: 'ASCEND' });

const lastOf = (range: Range, count: number): object => {
  return { ...range, sort_target: 'CREATE', sort_order: 'DESCEND', limit: String(count) };
};

const rivals = ({ shared }: BackendRequest, { all, writers }: Ranges): Range => (shared ? writers : all);

/** The record, and the first of those who are before it: one tells that it does not hold, unless permits must be counted. */
function reads(request: BackendRequest, { own, ranges }: Names): object[] {
  const first = { ...inOrder(rivals(request, ranges)), limit: '1' };
  return [read({ key: own }), { request_range: request.permits > 1 ? inOrder(ranges.all) : first }];
}

/** The record, which is the last one, and those right before it: they must go before it can hold. */
function readsBehind(request: BackendRequest, { own, ranges }: Names): object[] {
  const last = lastOf(rivals(request, ranges), request.shared ? FAR : FAR + 1);
  return [read({ key: own }), queueOf(request, ranges, last)];
}

/** Of permits, all must be known. Else their names and tokens say all. */
function queueOf(request: BackendRequest, { all }: Ranges, last: object): object {
  return { request_range: request.permits > 1 ? inOrder(all) : { ...last, keys_only: true } };
}

/** Only looks at a record that has that token, and who is before it. */
export function looking(request: BackendRequest, { own, ranges }: Names, token: bigint): object {
  const before = { ...lastOf(rivals(request, ranges), BEFORE), max_create_revision: String(token - 1n) };
  return { success: [read({ key: own }), queueOf(request, ranges, before)] };
}

/** What it tells. */
export function viewOfLook(answer: TxnAnswer, { permits }: BackendRequest): View {
  const view = viewOf(answer);
  return { ...view, isWhole: permits > 1 || view.queue.length < BEFORE };
}

interface Putting {
  readonly compare: object[];
  readonly success: object[];
}

/** Puts the record if it will hold. `counted`: the revision as of which there were permits enough. */
export function taking(
  request: BackendRequest,
  { own, ranges: { all, noReaders } }: Names,
  lease: string,
  counted?: bigint,
): Putting {
  const success = [{ request_put: { key: own, value: valueOf(request), lease } }];
  if (counted !== undefined) {
    const isSame = { ...all, target: 'MOD', result: 'LESS', mod_revision: String(counted + 1n) };
    return { compare: [isSame], success };
  }
  return { compare: request.shared ? [{ key: own }, ...noReaders].map(isEmpty) : [isEmpty(all)], success };
}

/** The same; and if it will not hold, it is put to wait, or who is in the way is told. */
export function putting(
  request: BackendRequest,
  names: Names,
  lease: string,
  counted: bigint | undefined,
): object {
  const { compare, success } = taking(request, names, lease, counted);
  const looks = reads(request, names);
  if (!request.waits) return { compare, success, failure: looks };
  const absent = [{ key: names.own }, ...names.ranges.otherPermits].map(isEmpty);
  const behind = [...success, ...readsBehind(request, names)];
  const waits = { request_txn: { compare: absent, success: behind, failure: looks } };
  return { compare, success, failure: [waits] };
}

/** Hangs a record that is there, on that lease, on another one: it keeps its place. Or tells where it is. */
export function moving(
  request: BackendRequest,
  { name: key, token, lease }: Pick<EtcdRecord, 'name' | 'token' | 'lease'>,
  to: string,
): object {
  return {
    compare: [
      { key, target: 'CREATE', result: 'EQUAL', create_revision: String(token) },
      { key, target: 'LEASE', result: 'EQUAL', lease },
    ],
    success: [{ request_put: { key, value: valueOf(request), lease: to } }],
    failure: [read({ key })],
  };
}

/** Deletes those records, but none that came after one of them under its name. */
export function deleting(records: readonly EtcdRecord[]): object {
  return {
    success: records.map(({ name, token }) => {
      const isSame = { key: name, target: 'CREATE', result: 'EQUAL', create_revision: String(token) };
      return { request_txn: { compare: [isSame], success: [{ request_delete_range: { key: name } }] } };
    }),
  };
}

export function viewOf({ header, responses = [] }: TxnAnswer): View {
  const [first] = responses;
  const [own = [], queue = []] = (first?.response_txn?.responses ?? responses)
    .flatMap(({ response_range }) => (response_range === undefined ? [] : [response_range]))
    .map(({ kvs = [] }) => kvs.map(recordOf));
  return { revision: BigInt(header.revision), own: own[0], queue, isWhole: false };
}

/** What follows from the answer to a `putting`. */
export function viewAfter(
  answer: TxnAnswer,
  { id, permits, shared, units }: BackendRequest,
  name: string,
  lease: string,
): View {
  if (answer.succeeded !== true) return viewOf(answer);
  const token = BigInt(answer.header.revision);
  const own = { name, id, permits, shared, units, token, lease };
  return { revision: token, own, queue: permits > 1 ? [own] : [], isWhole: false };
}

/** Those of the queue that are before the record, unless it holds nevertheless. None: it holds. */
export function inTheWay(
  { permits, units }: BackendRequest,
  own: EtcdRecord,
  queue: readonly EtcdRecord[],
): readonly EtcdRecord[] {
  const before = queue.filter(({ token }) => token < own.token);
  return before.reduce((sum, one) => sum + one.units, units) > permits ? before : [];
}
