/** A process that ends while its tasks and threads wait for a file ends at once, however it does, and nothing stays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FileLock } from '../src/index.js';
import type { Request } from './support/file-locks.js';
import { kernelLocks } from './support/system.js';
import { spawnTaker } from '../src/testing/taker.js';
import { temporary } from './support/temporary.js';
import { waitUntil } from '../src/testing/wait.js';

const module = new URL('./support/file-locks.js', import.meta.url);
const { newPath } = temporary();

/** It ends by itself when it is told to: no wait of ours would hold it up for so long. */
const SOON = 5000;

for (const kind of ['ofd', 'flock', 'posix'] as const) {
  for (const how of ['exit', 'SIGTERM', 'throw'] as const) {
    test(`${kind}: a process in which tasks and threads wait ends at once: ${how}`, async () => {
      const request: Request = { path: newPath(), kind };
      const guard = new FileLock(request.path, { kind }).lockSync();
      const taker = await spawnTaker(module);
      const wait = taker.take(request);
      const lost = assert.rejects(wait.acquired, /the taker|thrown on command/);
      await waitUntil(() => kernelLocks(request.path).some(({ waits }) => waits), { what: 'a thread waits' });
      if (kind === 'ofd') {
        await taker.run('blockThread', request);
        const blocked = (): number => kernelLocks(request.path).filter(({ waits }) => waits).length;
        await waitUntil(() => blocked() === 2, { what: 'another is blocked' });
      }
      await wait.mustBlock();
      const begin = performance.now();
      if (how === 'exit') assert.equal((await taker.exit(3)).code, 3);
      else if (how === 'throw') assert.equal((await taker.throw()).code, 1);
      else assert.equal((await taker.kill('SIGTERM')).signal, 'SIGTERM');
      assert.ok(performance.now() - begin < SOON);
      await lost;
      await waitUntil(() => kernelLocks(request.path).length === 1, { what: 'only we are left' });
      guard.release();
      assert.equal(new FileLock(request.path, { kind }).tryLock()?.release(), true, 'a ghost has it');
    });
  }
}

test('a process whose only thread is blocked ends at once: SIGTERM', async () => {
  const request: Request = { path: newPath() };
  using guard = new FileLock(request.path).lockSync();
  const taker = await spawnTaker(module);
  const wait = taker.take({ ...request, how: 'sync' });
  const lost = assert.rejects(wait.acquired, /the taker/);
  await waitUntil(() => kernelLocks(request.path).some(({ waits }) => waits), { what: 'it is blocked' });
  const begin = performance.now();
  assert.equal((await taker.kill('SIGTERM')).signal, 'SIGTERM');
  assert.ok(guard.held && performance.now() - begin < SOON);
  await lost;
});
