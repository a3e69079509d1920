/** Workers that have loaded the addon, and every way in which a thread can end. */
import { Worker } from 'node:worker_threads';
import type { WorkerOptions } from 'node:worker_threads';
import { waitUntil } from '../../src/testing/wait.js';

/** For code that is compiled nowhere. */
export const addonModule: string = new URL('../../src/addon.js', import.meta.url).href;

/**
 * Runs `code`, in which `addon`, `words` and `parentPort` are there. Its output is kept away from ours. `options` may
 * give other data than the words, as `workerData.words`.
 */
export function addonWorker(code: string, words: Int32Array, options: WorkerOptions = {}): Worker {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    const words = workerData.words ?? workerData;
    import(${JSON.stringify(addonModule)}).then(({ loadAddon }) => {
      const addon = loadAddon();
      ${code}
    });
  `;
  return new Worker(source, { eval: true, workerData: words, stdout: true, stderr: true, ...options });
}

export interface Ending {
  readonly what: string;
  /** Runs in the worker last. */
  readonly how: string;
  /** It stays until it is terminated. */
  readonly terminate: boolean;
  readonly options?: WorkerOptions;
}

export const endings: readonly Ending[] = [
  { what: 'returns', how: '', terminate: false },
  { what: 'calls process.exit', how: 'process.exit(3);', terminate: false },
  {
    what: 'throws',
    how: "setImmediate(() => { throw new Error('on purpose'); });",
    terminate: false,
  },
  { what: 'is terminated while idle', how: 'setInterval(() => {}, 1000);', terminate: true },
  { what: 'is terminated in a busy loop', how: 'for (;;);', terminate: true },
  {
    what: 'is terminated while it blocks in Atomics.wait',
    how: 'Atomics.wait(words, 2, 0);',
    terminate: true,
  },
  {
    what: 'runs out of memory',
    how: 'const all = []; for (;;) all.push(new Array(1000).fill({}));',
    terminate: false,
    options: { resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 } },
  },
];

/** Runs `first` in a worker, tells its number in words[0], then ends as told. Resolves when the number is there. */
export async function endingWorker(
  words: Int32Array,
  first: string,
  { how, options }: Ending,
): Promise<{ id: number; worker: Worker; exited: Promise<unknown> }> {
  const worker = addonWorker(`${first}\nAtomics.store(words, 0, addon.threadId());\n${how}`, words, options);
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  worker.on('error', () => {});
  await waitUntil(() => Atomics.load(words, 0) !== 0, { what: 'the worker is about to end' });
  return { id: Atomics.load(words, 0), worker, exited };
}
