/** The package's own, for users too: see src/testing. */
export { spinUntil, waitUntil, within } from '../../src/testing/wait.js';
