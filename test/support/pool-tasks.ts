/** What the tasks of a pool do (users-piscina.test.ts). They are told a name, and words to be seen by. */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { threadId } from 'node:worker_threads';
import { lock, lockSync, semaphore } from '../../src/index.js';
import type { Guard, Hold } from '../../src/index.js';

export interface Task {
  readonly name: string;
  /** Of those in WORDS. */
  readonly words: Int32Array;
  readonly external?: boolean;
  readonly lockPath?: string;
}

/** How far they are: who is inside, the sum, how often two were inside; tasks that are about to take; that have. */
export const WORDS = { Inside: 0, Sum: 1, Broken: 2, Begun: 3, Got: 4, Most: 5, Go: 6 } as const;

export const newTask = (name: string): Task => ({
  name,
  words: new Int32Array(new SharedArrayBuffer(32)),
});

/** Alone, or it shows: not atomic on purpose, the lock must do. */
export function visit(words: Int32Array): void {
  if (words[WORDS.Inside] !== 0) Atomics.add(words, WORDS.Broken, 1);
  words[WORDS.Inside] = 1;
  const before = words[WORDS.Sum] ?? 0;
  for (let i = 0; i < 200; i++) Math.random();
  words[WORDS.Sum] = before + 1;
  words[WORDS.Inside] = 0;
}

/** Adds one ten times, and lets the loop turn inside. */
export async function count({ name, words }: Task): Promise<void> {
  for (let i = 0; i < 10; i++) {
    await lock(name, async () => {
      visit(words);
      if (i % 5 === 0) await setImmediate();
      visit(words);
    });
  }
}

/** The same, blocking. */
export function countSync({ name, words }: Task): void {
  for (let i = 0; i < 10; i++) {
    const hold = lockSync(name);
    visit(words);
    visit(words);
    hold.release();
  }
}

async function take(task: Task): Promise<Guard> {
  const { name, words, external = false, lockPath } = task;
  Atomics.add(words, WORDS.Begun, 1);
  const guard = await lock(name, { external, ...(lockPath !== undefined && { lockPath }) });
  Atomics.add(words, WORDS.Got, 1);
  return guard;
}

function takeSync({ name, words }: Task): Hold {
  Atomics.add(words, WORDS.Begun, 1);
  const hold = lockSync(name);
  Atomics.add(words, WORDS.Got, 1);
  return hold;
}

/** Holds it until the test says go: what it was told. */
export async function holdUntilGo(task: Task): Promise<{ recovered: boolean; thread: number }> {
  const guard = await take(task);
  while (Atomics.load(task.words, WORDS.Go) === 0) await sleep(1);
  await guard.release();
  return { recovered: guard.recovered, thread: threadId };
}

/** Never ends. */
export async function holdForEver(task: Task): Promise<void> {
  await take(task);
  await new Promise(() => setInterval(() => undefined, 1000));
}

/** Never ends, and its thread stands still. */
export function holdForEverSync(task: Task): void {
  takeSync(task);
  for (;;) Atomics.wait(task.words, WORDS.Inside, 0);
}

/** Once round: whether the one before had died. */
export async function pass(task: Task): Promise<boolean> {
  const guard = await take(task);
  await guard.release();
  return guard.recovered;
}

export function passSync(task: Task): boolean {
  const hold = takeSync(task);
  hold.release();
  return hold.recovered;
}

const forgotten: unknown[] = [];

/** Comes to its end without giving it back. */
export async function forget(task: Task): Promise<void> {
  forgotten.push(await take(task));
}

/** Ends its thread while it holds. */
export async function exit(task: Task): Promise<void> {
  await take(task);
  process.exit();
}

/** The thread ends for want of memory while it holds. */
export async function eat(task: Task): Promise<void> {
  await take(task);
  for (;;) forgotten.push(Array.from({ length: 10_000 }, (_, i) => ({ i })));
}

/** Two at a time, and no third: counts those inside, and stays until it has seen the other or the test says go. */
export async function permit({ name, words }: Task): Promise<void> {
  const guard = await semaphore(name, 2).acquire();
  const inside = Atomics.add(words, WORDS.Inside, 1) + 1;
  if (inside > (words[WORDS.Most] ?? 0)) Atomics.store(words, WORDS.Most, inside);
  while (Atomics.load(words, WORDS.Most) < 2 && Atomics.load(words, WORDS.Go) === 0) await sleep(1);
  Atomics.add(words, WORDS.Sum, 1);
  Atomics.sub(words, WORDS.Inside, 1);
  await guard.release();
}

/** Holds one permit until the test says go. */
export async function holdPermit({ name, words }: Task): Promise<void> {
  const guard = await semaphore(name, 2).acquire();
  Atomics.add(words, WORDS.Got, 1);
  while (Atomics.load(words, WORDS.Go) === 0) await sleep(1);
  await guard.release();
}

/** Gives it back before `minHold` is over; when it began, by the clock of the host. */
export async function short({ name, minHold }: { name: string; minHold: number }): Promise<bigint> {
  const begin = process.hrtime.bigint();
  await lock(name, { minHold }, () => undefined);
  return begin;
}
