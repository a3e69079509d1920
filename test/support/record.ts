/**
 * Writes the history of a lock down, cheaply enough not to disturb a hammer. Three logs, one for each kind of party:
 *
 *     tasks       an array; its order is the order
 *     threads     shared memory, a region for each writer; one atomic counter gives every event its place
 *     processes   a file for each writer, one write per event, so that SIGKILL loses nothing that was logged;
 *                 ordered by CLOCK_MONOTONIC, which is one clock for all processes of a host
 *
 * Whoever kills a holder logs `died` BEFORE the kill: the victim surely held until then, and what it still manages
 * to log afterwards does not count.
 */
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Kind, LockEvent, Mode, Who } from './events.js';

export interface Recorder {
  /** `died` ends all holds of `who`, so it needs no lock. */
  record(kind: Kind, who: Who, lock?: string, mode?: Mode, token?: bigint): void;
}

const event = (at: number, kind: Kind, who: Who, lock: string, mode: Mode, token?: bigint): LockEvent =>
  token === undefined ? { at, kind, who, lock, mode } : { at, kind, who, lock, mode, token };

/** The log of one thread's tasks. */
export class TaskLog implements Recorder {
  readonly events: LockEvent[] = [];

  record(kind: Kind, who: Who, lock = '', mode: Mode = 'exclusive', token?: bigint): void {
    this.events.push(event(this.events.length, kind, who, lock, mode, token));
  }
}

/** A log between threads: plain data, to be handed to workers. */
export interface ThreadLog {
  readonly words: Int32Array;
  readonly capacity: number;
  readonly locks: readonly string[];
}

// words: [next place, count of writer 0, count of writer 1, ... | events of writer 0 | events of writer 1 | ...]
// event: [place, kind, who, lock, mode, token low, token high]; a token of -1 stands for none
const SIZE = 7;
const KINDS: readonly Kind[] = ['request', 'grant', 'release', 'timeout', 'abort', 'died'];
const EXCLUSIVE = -1;
const SHARED = -2;

/** Room for `capacity` events of each of `writers` on the named locks. */
export function threadLog(writers: number, capacity: number, locks: readonly string[]): ThreadLog {
  const length = 1 + writers + writers * capacity * SIZE;
  return { words: new Int32Array(new SharedArrayBuffer(length * 4)), capacity, locks };
}

const writersOf = ({ words, capacity }: ThreadLog): number => (words.length - 1) / (1 + capacity * SIZE);

/** The recorder of one writer: a region belongs to one thread, whatever actors it speaks for. */
export function threadRecorder(log: ThreadLog, writer: number): Recorder {
  const { words, capacity, locks } = log;
  const region = 1 + writersOf(log) + writer * capacity * SIZE;
  let count = Atomics.load(words, 1 + writer);
  return {
    record(kind, who, lock, mode = 'exclusive', token = -1n) {
      if (count === capacity)
        throw new RangeError(`region ${writer} of the log is full at ${capacity} events`);
      const name = lock === undefined ? -1 : locks.indexOf(lock);
      if (name < 0 && kind !== 'died') throw new TypeError(`the log knows no lock '${lock}'`);
      if (typeof who !== 'number') throw new TypeError('between threads an actor is a number');
      const i = region + count++ * SIZE;
      words[i] = Atomics.add(words, 0, 1);
      words[i + 1] = KINDS.indexOf(kind);
      words[i + 2] = who;
      words[i + 3] = name;
      words[i + 4] = mode === 'exclusive' ? EXCLUSIVE : mode === 'shared' ? SHARED : mode;
      words[i + 5] = Number(BigInt.asIntN(32, token));
      words[i + 6] = Number(BigInt.asIntN(32, token >> 32n));
      // Published last: a thread that is terminated in between leaves no half event.
      Atomics.store(words, 1 + writer, count);
    },
  };
}

export function readThreadLog(log: ThreadLog): LockEvent[] {
  const { words, capacity, locks } = log;
  const events: LockEvent[] = [];
  const writers = writersOf(log);
  const word = (i: number): number => words[i] ?? 0;
  for (let writer = 0; writer < writers; writer++) {
    const region = 1 + writers + writer * capacity * SIZE;
    const end = region + Atomics.load(words, 1 + writer) * SIZE;
    for (let i = region; i < end; i += SIZE) {
      const code = word(i + 4);
      const mode: Mode = code === EXCLUSIVE ? 'exclusive' : code === SHARED ? 'shared' : code;
      const token =
        word(i + 5) === -1 && word(i + 6) === -1
          ? undefined
          : (BigInt(word(i + 6)) << 32n) | BigInt.asUintN(32, BigInt(word(i + 5)));
      const kind = KINDS[word(i + 1)] ?? 'died';
      events.push(event(word(i), kind, word(i + 2), locks[word(i + 3)] ?? '', mode, token));
    }
  }
  return events;
}

type Line = [at: string, kind: Kind, who: Who, lock: string, mode: Mode, token: string | null];

/** The recorder of one process (or one thread of it): its own file in the folder of the run. */
export class FileLog implements Recorder {
  readonly #fd: number;
  #last = 0n;
  static #files = 0;

  constructor(folder: string) {
    this.#fd = openSync(
      join(folder, `${process.pid}-${FileLog.#files++}-${process.hrtime.bigint()}.events`),
      'ax',
    );
  }

  record(kind: Kind, who: Who, lock = '', mode: Mode = 'exclusive', token?: bigint): void {
    let now = process.hrtime.bigint();
    // A coarse clock must not undo the order in which this writer has logged.
    if (now <= this.#last) now = this.#last + 1n;
    this.#last = now;
    writeSync(this.#fd, `${JSON.stringify([String(now), kind, who, lock, mode, token?.toString()])}\n`);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** All events of a run; a last line that a kill has cut off is not one. */
export function readFileLogs(folder: string): LockEvent[] {
  const lines = readdirSync(folder)
    .filter((name) => name.endsWith('.events'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1))
    .map((line): Line => JSON.parse(line));
  const times = lines.map(([at]) => BigInt(at));
  // Nanoseconds since the first event are exact as a number; since the boot they would not be for ever.
  let first = times[0] ?? 0n;
  for (const time of times) if (time < first) first = time;
  return lines.map(([, kind, who, lock, mode, token], i) =>
    event(
      Number((times[i] ?? 0n) - first),
      kind,
      who,
      lock,
      mode,
      token === null ? undefined : BigInt(token),
    ),
  );
}

export interface Held {
  release(): unknown;
  readonly token?: bigint;
}

/**
 * One recorded round: request, grant, body, release, each logged on the sure side. Resolves to whether the lock was
 * granted (null means that the time was up); an error of the acquire is logged as its end and passed on.
 */
export async function hold(
  log: Recorder,
  { who, lock, mode = 'exclusive' }: { who: Who; lock: string; mode?: Mode },
  acquire: () => Promise<Held | null> | Held | null,
  body?: () => unknown,
): Promise<boolean> {
  log.record('request', who, lock, mode);
  let held: Held | null;
  try {
    held = await acquire();
  } catch (error) {
    const late = error instanceof Error && error.name.endsWith('TimeoutError');
    log.record(late ? 'timeout' : 'abort', who, lock, mode);
    throw error;
  }
  if (!held) {
    log.record('timeout', who, lock, mode);
    return false;
  }
  log.record('grant', who, lock, mode, held.token);
  try {
    await body?.();
  } finally {
    log.record('release', who, lock, mode);
    await held.release();
  }
  return true;
}
