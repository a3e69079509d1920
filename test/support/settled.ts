/** The package's own, for users too: see src/testing. */
export { mustBlock, settled, turn } from '../../src/testing/settled.js';
