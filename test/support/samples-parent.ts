/** A parent that spawns a taker, tells its pid, and then is ended, ends, or forgets it: the taker must not stay. */
import { once } from 'node:events';
import { spawnTaker } from '../../src/testing/taker.js';

const [state, way] = process.argv.slice(2);
const taker = await spawnTaker(new URL('./samples.js', import.meta.url));
if (state === 'busy') await taker.busy();
process.send?.(taker.pid);
if (way !== 'forgets') {
  await once(process, 'message');
  process.exit();
}
