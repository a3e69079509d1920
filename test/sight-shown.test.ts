/** What console.log shows of locks, guards and stores: one line with their state, and nothing that it should not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import {
  Condition,
  connect,
  FileLock,
  lock,
  lockAll,
  lockSync,
  Mutex,
  RWLock,
  Semaphore,
  semaphore,
} from '../src/index.js';
import { join } from 'node:path';
import { newFolder } from './support/locks.js';
import { mustBlock } from '../src/testing/settled.js';

const folder = newFolder();

test('locks', async () => {
  const mutex = new Mutex();
  assert.equal(inspect(mutex), 'Mutex { locked: false, waiting: 0 }');
  const guard = await mutex.lock();
  const { wait } = await mustBlock(Promise.all([mutex.lock(), mutex.run(() => 1)]));
  assert.equal(inspect(mutex), 'Mutex { locked: true, waiting: 2 }');
  assert.equal(inspect(guard), "SyncGuard { held: true, mode: 'exclusive' }");
  guard.release();
  assert.equal(inspect(guard), "SyncGuard { held: false, mode: 'exclusive' }");
  void wait;

  const rwlock = new RWLock();
  using one = rwlock.readSync();
  assert.equal(inspect(rwlock), 'RWLock { readers: 1, writer: false, waiting: 0 }');
  assert.equal(inspect(one), "RWGuard { held: true, mode: 'shared' }");
  const permits = new Semaphore(3);
  using two = permits.acquireSync(2);
  assert.equal(inspect(permits), 'Semaphore { available: 1, permits: 3, waiting: 0 }');
  assert.equal(inspect(two), "SyncGuard { held: true, mode: 'shared' }");
  assert.equal(inspect(new Condition(mutex)), 'Condition { waiting: 0 }');
  const path = join(folder, 'file.lock');
  assert.equal(inspect(new FileLock(path)), `FileLock { path: '${path}', held: false, waiting: 0 }`);
});

test('guards of names', async () => {
  const guard = await lock('n');
  assert.equal(inspect(guard), `Guard { name: 'n', held: true, mode: 'exclusive', token: ${guard.token}n }`);
  await guard.release();
  using hold = lockSync('n', { shared: true });
  assert.equal(inspect(hold), `Hold { name: 'n', held: true, mode: 'shared', token: ${hold.token}n }`);
  await using both = await lockAll(['b', 'a']);
  assert.equal(inspect(both), "GuardGroup { held: true, names: [ 'a', 'b' ] }");
  assert.equal(inspect(semaphore('s', 3)), "NamedSemaphore { name: 's', permits: 3, waiting: 0 }");
});

test('stores, without their passwords', async () => {
  await using memory = connect('memory:');
  assert.equal(inspect(memory), 'MemoryBackend { closed: false, waiting: 0 }');
  await using file = connect(`file://${folder}`);
  assert.equal(inspect(file), `FileBackend { folder: '${folder}', closed: false, held: 0 }`);
  const etcd = connect('etcd://user:secret@127.0.0.1:1');
  assert.equal(inspect(etcd), 'EtcdBackend { closed: false, held: 0 }');
  await etcd.close();
  assert.equal(inspect(etcd), 'EtcdBackend { closed: true, held: 0 }');
  const redis = connect('redis://user:secret@127.0.0.1:1?prefix=p:');
  assert.equal(inspect(redis), "RedisBackend { prefix: 'p:', closed: false }");
  await redis.close();
});

test('inside of something else, in colours, too deep, and what is none', () => {
  const mutex = new Mutex();
  assert.equal(inspect({ mutex }), '{ mutex: Mutex { locked: false, waiting: 0 } }');
  assert.ok(inspect(mutex, { colors: true }).startsWith('Mutex { locked: \u001B[33mfalse'));
  assert.equal(inspect([[[mutex]]], { depth: 2 }), '[ [ [ [Mutex] ] ] ]');
  assert.equal(inspect(Object.create(Mutex.prototype)), 'Mutex {}');
  class Mine extends Mutex {}
  assert.equal(inspect(new Mine()), 'Mine { locked: false, waiting: 0 }');
});
