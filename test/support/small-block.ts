/**
 * The block of this process, laid out so that a few names make it grow: four slots a chunk. A process has but one, so
 * a test file that imports this has this one.
 */
import { loadAddon } from '../../src/addon.js';
import type { Addon } from '../../src/addon.js';

const addon = loadAddon();

export const layout: Parameters<Addon['openBlock']> = [4, 64, 128, 4096, new Int32Array([71, 72])];
addon.openBlock(...layout);

/** The sixteen words of a slot. */
export function wordsOf(slot: number): Int32Array<ArrayBuffer> {
  return new Int32Array(addon.chunk(slot >> 2), 128 + (slot & 3) * 64, 16);
}

/** The same for the code of a worker. */
export const inWorker = `
  addon.openBlock(4, 64, 128, 4096, new Int32Array([71, 72]));
  const wordsOf = (slot) => new Int32Array(addon.chunk(slot >> 2), 128 + (slot & 3) * 64, 16);
`;
