/** A parent that spawns a taker, tells its pid, and then ends or is ended: the taker must not stay. */
import { once } from 'node:events';
import { spawnTaker } from './taker.js';

const taker = await spawnTaker(new URL('./samples.js', import.meta.url));
if (process.argv[2] === 'busy') await taker.busy();
process.send?.(taker.pid);
await once(process, 'message');
process.exit();
