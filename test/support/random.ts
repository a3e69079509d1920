/** The package's own: see src/testing. */
export { generator, random } from '../../src/testing/random.js';
