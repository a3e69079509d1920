/** A process that contends for a file; see contenders.ts. */
import cluster from 'node:cluster';
import { contend } from './contenders.js';

const contest = process.env['TIERLOCK_CONTEST'] ?? '';
const { sort, ...rest } = JSON.parse(contest);
// What it was started as is what it must be.
if (cluster.isWorker !== (sort === 'cluster')) throw new Error(`this is no ${sort} process`);
if ((process.send === undefined) !== (sort === 'plain')) throw new Error(`this is no ${sort} process`);
await contend(rest);
if (process.connected) process.disconnect();
