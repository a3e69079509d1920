/** How etcd is given: by options or by a URL, and what is refused, before anything is opened. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { etcd } from '../src/backends/etcd.js';
import { settingsOf } from '../src/backends/etcd-options.js';
import type { EtcdOptions } from '../src/index.js';

const plain = {
  endpoints: [{ host: '127.0.0.1', port: 2379 }],
  user: undefined,
  password: '',
  tls: undefined,
  prefix: 'tierlock',
  timeout: 1500,
  watchHeld: false,
};

test('options and URLs say the same', () => {
  const endpoints = [
    { host: 'a', port: 2379 },
    { host: '::1', port: 1 },
    { host: '10.0.0.1', port: 65535 },
  ];
  const same: readonly (readonly [EtcdOptions, string, object])[] = [
    [{}, 'etcd://', {}],
    [{ endpoints: ['http://127.0.0.1:2379/'] }, 'etcd://127.0.0.1', {}],
    [{ endpoints: ['a', '[::1]:1', '10.0.0.1:65535'] }, 'etcd://a,[::1]:1,10.0.0.1:65535/', { endpoints }],
    [{ user: 'me', password: 'p@:/' }, 'etcd://me:p%40%3A%2F@127.0.0.1', { user: 'me', password: 'p@:/' }],
    [{ prefix: 'a/b/' }, 'ETCD:///a/b', { prefix: 'a/b' }],
    [{ prefix: '/a b' }, 'etcd:////a%20b/', { prefix: '/a b' }],
    [
      { timeout: 300, watchHeld: true },
      'etcd://?timeout=300&watchHeld=true',
      { timeout: 300, watchHeld: true },
    ],
  ];
  for (const [options, url, expected] of same) {
    assert.deepEqual(settingsOf(options), { ...plain, ...expected });
    assert.deepEqual(settingsOf(url), { ...plain, ...expected });
  }
  const ca = 'PEM';
  assert.deepEqual(settingsOf({ tls: { ca } }).tls?.(), { ca });
  assert.deepEqual(settingsOf({ endpoints: ['https://a'] }).tls?.(), {});
  assert.deepEqual(settingsOf({ endpoints: ['a'], tls: true }).tls?.(), {});
  assert.deepEqual(settingsOf('etcds://a').tls?.(), {});
  assert.equal(settingsOf({ tls: false }).tls, undefined);
});

test('what makes no sense is refused, by its name and without passwords', () => {
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{ endpoint: 'a' }, /no option 'endpoint'/],
    [{ endpoints: 'a' }, /'endpoints' of etcd must be/],
    [{ endpoints: [] }, /'endpoints' of etcd must be/],
    [{ endpoints: ['a b'] }, /'a b' is no endpoint/],
    [{ endpoints: ['http://a/b'] }, /is no endpoint/],
    [{ endpoints: ['http://me:secret@a'] }, /^TypeError: 'a' is no endpoint/],
    [{ endpoints: ['https://a', 'http://b'] }, /all of https, or none/],
    [{ user: 1 }, /'user' of etcd must be a string/],
    [{ tls: null }, /'tls' of etcd must be/],
    [{ timeout: 0 }, /'timeout' of etcd must be more than 0/],
    [{ prefix: 'a//b' }, /two slashes in a row/],
    ['http://a', /the URL of an etcd is/],
    ['etcd://a?size=1', /no parameter 'size'/],
    ['etcd://a?timeout=soon', /'timeout' of etcd must be more than 0/],
  ];
  for (const [given, message] of wrong) assert.throws(() => etcd(given as EtcdOptions), message);
  const secret = 'etcd:/me:secret@a';
  assert.throws(
    () => etcd(secret),
    (error: Error) => !error.message.includes('secret'),
  );
});

test('nothing is opened before its first use, and what was never used can be closed', async () => {
  const store = etcd('etcds://nowhere.invalid?ca=/no/such/file');
  assert.deepEqual([store.name, store.supports.fifo, store.supports.owner], ['etcd', true, false]);
  await store.close();
});
