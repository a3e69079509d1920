/**
 * Who waits for whom, among those who run inside of a lock: what `lock(name, fn)`, `synchronized` and `guard.run` call.
 * Everything that such a function calls, and awaits, carries its mark, by an AsyncLocalStorage that is made at the first
 * such call. So it can be told when somebody waits for himself, or several for each other in a circle; and who may be
 * let in again.
 *
 * What has no mark is nobody's: a guard that was taken outside, or that one has passed on, is held by no context, and
 * no circle is found through it.
 *
 * Invariants
 * - A mark stands for its hold as long as the function runs, and any part of the hold lives.
 * - A wait is known to its mark and to all marks around that, until it ends: they all wait for it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { LockDeadlockError } from './errors.js';
import { takenAt } from './refusals.js';

/** A hold (hold.ts), as far as it matters here. */
export interface Held {
  readonly name: string;
  /** The hold that it is a part of; itself, if none. */
  readonly whole: Held;
  readonly lives: boolean;
  readonly source: Sought;
  /** Where the program has asked for it, if that is known. */
  readonly site: string | undefined;
}

/** One who runs inside of a lock. Made for every call: all of a name are a list through themselves, the newest first. */
export class Mark {
  readonly hold: Held;
  readonly around: Mark | undefined;
  readonly since: number;
  waits: Set<Wait> | undefined;
  older: Mark | undefined;
  newer: Mark | undefined;

  constructor(hold: Held, around: Mark | undefined, older: Mark | undefined) {
    this.hold = hold;
    this.around = around;
    this.since = Date.now();
    this.waits = undefined;
    this.older = older;
    this.newer = undefined;
  }
}

/** What somebody waits for, who runs inside of something. */
interface Wait {
  readonly queue: Sought;
  readonly mark: Mark;
}

/** A name, as far as it matters here. */
export interface Sought {
  readonly key: string;
  /** Who runs inside of it, the newest first. */
  marks: Mark | undefined;
}

let storage: AsyncLocalStorage<Mark | undefined> | undefined;

/** Inside of what we run. */
export function currentMark(): Mark | undefined {
  return storage?.getStore();
}

/** Somebody is about to run inside of a hold; until `leave`. */
export function enter(hold: Held): Mark {
  storage ??= new AsyncLocalStorage();
  const { source } = hold.whole;
  const older = source.marks;
  const mark = new Mark(hold, storage.getStore(), older);
  if (older !== undefined) older.newer = mark;
  source.marks = mark;
  return mark;
}

/** Runs `fn` with the mark. */
export function runMarked<A, T>(mark: Mark, fn: (arg: A) => T, arg: A): T {
  return storage === undefined ? fn(arg) : storage.run(mark, fn, arg);
}

/** Once, for each mark. Its hold may have ended before, and its queue be that of another name, with a list of its own. */
export function leave(mark: Mark): void {
  const { older, newer } = mark;
  const { source } = mark.hold.whole;
  if (newer !== undefined) newer.older = older;
  else if (source.marks === mark) source.marks = older;
  if (older !== undefined) older.newer = newer;
}

/**
 * Runs `fn` as one that is inside of nothing: work that the holder of a lock starts and does not wait for. Such work may
 * wait for the lock like anybody else.
 *
 * @example
 * import { detach, lock } from 'tierlock';
 *
 * let later: Promise<string> | undefined;
 * await lock('orders', async () => {
 *   later = detach(() => lock('orders', async () => 'my turn'));
 * });
 * console.log(await later); // my turn
 */
export function detach<T>(fn: () => T): T {
  return storage === undefined ? fn() : storage.run(undefined, fn);
}

/** The hold of that queue inside of which we run, if there is one. */
export function heldAround(queue: object): Held | undefined {
  for (let mark = currentMark(); mark !== undefined; mark = mark.around) {
    const { whole } = mark.hold;
    if (whole.source === queue && whole.lives) return whole;
  }
  return undefined;
}

/**
 * We are about to wait for that name. Throws if that wait could never end, because we hold it, or somebody who does
 * waits for us. Else it is known that we wait, until what is returned is called; undefined if we run inside of nothing.
 */
export function beginWait(queue: Sought): (() => void) | undefined {
  const mark = currentMark();
  if (mark === undefined) return undefined;
  const path = circle(queue, mark, new Set());
  if (path !== undefined) throw deadlock(queue, path);
  const wait: Wait = { queue, mark };
  for (let at: Mark | undefined = mark; at !== undefined; at = at.around) (at.waits ??= new Set()).add(wait);
  return () => {
    for (let at: Mark | undefined = mark; at !== undefined; at = at.around) at.waits?.delete(wait);
  };
}

/** The holders from the one who is in the way of a wait for that name to one inside of whom `we` run, if there are such. */
function circle(queue: Sought, we: Mark, seen: Set<Mark>): Mark[] | undefined {
  for (let holder = queue.marks; holder !== undefined; holder = holder.older) {
    if (seen.has(holder) || !holder.hold.whole.lives) continue;
    seen.add(holder);
    if (isAround(holder, we)) return [holder];
    for (const wait of holder.waits ?? []) {
      const rest = circle(wait.queue, we, seen);
      if (rest !== undefined) return [holder, ...rest];
    }
  }
  return undefined;
}

function isAround(mark: Mark, inner: Mark): boolean {
  for (let at: Mark | undefined = inner; at !== undefined; at = at.around) if (at === mark) return true;
  return false;
}

function deadlock({ key }: Sought, path: readonly Mark[]): LockDeadlockError {
  const held = path.map(
    ({ hold, since }) => `'${hold.name}', held since ${new Date(since).toISOString()}${takenAt(hold.site)}`,
  );
  const message =
    path.length === 1
      ? `waiting for the lock '${key}' would never end: we run inside of it (${held[0]}). Release it first, ask for it ` +
        'with { reentrant: true }, or start what need not be waited for with detach()'
      : `waiting for the lock '${key}' would close a circle of waits: ${held.join(', whose holder waits for ')}, inside of ` +
        'which this wait would be. Take them in one order everywhere, or all at once with lockAll()';
  return new LockDeadlockError(message, { lock: key });
}
