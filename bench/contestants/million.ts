/**
 * A million names, made before the clock starts, in an order in which each comes once before any comes again; and what
 * whoever finds a lock by its name does at least.
 */
import { lock } from '../../src/index.js';
import { type Contestants, tally } from './contestant.js';

const COUNT = 1_000_000;
const STEP = 618_033; // has no factor in common with it
const names = Array.from({ length: COUNT }, (_, i) => `order-${i}`);
let at = 0;

function next(): string {
  at = (at + STEP) % COUNT;
  return names[at] ?? '';
}

/** FNV-1a. */
function hash(text: string): number {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  return sum;
}

const known = new Map<string, number>();

export const contestants: Contestants = {
  'a million names: Map set, delete and hash': {
    async loop(n) {
      for (let i = 0; i < n; i++) {
        const name = next();
        known.set(name, hash(name));
        tally.entered++;
        known.delete(name);
      }
    },
  },
  'a million names: lock(name)': {
    async loop(n) {
      for (let i = 0; i < n; i++) {
        const guard = await lock(next());
        tally.entered++;
        void guard.release();
      }
    },
  },
};
