/**
 * What can be wrong between us and etcd, and what follows from it:
 * - `EtcdError`: etcd has answered that it did not do it, or (`unknown`) that it cannot tell.
 * - `Unreachable`: no answer. It is `unknown` whether it was done, unless the call surely did not arrive.
 * - `LockBackendError`: to ask again would not help. Made by `hopeless` of the other two, with what to do.
 */
import { LockBackendError } from '../errors.js';

/** Of gRPC, in the body of an answer. */
const UNAUTHENTICATED = 16;
/** Cancelled, unknown, too late, internal, unavailable, data loss. */
const UNKNOWN: ReadonlySet<number> = new Set([1, 2, 4, 13, 14, 15]);

export class EtcdError extends Error {
  static {
    this.prototype.name = 'EtcdError';
  }

  readonly status: number;
  readonly code: number;

  constructor(endpoint: string, status: number, code: number, reason: string) {
    super(`etcd at ${endpoint} answers: ${reason}`);
    this.status = status;
    this.code = code;
  }

  /** It has no leader, or not enough others, or ends: another endpoint may be better off. */
  get unknown(): boolean {
    return UNKNOWN.has(this.code) || this.status >= 500;
  }

  /** The lease that a record should hang on. */
  get leaseIsGone(): boolean {
    return this.message.includes('requested lease not found');
  }

  get authIsOff(): boolean {
    return this.message.includes('authentication is not enabled');
  }

  /** A new token may help: watches of etcd 3.4 say of an old one that permission is denied. */
  get tokenMayBeOld(): boolean {
    const texts = /invalid auth token|revision in header is old|user name is empty|permission denied/;
    return this.code === UNAUTHENTICATED || texts.test(this.message);
  }
}

export class Unreachable extends Error {
  static {
    this.prototype.name = 'Unreachable';
  }

  readonly unknown: boolean;

  constructor(endpoint: string, sent: boolean, cause: NodeJS.ErrnoException) {
    // So etcd answers who speaks TLS to it, or does not, when it should be the other way round.
    const hint = cause.code === 'ECONNRESET' ? ' (should it do so always: does it speak TLS?)' : '';
    super(`no answer from etcd at ${endpoint}: ${cause.message || String(cause)}${hint}`, { cause });
    this.unknown = sent;
  }
}

/** Whether what was asked for may be done, or will be. */
export const isUnknown = (error: unknown): boolean =>
  (error instanceof EtcdError || error instanceof Unreachable) && error.unknown;

/** What is said when etcd says no, and what to do then. */
const hopelessAnswers: readonly (readonly [text: RegExp, advice: string])[] = [
  [/user name is empty/, 'it wants to know who asks: give `user` and `password`'],
  [/authentication failed/, '`user` or `password` is wrong'],
  [/permission denied/, 'grant the user `readwrite` with --prefix on the prefix of the locks, and a slash'],
  [/database space exceeded/, 'its database is full: compact and defragment it, then `etcdctl alarm disarm`'],
  [/request is too large/, 'the name of the lock is too long for it'],
];

/** Of the system, when it does not trust the other side, or is not trusted by it. */
const untrusted = /^(ERR_TLS_CERT|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH|ERR_SSL|EPROTO)/;

/** The error that says what to do, if to ask again would not help. */
export function hopeless(error: unknown, lock: string): LockBackendError | undefined {
  let advice: string | undefined;
  if (error instanceof EtcdError) advice = adviceOn(error);
  else if (error instanceof Unreachable) advice = adviceOnTls(error.cause as NodeJS.ErrnoException);
  if (advice === undefined) return undefined;
  return new LockBackendError(`${(error as Error).message}: ${advice}`, { lock, cause: error });
}

function adviceOn({ message, status, code }: EtcdError): string | undefined {
  // Every answer of the gateway has a code.
  if (status === 404 && code === 0) {
    return 'it has no JSON gateway under /v3: start it with --enable-grpc-gateway, and use etcd 3.4 or newer';
  }
  if (status === 400 && message.includes('HTTPS server')) return 'it speaks TLS: use etcds:// or `tls`';
  return hopelessAnswers.find(([text]) => text.test(message))?.[1];
}

function adviceOnTls({ code, message }: NodeJS.ErrnoException): string | undefined {
  if (!untrusted.test(code ?? '')) return undefined;
  if (/wrong version number|packet length too long/i.test(message))
    return 'it does not speak TLS: use etcd://';
  return 'give its certificate authority as `tls.ca`, and `tls.cert` and `tls.key` if it wants to know who asks';
}

export function closed(lock: string): LockBackendError {
  return new LockBackendError('the store was closed: connect again', { lock });
}
