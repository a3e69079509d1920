/** What the worker harness is tried on. */
import { allowedCores } from './system.js';
import { spinUntil } from '../../src/testing/wait.js';

export const run = (index: number, data: { first: number }): number => data.first + index;

/** Ends only if all three are inside at the same time. */
export function meet(_: number, inside: Int32Array): number {
  Atomics.add(inside, 0, 1);
  spinUntil(() => Atomics.load(inside, 0) === 3, { what: 'all three are inside' });
  return Atomics.load(inside, 0);
}

/** The others wait for the one that fails. */
export function failOnOne(index: number, word: Int32Array): void {
  if (index === 1) throw new RangeError('worker one is unwell');
  Atomics.wait(word, 0, 0);
}

/** Worker 0 stays inside for ever. */
export function stay(index: number, inside: Int32Array): string {
  Atomics.store(inside, index, 1);
  if (index === 0) Atomics.wait(inside, 0, 1);
  return 'done';
}

export function leave(): void {
  process.exit(7);
}

/** Never gets as far as the gate of the test that gives it a wrong name. */
export const number = 1;

export const cores = (): string => allowedCores().join();
