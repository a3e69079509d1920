/** Names without the addon: a clear refusal, or a program without worker threads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';

const index = JSON.stringify(new URL('../src/index.js', import.meta.url).href);

/** Runs it in a process that has no addon; what it prints. */
async function without(code: string): Promise<string> {
  const source = `import * as t from ${index}; import assert from 'node:assert/strict'; ${code}`;
  const env = { ...process.env, TIERLOCK_ADDON: 'off' };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', source], {
    env,
  });
  return stdout;
}

const refused = `{ name: 'LockUnsupportedError', message: /TIERLOCK_ADDON=off.*configure\\(\\{ threads: false \\}\\)/ }`;

test('without the addon every call by name refuses, and says what can be done', async () => {
  const said = await without(`
    await assert.rejects(t.lock('a'), ${refused});
    await assert.rejects(t.lock('a', { timeout: 1 }), ${refused});
    await assert.rejects(t.lock('a', () => 1), ${refused});
    await assert.rejects(t.tryLock('a'), ${refused});
    await assert.rejects(t.lockAll(['a']), ${refused});
    await assert.rejects(t.semaphore('a', 2).acquire(), ${refused});
    await assert.rejects(t.inspect(), ${refused});
    assert.throws(() => t.lockSync('a'), ${refused});
    assert.throws(() => t.tryLockSync('a'), ${refused});
    assert.throws(() => t.FairLocks.get('a'), ${refused});
    t.configure({ threads: true });
    await assert.rejects(t.lock('a'), ${refused});
    console.log('done');
  `);
  assert.equal(said, 'done\n');
});

test('with configure({ threads: false }) names are locks of this thread', async () => {
  const said = await without(`
    t.configure({ threads: false });
    const guard = await t.lock('a');
    assert.equal(await t.tryLock('a'), null);
    assert.throws(() => t.lockSync('a'), t.LockDeadlockError);
    const order = [];
    const waits = [1, 2, 3].map((n) => t.lock('a', (inner) => { order.push(n); return inner.token; }));
    await assert.rejects(t.lock('a', { timeout: 5 }), t.LockTimeoutError);
    const [found] = await t.inspect();
    assert.deepEqual([found.name, found.waiting, found.holders[0].mode, found.holders[0].token],
      ['a', 3, 'exclusive', guard.token]);
    await guard.release();
    const tokens = await Promise.all(waits);
    assert.deepEqual(order, [1, 2, 3]);
    assert.ok([guard.token, ...tokens].every((token, i, all) => i === 0 || token > all[i - 1]));
    const again = await t.lock('a', () => t.lock('a', { reentrant: true }, () => 'again'));
    assert.equal(again, 'again');
    await assert.rejects(t.lock('a', () => t.lock('a')), t.LockDeadlockError);
    const shared = [t.lockSync('a', { shared: true }), t.lockSync('a', { shared: true })];
    assert.equal(t.tryLockSync('a'), null);
    assert.equal((await t.inspect('a'))[0].holders[0].mode, 'shared');
    for (const hold of shared) hold.release();
    const two = t.semaphore('s', 2);
    const permits = await two.acquire(2);
    assert.equal(await two.tryAcquire(), null);
    await assert.rejects(t.semaphore('s', 3).acquire(), t.LockMisuseError);
    await permits.release();
    assert.equal(t.FairLocks.get('v'), t.FairLocks.get('v'));
    const view = t.FairLocks.get('v').writeSync();
    assert.equal(await t.tryLock('v'), null);
    view.release();
    assert.deepEqual(await t.inspect(), []);
    // Other processes cannot be kept out, so that is refused all the same.
    await assert.rejects(t.lock('a', { external: true }), { name: 'LockUnsupportedError', message: /addon of tierlock is missing/ });
    assert.throws(() => t.tryLockSync('a', { external: true }), t.LockUnsupportedError);
    assert.deepEqual(await t.inspect(), []);
    for (let i = 0; i < 100000; i++) t.lockSync('n' + i).release();
    console.log('done');
  `);
  assert.equal(said, 'done\n');
});
