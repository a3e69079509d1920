/**
 * The memory that lock code under test believes in: an object with the signature of the global `Atomics`, and a
 * handle in the place of its Int32Array. Neither keeps anything: each operation becomes a Request for a port,
 * which answers it from a thread's history or carries it out on the memory of the moment.
 *
 * It is stricter than the real one, because what the real one forgives is a bug in a lock: an index out of range,
 * a value that is no whole number, an array that is not the handle, and any plain read or write of the handle
 * (a schedule cannot come between what it does not see) end the thread as a misuse, even if the code catches it.
 */
import type { Mark } from './sections.js';

/** What a thread may ask for. The two marks are no operations, but stand in its history all the same. */
export type Operation =
  | 'load'
  | 'store'
  | 'compareExchange'
  | 'exchange'
  | 'add'
  | 'sub'
  | 'and'
  | 'or'
  | 'xor'
  | 'wait'
  | 'notify'
  | 'enter'
  | 'leave';

/** An operation with its arguments: `wait` has value and timeout in `a` and `b`, `notify` its count in `a`. */
export interface Request {
  readonly op: Operation;
  readonly index: number;
  readonly a: number;
  readonly b: number;
  readonly mark?: Mark;
}

/** How a wait ends, as numbers for the histories. LATE is an 'ok' that came after the time limit had passed. */
export const OK = 0;
export const NOT_EQUAL = 1;
export const TIMED_OUT = 2;
export const LATE = 3;
export const ENDINGS: readonly ('ok' | 'not-equal' | 'timed-out')[] = ['ok', 'not-equal', 'timed-out', 'ok'];

/** The part of `Atomics` that locks are made of. */
export type Atoms = Pick<
  Atomics,
  | 'add'
  | 'and'
  | 'compareExchange'
  | 'exchange'
  | 'load'
  | 'notify'
  | 'or'
  | 'store'
  | 'sub'
  | 'wait'
  | 'xor'
  | 'isLockFree'
>;

/** The shared memory as lock code gets it. */
export interface Memory {
  readonly words: Int32Array;
  readonly atomics: Atoms;
}

/** Who answers. */
export interface Port {
  perform(request: Request): number;
  misuse(message: string): never;
}

export function fakeMemory(length: number, port: Port): Memory {
  const words = fakeWords(length, port);

  const ask = (op: Operation, array: unknown, index: number, a: number, b: number): number => {
    if (array !== words) port.misuse(`Atomics.${op} on something else than the words of the test`);
    if (!Number.isInteger(index) || index < 0 || index >= length) {
      port.misuse(`Atomics.${op} at index ${index}, but there are ${length} words`);
    }
    return port.perform({ op, index, a, b });
  };
  const whole = (op: Operation, value: unknown): number => {
    if (typeof value === 'number' && Number.isInteger(value)) return value | 0;
    return port.misuse(`Atomics.${op} with ${String(value)}, which is no whole number`);
  };
  const change =
    (op: Operation) =>
    (array: unknown, index: number, value: unknown): number =>
      ask(op, array, index, whole(op, value), 0);

  const atomics = {
    load: (array: unknown, index: number) => ask('load', array, index, 0, 0),
    store: (array: unknown, index: number, value: unknown) => {
      ask('store', array, index, whole('store', value), 0);
      return value;
    },
    compareExchange: (array: unknown, index: number, expected: unknown, next: unknown) =>
      ask(
        'compareExchange',
        array,
        index,
        whole('compareExchange', expected),
        whole('compareExchange', next),
      ),
    exchange: change('exchange'),
    add: change('add'),
    sub: change('sub'),
    and: change('and'),
    or: change('or'),
    xor: change('xor'),
    wait: (array: unknown, index: number, value: unknown, timeout = Infinity) =>
      ENDINGS[ask('wait', array, index, whole('wait', value), Number.isNaN(timeout) ? Infinity : timeout)],
    notify: (array: unknown, index: number, count = Infinity) => {
      if (!(count >= 0)) port.misuse(`Atomics.notify of ${count} threads`);
      return ask('notify', array, index, count, 0);
    },
    isLockFree: () => true,
    // Newer engines have it as a hint for spinning. It touches no memory, so no schedule can depend on it.
    pause: () => undefined,
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it refuses the other array types at run time
  return { words, atomics: atomics as unknown as Atoms };
}

/** A stand-in that passes for an Int32Array (instanceof, length) and gives nothing else away. */
function fakeWords(length: number, port: Port): Int32Array {
  const plain = (how: string, key: string | symbol): never =>
    port.misuse(`plain ${how} of words.${String(key)}: shared words are touched through Atomics only`);
  return new Proxy(new Int32Array(0), {
    get: (_, key) => (key === 'length' ? length : plain('read', key)),
    has: (_, key) => plain('read', key),
    set: (_, key) => plain('write', key),
    defineProperty: (_, key) => plain('write', key),
    deleteProperty: (_, key) => plain('write', key),
    ownKeys: () => plain('read', '*'),
  });
}

/** Carries out what no other thread takes part in. */
export function operate(memory: Int32Array, { op, index, a, b }: Request): number {
  switch (op) {
    case 'load':
      return Atomics.load(memory, index);
    case 'compareExchange':
      return Atomics.compareExchange(memory, index, a, b);
    case 'store':
    case 'exchange':
    case 'add':
    case 'sub':
    case 'and':
    case 'or':
    case 'xor':
      return Atomics[op](memory, index, a);
    case 'wait':
    case 'notify':
    case 'enter':
    case 'leave':
      break;
  }
  throw new Error(`${op} is more than an operation on a word`);
}
