/** The package's own, for users too: see src/testing. */
export { spawnTaker } from '../../src/testing/taker.js';
export type { Acquired, End, Take, Taker, TakerOptions } from '../../src/testing/taker.js';
