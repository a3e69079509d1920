/**
 * What the lock file of a name is called. Two names never get the same file, and one always gets the same: the name's
 * bytes count (UTF-8; a lone surrogate is three bytes, as if it were a character), not how it looks, so `é` typed in two
 * ways is two names.
 *
 *   A-Z a-z 0-9 - . _ , + = @ :      stand for themselves, but `.` and `-` not at the beginning
 *   any other byte                   % and two digits, 0-9 A-F
 *   nothing at all                   %
 *   more than 200 characters, so     the first whole ones, up to 160 of them, then %~ and 32 digits of its SHA-256
 *
 * and then `.lock` or `.semaphore`. What follows a `%` tells these apart. On a file system that takes `A` and `a` for the
 * same, names that differ in nothing else share a file, so they keep each other out; nothing worse.
 *
 * oslo.concurrency's own way (`oslo`) is for folders that its programs use as well: it is readable, and lets names share
 * a file (`a/b` and `a_b`; prefix `a` and name `b`, or no prefix and name `a-b`).
 */
import { createHash } from 'node:crypto';
import { LockMisuseError, LockUnsupportedError } from '../errors.js';

/** What the page of a folder is called (page.ts). No name of ours begins with a dot. */
export const PAGE = '.tierlock';

/** What a file is the lock of. */
export type NameKind = 'lock' | 'semaphore';
/** How names become files: ours, or as oslo.concurrency does it. */
export type Naming = 'tierlock' | 'oslo';

const LONGEST = 200;
const BEGINNING = 160;
const PLAIN = /^[A-Za-z0-9_,+=@:][A-Za-z0-9_,+=@:.-]*$/;
const LONE = /\p{Surrogate}/u;
const FILE = /^(.+)\.(lock|semaphore)$/s;

/** The file, within its folder, of that name under that prefix. */
export function fileOf(kind: NameKind, name: string, prefix = ''): string {
  const key = prefix + name;
  // Most names are so.
  const escaped = PLAIN.test(key) ? key : escape(key);
  return `${escaped.length <= LONGEST ? escaped : shorten(key)}.${kind}`;
}

/** What a file is called after. */
export interface NameOfFile {
  readonly kind: NameKind;
  /** Prefix and name; only their beginning if not `complete`. */
  readonly key: string;
  readonly complete: boolean;
}

/** The way back from `fileOf`; undefined for what it never returns. */
export function nameOf(file: string): NameOfFile | undefined {
  const [, escaped = '', kind] = FILE.exec(file) ?? [];
  if (kind !== 'lock' && kind !== 'semaphore') return undefined;
  const long = /^(.*)%~[0-9a-f]{32}$/s.exec(escaped)?.[1];
  const key = unescape(long ?? escaped);
  if (key === undefined) return undefined;
  if (long === undefined) return fileOf(kind, key) === file ? { kind, key, complete: true } : undefined;
  const canonical =
    key !== '' && escape(key) === long && long.length <= BEGINNING && long.length > BEGINNING - 12;
  return canonical ? { kind, key, complete: false } : undefined;
}

/** The file that oslo.concurrency 7 locks for that name under that prefix. Throws for what it cannot lock either. */
export function osloFileOf(kind: NameKind, name: string, prefix = ''): string {
  const lock = prefix + name;
  if (kind !== 'lock') {
    const message = `oslo.concurrency has no ${kind} between processes: give '${lock}' a lockPath of its own`;
    throw new LockUnsupportedError(message, { lock });
  }
  const joined = prefix === '' || prefix.endsWith('-') ? prefix : `${prefix}-`;
  const file = joined + name.replaceAll('/', '_');
  const wrong = whatIsWrong(file, prefix);
  if (wrong === undefined) return file;
  throw new LockMisuseError(`'${lock}' cannot be the name of a lock file as oslo names them: ${wrong}`, {
    lock,
  });
}

function whatIsWrong(file: string, prefix: string): string | undefined {
  if (file === '' || file === '.' || file === '..') return `'${file}' is no file`;
  if (file === PAGE) return 'the page of the folder is called so';
  if (prefix.includes('/')) return 'its prefix would lead to another folder';
  if (file.includes('\0')) return 'it has a NUL in it';
  if (LONE.test(file)) return 'half a surrogate pair has no bytes';
  if (Buffer.byteLength(file) > 255) return 'it is longer than 255 bytes';
  return undefined;
}

function escape(key: string): string {
  if (key === '') return '%';
  let escaped = '';
  for (const char of key) {
    const plain = PLAIN.test(char) || (escaped !== '' && (char === '.' || char === '-'));
    escaped += plain ? char : percent(char);
  }
  return escaped;
}

function percent(char: string): string {
  let all = '';
  for (const byte of bytesOf(char)) all += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return all;
}

/** As UTF-8 would have it, but a lone surrogate is not replaced: so no two strings have the same bytes. */
function bytesOf(text: string): Uint8Array {
  if (!LONE.test(text)) return Buffer.from(text);
  return Buffer.concat(
    Array.from(text, (char) => {
      if (!LONE.test(char)) return Buffer.from(char);
      const unit = char.charCodeAt(0);
      return Buffer.from([0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)]);
    }),
  );
}

/** Undefined for what is not escaped. What is, but could have been written otherwise, its caller notices. */
function unescape(escaped: string): string | undefined {
  if (escaped === '%') return '';
  if (/%(?![0-9A-F]{2})/.test(escaped)) return undefined;
  const bytes = escaped.replaceAll(/%(..)/g, (_, digits: string) =>
    String.fromCharCode(parseInt(digits, 16)),
  );
  // The lone surrogates first: the rest is UTF-8.
  return bytes
    .split(/(\xed[\xa0-\xbf][\x80-\xbf])/)
    .map((part, i) => {
      const raw = Buffer.from(part, 'latin1');
      if (i % 2 === 0) return raw.toString();
      return String.fromCharCode(0xd000 | (((raw[1] ?? 0) & 0x3f) << 6) | ((raw[2] ?? 0) & 0x3f));
    })
    .join('');
}

/** Cut between two characters of the name. */
function shorten(key: string): string {
  let beginning = '';
  for (const char of key) {
    const next = escape(beginning === '' ? char : `x${char}`).slice(beginning === '' ? 0 : 1);
    if (beginning.length + next.length > BEGINNING) break;
    beginning += next;
  }
  return `${beginning}%~${digest(key)}`;
}

function digest(key: string): string {
  return createHash('sha256').update(bytesOf(key)).digest('hex').slice(0, 32);
}
