/**
 * The tasks of a piscina pool and the main thread count in one file. Nothing is passed to the tasks but the file: they
 * find the lock by its name.
 *
 *     npm install tierlock piscina
 *     node piscina-pool.mjs
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { lock, semaphore } from 'tierlock';

/**
 * One task: adds one to the number in the file.
 *
 * @param {string} file
 */
export default async function count(file) {
  await lock('counter', async (guard) => {
    // Whoever held the lock was terminated meanwhile. Here that may have left the file empty: see what you can repair.
    if (guard.recovered) console.error('the last task did not come to its end');
    const number = Number(await readFile(file, 'utf8'));
    await writeFile(file, String(number + 1));
  });
  // Of the next part two may run at a time, however many threads the pool has.
  const permit = await semaphore('heavy', 2).acquire();
  try {
    for (let i = 0; i < 100_000; i++) Math.sqrt(i);
  } finally {
    await permit.release();
  }
}

if (isMainThread) {
  const folder = await mkdtemp(join(tmpdir(), 'counter-'));
  const file = join(folder, 'counter');
  await writeFile(file, '0');
  const pool = new Piscina({ filename: import.meta.url, minThreads: 4, maxThreads: 4 });

  const tasks = Array.from({ length: 100 }, () => pool.run(file));
  const own = Array.from({ length: 100 }, () => count(file));
  await Promise.all([...tasks, ...own]);
  console.log(`200 times counted: ${await readFile(file, 'utf8')}`);

  await pool.destroy();
  await rm(folder, { recursive: true });
}
