/** A store that each process has for itself: no store. */
import type { Backend } from '../../src/backend.js';
import { memory } from '../../src/backends/memory.js';

export function open(): Backend {
  return memory();
}
