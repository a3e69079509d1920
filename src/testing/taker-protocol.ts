/**
 * What a taker and its parent say to each other. Every command has a number and is answered once; a take is answered
 * twice: when it has begun, and when it has its result. One channel keeps the order in which things were said, and
 * that is what mustBlock (taker.ts) relies on.
 */

export type Command =
  | { readonly name: 'take'; readonly request: unknown }
  | { readonly name: 'release'; readonly take: number }
  | { readonly name: 'run'; readonly function: string; readonly args: readonly unknown[] }
  | { readonly name: 'ping' }
  | { readonly name: 'busy'; readonly ms: number }
  | { readonly name: 'exit'; readonly code: number }
  | { readonly name: 'throw'; readonly message: string };

export type ToChild = Command & { readonly id: number };

/** An error on its way between processes. */
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly code?: string;
}

/** The child's start is answered too, as if it had been a command. */
export const START = 0;

/** `crash` is the last word before the child dies of an error. */
export type ToParent =
  | { readonly kind: 'began'; readonly id: number }
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: WireError }
  | { readonly kind: 'crash'; readonly error: WireError };

export function toWire(error: unknown): WireError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: String(error) };
  const { name, message, stack = message } = error;
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  return { name, message, stack, ...code };
}

/** The child's error again, with the child's stack: that is where it happened. */
export function fromWire({ stack, ...rest }: WireError): Error {
  const error = new Error(rest.message);
  return Object.assign(error, rest, { stack: `${stack}\n    (in a taker)` });
}

/** A command that waits for its answer. */
export interface Call<T> {
  readonly began: Promise<void>;
  readonly done: Promise<T>;
  /** True as soon as the answer is heard, before anybody who awaits it runs. */
  answered: boolean;
  begin(): void;
  resolve(value: T): void;
  reject(error: Error): void;
}

export function openCall<T>(): Call<T> {
  let begin!: () => void;
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const done = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]));
  const began = new Promise<void>((yes, no) => {
    begin = yes;
    done.then(() => yes(), no);
  });
  // An answer that nobody awaits, because the test has killed the child for example, is no fault of the test.
  for (const promise of [began, done]) promise.catch(() => undefined);
  return { began, done, answered: false, begin, resolve, reject };
}
