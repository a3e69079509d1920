/** The package's own, for users too: see src/testing. */
export { explore, format, refute, replay, verify } from '../../src/testing/interleave.js';
export type {
  Atoms,
  Env,
  Failure,
  Memory,
  Mode,
  Result,
  Search,
  Spec,
  Step,
  Thread,
} from '../../src/testing/interleave.js';
