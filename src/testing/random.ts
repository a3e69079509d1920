/** Numbers that look random and can be had again: the same ones for the same seed. */

/** Numbers in [0, 1) (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Whole numbers: n -> 0 .. n-1. */
export function random(seed: number): (n: number) => number {
  const next = generator(seed);
  return (n) => Math.floor(next() * n);
}
