/** `tierlock/testing`: what the tests of this package stand on, for those of yours. */
export { explore } from './testing/explore.js';
export type { Explored, ExploreOptions, Step, Story } from './testing/explore.js';
export { refute, verify } from './testing/interleave.js';
export type { Search } from './testing/interleave/spec.js';
export { mustBlock, settled, turn } from './testing/settled.js';
export type { TakeByName } from './testing/take-by-name.js';
export { spawnTaker, Taker } from './testing/taker.js';
export type { Acquired, End, Take, TakerOptions } from './testing/taker.js';
export { waitUntil } from './testing/wait.js';
export type { WaitUntilOptions } from './testing/wait.js';
