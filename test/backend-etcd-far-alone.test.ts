/** What becomes of one who is far off in etcd, whoever else is there: what he keeps alive, and that no telling is lost. */
import assert from 'node:assert/strict';
import { test as always } from 'node:test';
import type { Watch } from '../src/backend.js';
import { EtcdClient } from '../src/backends/etcd-client.js';
import { FarWatch } from '../src/backends/etcd-far.js';
import { settingsOf } from '../src/backends/etcd-options.js';
import { waitUntil } from '../src/testing/wait.js';
import { ownEtcd } from './support/own-etcd.js';

const { server, options } = ownEtcd();
const test = (name: string, body: () => Promise<void>): void => void always(name, options, body);

const turn = (): Promise<void> => new Promise(setImmediate);

/** What keeps the program alive. */
const alive = (kind: 'Timeout' | 'TCPSocketWrap'): number =>
  process.getActiveResourcesInfo().filter((what) => what === kind).length;

interface Opened extends Disposable {
  readonly far: FarWatch;
  readonly closes: () => number;
}

async function openFar(near: () => Promise<Watch>): Promise<Opened> {
  const client = new EtcdClient(settingsOf({ endpoints: server.urls }));
  const watcher = { id: 'one', place: () => undefined, isTried: () => false };
  let closes = 0;
  const events = { near, closed: () => closes++ };
  const far = new FarWatch(watcher, 'eA==', client, { lock: 'x', deadline: 1000 }, events);
  await far.open();
  return { far, closes: () => closes, [Symbol.dispose]: () => client.close() };
}

const failing = (): Promise<Watch> => Promise.reject(new Error('not now'));

test('who has given up while he could not come near keeps no program alive', async () => {
  let tries = 0;
  using opened = await openFar(() => {
    tries++;
    return failing();
  });
  const { far, closes } = opened;
  const before = alive('Timeout');
  far.come();
  far.come();
  await turn();
  assert.deepEqual([tries, alive('Timeout')], [1, before + 1], 'he pauses');
  far.close();
  far.close();
  assert.deepEqual([closes(), alive('Timeout')], [1, before]);
});

test('who gives up while he comes near does not try again', async () => {
  let fail: (() => void) | undefined;
  using opened = await openFar(() => new Promise((_, reject) => (fail = () => reject(new Error('not now')))));
  const { far } = opened;
  const before = alive('Timeout');
  far.come();
  far.close();
  fail?.();
  await turn();
  assert.equal(alive('Timeout'), before);
});

test('who cannot come near tries again, with longer and longer pauses', async () => {
  let tries = 0;
  using opened = await openFar(() => {
    tries++;
    return failing();
  });
  const begun = performance.now();
  opened.far.come();
  await waitUntil(() => tries >= 4, { what: 'he has tried four times' });
  // Half of 50, 100 and 200 ms at least.
  assert.ok(performance.now() - begun > 150);
  opened.far.close();
});

test('who comes near while he does not listen is told afterwards', async () => {
  let told = 0;
  const near: Watch = { changed: async () => void told++, close: () => undefined };
  using opened = await openFar(async () => near);
  const { far } = opened;
  far.come();
  await turn();
  await far.changed();
  assert.equal(told, 0, 'by himself');
  await far.changed();
  assert.equal(told, 1, 'by the stream of all');
  far.close();
});

test('who is far off keeps the program alive while he listens, and only then', async () => {
  using opened = await openFar(failing);
  const { far } = opened;
  await turn();
  const before = alive('TCPSocketWrap');
  const changed = far.changed();
  assert.equal(alive('TCPSocketWrap'), before + 1);
  far.tell();
  await changed;
  assert.equal(alive('TCPSocketWrap'), before);
  far.close();
});
