/** Answers of etcd that come late, when the same request has been asked for once more: what they tell is not so any more. */
import assert from 'node:assert/strict';
import { test as always } from 'node:test';
import { once } from 'node:events';
import { createServer, request as requestHttp, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Backend } from '../src/backend.js';
import { etcd } from '../src/backends/etcd.js';
import { waitUntil } from '../src/testing/wait.js';
import { requestOf } from './support/backend-requests.js';
import { idIn, leasesIn, recordsIn } from './support/etcd-store.js';
import { ownEtcd } from './support/own-etcd.js';

const { server, options } = ownEtcd();
const test = (name: string, body: () => Promise<void>): void => void always(name, options, body);

interface Kept {
  /** Lets it go on; resolves when etcd has answered. */
  readonly go: () => Promise<void>;
  /** Ends the connection to who has asked. */
  readonly lose: () => void;
}

interface Keeper extends AsyncDisposable {
  readonly store: Backend;
  /** The next one in whose text that stands. */
  readonly keep: (what: 'call' | 'answer', text?: string) => Promise<Kept>;
}

/** A store, and between it and etcd somebody who keeps transactions back, or the answers to them. */
async function storeBehindKeeper(): Promise<Keeper> {
  let next: { what: 'call' | 'answer'; text: string; keep: (kept: Kept) => void } | undefined;
  const [node] = server.nodes;
  assert.ok(node);
  const { host, port } = node;
  const keeper = createServer((from, to) => {
    void (async () => {
      const body = await text(from);
      const { url: path, method, headers } = from;
      const wanted = path === '/v3/kv/txn' && body.includes(next?.text ?? '') ? next : undefined;
      if (wanted !== undefined) next = undefined;
      const call = requestHttp({ host, port, path, method, headers });
      const answered = once(call, 'response') as Promise<[IncomingMessage]>;
      // Who has asked may have gone.
      answered.catch(() => undefined);
      const lose = (): void => void to.destroy();
      const pass = async (): Promise<void> => {
        const [answer] = await answered;
        if (to.destroyed) answer.resume();
        else answer.pipe(to.writeHead(answer.statusCode ?? 0, answer.headers));
      };
      to.on('close', () => {
        if (wanted === undefined) call.destroy();
      });
      const go = async (): Promise<void> => {
        if (wanted?.what === 'call') call.end(body);
        await pass();
      };
      if (wanted?.what === 'call') return wanted.keep({ go, lose });
      call.end(body);
      await answered;
      if (wanted === undefined) await pass();
      else wanted.keep({ go, lose });
    })().catch(() => to.destroy());
  }).listen(0, '127.0.0.1');
  await once(keeper, 'listening');
  const store = etcd({ endpoints: [`127.0.0.1:${(keeper.address() as AddressInfo).port}`] });
  return {
    store,
    keep: (what, said = '') => new Promise((keep) => (next = { what, text: said, keep })),
    [Symbol.asyncDispose]: async () => {
      await store.close();
      keeper.close();
      keeper.closeAllConnections();
    },
  };
}

test('what was told while two looked is known to the one whose answer comes last', async () => {
  await using kept = await storeBehindKeeper();
  const { store } = kept;
  await using other = etcd({ endpoints: server.urls });
  await using third = etcd({ endpoints: server.urls });
  const key = 'lock:late';
  const first = await other.tryAcquire(requestOf(key));
  const request = requestOf(key, { waits: true });
  assert.equal(await store.tryAcquire(request), null);
  const watch = await store.watch?.(request);
  assert.ok(watch);
  assert.equal(await store.tryAcquire(request), null);
  const answer = kept.keep('answer');
  const late = store.tryAcquire(request);
  const { go } = await answer;
  // It has its turn, and is broken before it knows. Behind it two others wait, one under the name of the first.
  const heard = await store.watch?.(requestOf(key));
  await first?.release();
  await heard?.changed();
  const [again, rival] = [requestOf(key, { waits: true }), requestOf(key, { waits: true })];
  assert.equal(await other.tryAcquire(again), null);
  assert.equal(await third.tryAcquire(rival), null);
  assert.equal(await other.break?.(key), true);
  await heard?.changed();
  heard?.close();
  // It comes last, with a new record; and then the answer comes that knows of nothing of that.
  assert.equal(await store.tryAcquire(request), null);
  await go();
  assert.equal(await late, null);
  await watch.changed();
  const next = await other.tryAcquire(again);
  const gone = await store.watch?.(requestOf(key));
  assert.equal(await next?.release(), true);
  await gone?.changed();
  gone?.close();
  assert.equal(await store.tryAcquire(request), null, 'it is not its turn');
  assert.equal(await (await third.tryAcquire(rival))?.release(), true);
  await watch.changed();
  assert.equal(await (await store.tryAcquire(request))?.release(), true);
  watch.close();
});

test('who is told late that he waits, and holds already, leaves nothing behind that keeps his lease alive', async () => {
  await using kept = await storeBehindKeeper();
  const { store } = kept;
  await using other = etcd({ endpoints: server.urls });
  const key = 'lock:twice';
  const first = await other.tryAcquire(requestOf(key));
  const others = new Set(await leasesIn(server));
  const request = requestOf(key, { waits: true, ttl: 2000 });
  assert.equal(await store.tryAcquire(request), null);
  const watch = await store.watch?.(request);
  assert.equal(await store.tryAcquire(request), null);
  const answer = kept.keep('answer');
  const late = store.tryAcquire(request);
  const { go } = await answer;
  await first?.release();
  await watch?.changed();
  const grant = await store.tryAcquire(request);
  assert.ok(grant);
  await go();
  assert.equal(await late, null);
  assert.equal(await grant.release(), true);
  watch?.close();
  const lives = async (): Promise<boolean> => (await leasesIn(server)).some((id) => !others.has(id));
  await waitUntil(async () => !(await lives()), { what: 'its lease has lapsed' });
});

const MOVE = '"target":"CREATE"';

const leaseOf = async (key: string, id: string): Promise<string | undefined> =>
  (await recordsIn(server, `tierlock/${key}//`)).find((kv) => idIn(kv) === id)?.lease;

/** Nobody knows whether a record was put: the lease is not used any more. */
async function retire({ store, keep }: Keeper, ttl: number): Promise<void> {
  const answer = keep('answer');
  const put = assert.rejects(store.tryAcquire(requestOf('lock:unknown', { ttl })));
  (await answer).lose();
  await put;
}

test('a move to a lease that comes late, after one to another lease, does nothing', async () => {
  await using keeper = await storeBehindKeeper();
  const { store, keep } = keeper;
  await using other = etcd({ endpoints: server.urls });
  const key = 'lock:moves';
  const first = await other.tryAcquire(requestOf(key));
  const request = requestOf(key, { waits: true });
  assert.equal(await store.tryAcquire(request), null);
  const watch = await store.watch?.(request);
  assert.ok(watch);
  await retire(keeper, request.ttl);
  const move = keep('call', MOVE);
  const moved = assert.rejects(store.tryAcquire(request), /was given up/);
  const late = await move;
  await retire(keeper, request.ttl);
  assert.equal(await store.tryAcquire(request), null);
  const lease = await leaseOf(key, request.id);
  assert.equal(await store.tryAcquire(request), null);
  await late.go();
  await moved;
  // By the stream alone, so nobody would see that it hangs on another lease than he thinks.
  await first?.release();
  await watch.changed();
  const grant = await store.tryAcquire(request);
  assert.ok(grant);
  assert.equal(await leaseOf(key, request.id), lease);
  watch.close();
  assert.equal(await grant.release(), true);
});

test('a record is found on whatever lease a move without an answer has left it', async () => {
  await using keeper = await storeBehindKeeper();
  const { store, keep } = keeper;
  const request = requestOf('lock:found');
  const grant = await store.tryAcquire(request);
  assert.ok(grant);
  const leases = new Set([await leaseOf(request.key, request.id)]);
  await retire(keeper, request.ttl);
  // Done, and asked for once more: both answers are lost; and then only the first one.
  for (const lost of [2, 1]) {
    let answer = keep('answer', MOVE);
    const renewed = grant.renew?.(request.ttl);
    const outcome = lost === 2 ? assert.rejects(renewed ?? Promise.resolve(), /no answer/) : renewed;
    for (let i = 1; i <= lost; i++) {
      const { lose } = await answer;
      if (i < lost) answer = keep('answer', MOVE);
      lose();
    }
    await outcome;
    leases.add(await leaseOf(request.key, request.id));
    if (lost === 2) await retire(keeper, request.ttl);
  }
  assert.equal(leases.size, 3);
  await grant.renew?.(request.ttl);
  assert.ok(leases.has(await leaseOf(request.key, request.id)));
  assert.equal(await grant.release(), true);
});
