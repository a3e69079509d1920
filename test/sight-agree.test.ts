/** Everybody sees the same: threads and processes by inspect(), `tierlock ls`, and the store itself. Random holders, all tiers. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { configure, connect } from '../src/index.js';
import type { Inspection, Participant } from '../src/index.js';
import { cli } from './support/cli.js';
import { newFolder } from './support/locks.js';
import { random } from '../src/testing/random.js';
import { requireServer } from './support/servers/available.js';
import { startRedis } from './support/servers/redis.js';
import type { Server } from './support/servers/server.js';
import { spawnTaker } from '../src/testing/taker.js';
import { self, settle, take, view, viewerThread } from './support/viewers.js';
import type { Places, Taking, Viewer } from './support/viewers.js';

const skip = requireServer('redis');
let server: Server;
before(async () => {
  if (!skip) server = await startRedis();
});
after(() => server?.close());

const here: Viewer = { self: async () => self(), take, view, [Symbol.asyncDispose]: async () => undefined };

async function viewerProcess(places: Places): Promise<Viewer> {
  const taker = await spawnTaker(new URL('./support/viewers.js', import.meta.url));
  await taker.run('settle', places);
  return {
    self: () => taker.run('self') as ReturnType<Viewer['self']>,
    view: (prefix) => taker.run('view', prefix) as Promise<Inspection[]>,
    async take(taking) {
      const hold = taker.take(taking);
      const { token } = (await hold.acquired) ?? assert.fail();
      return { token: token ?? assert.fail(), release: () => hold.release() };
    },
    [Symbol.asyncDispose]: () => taker[Symbol.asyncDispose](),
  };
}

type Row = string;

/** Who holds what in one tier, as anybody may see it: name, kind, process, thread, mode, token. */
function rows(found: readonly Inspection[], tier: Participant['tier']): Row[] {
  return found
    .flatMap(({ name, kind, holders }) =>
      holders
        .filter((one) => one.tier === tier)
        .map(({ pid, thread, mode, token }) => [kind, name, pid, thread, mode, token].join(' ')),
    )
    .toSorted();
}

/** Without the token. */
const short = (row: Row): Row => row.split(' ').slice(0, 5).join(' ');

/** Several holds that go together. */
function draw(roll: (n: number) => number, names: number): { who: number; taking: Taking }[] {
  const all: { who: number; taking: Taking }[] = [];
  for (let i = 0; i < names; i++) {
    const name = `name-${i}`;
    const how = { name, external: roll(2) === 0, distributed: roll(2) === 0 };
    const kind = roll(3);
    const actors = [0, 1, 2, 3].filter(() => roll(2) === 0);
    if (kind === 0) all.push({ who: roll(4), taking: { ...how, shared: false } });
    else if (kind === 1) for (const who of actors) all.push({ who, taking: { ...how, shared: true } });
    else {
      for (const who of actors) {
        const units = 1 + roll(2);
        all.push({ who, taking: { ...how, external: false, shared: false, permits: 8, units } });
      }
    }
  }
  return all;
}

for (const watched of [false, true]) {
  test(`random holders, ${watched ? 'watched' : 'unwatched'}: all views agree`, { skip }, async (t) => {
    configure({ debug: watched });
    t.after(() => configure({ debug: undefined }));
    const places = { lockPath: newFolder(), url: `redis://${server.host}:${server.port}` };
    settle(places);
    await using worker = await viewerThread(places);
    await using one = await viewerProcess(places);
    await using two = await viewerProcess(places);
    await using store = connect(places.url);
    const viewers = [here, worker, one, two];
    const identities = await Promise.all(viewers.map((viewer) => viewer.self()));

    for (let seed = 1; seed <= 12; seed++) {
      const drawn = draw(random(seed), 5);
      const expected: Record<Participant['tier'], Row[]> = { thread: [], process: [], distributed: [] };
      const holds: { release(): Promise<unknown> }[] = [];
      for (const { who, taking } of drawn) {
        const hold = await (viewers[who] ?? here).take(taking);
        holds.push(hold);
        const { name, shared, external, distributed, permits, units } = taking;
        const kind = permits === undefined ? 'lock' : 'semaphore';
        const mode = units ?? (shared ? 'shared' : 'exclusive');
        const row = [kind, name, ...(identities[who] ?? []), mode].join(' ');
        if (who < 2) expected.thread.push(row);
        if (external) expected.process.push(row);
        if (distributed) expected.distributed.push(`${row} ${hold.token >> 10n}`);
      }
      const views = await Promise.all(viewers.map((viewer) => viewer.view('name-')));
      for (const [i, found] of views.entries()) {
        const who = `viewer ${i}, seed ${seed}`;
        assert.deepEqual(rows(found, 'distributed'), expected.distributed.toSorted(), who);
        assert.deepEqual(rows(found, 'process').map(short), expected.process.toSorted(), who);
        assert.deepEqual(
          rows(found, 'process'),
          rows(views[0] ?? [], 'process'),
          `${who}: tokens of the file`,
        );
        if (i < 2) assert.deepEqual(rows(found, 'thread').map(short), expected.thread.toSorted(), who);
        assert.ok(found.every(({ waiters, waiting }) => waiters.length === 0 && waiting === 0));
      }
      if (seed % 4 === 0) {
        const found = await listed(places);
        assert.deepEqual(rows(found, 'distributed'), expected.distributed.toSorted());
        assert.deepEqual(rows(found, 'process'), rows(views[0] ?? [], 'process'));
      }
      assert.deepEqual(await inStore(store), expected.distributed.map(ofStore).toSorted());
      if (watched) checkThreads(views.slice(0, 2), drawn);
      await Promise.all(holds.map((hold) => hold.release()));
      for (const viewer of viewers) assert.deepEqual(await viewer.view('name-'), []);
      assert.deepEqual(await inStore(store), []);
    }
  });
}

/** What the command line says. Its tokens are texts. */
async function listed({ lockPath, url }: Places): Promise<Inspection[]> {
  const env = { TIERLOCK_PATH: lockPath };
  const { end, stdout, stderr } = await cli(['ls', '--json', '--url', url], { env });
  assert.deepEqual([end, stderr], [0, '']);
  return JSON.parse(stdout) as Inspection[];
}

/** What the store says itself: its keys, and the tokens of each. */
async function inStore(store: ReturnType<typeof connect>): Promise<string[]> {
  const keys = [...((await store.list?.('lock:')) ?? []), ...((await store.list?.('semaphore:')) ?? [])];
  const found = await Promise.all(
    keys.map(async (key) => ((await store.inspect?.(key)) ?? []).map(({ token }) => `${key} ${token}`)),
  );
  return found.flat().toSorted();
}

function ofStore(row: Row): string {
  const [kind, name, , , , token] = row.split(' ');
  return `${kind}:${name} ${token}`;
}

/** Where threads watch, each sees since when the other has a lock alone, and under which token. */
function checkThreads(
  views: readonly Inspection[][],
  drawn: readonly { who: number; taking: Taking }[],
): void {
  for (const { who, taking } of drawn) {
    if (who > 1 || taking.shared || taking.permits !== undefined) continue;
    const seen = views.map((found) => {
      const holders = found.find(({ name }) => name === taking.name)?.holders;
      const { since, token } = holders?.find(({ tier }) => tier === 'thread') ?? {};
      return [since?.getTime(), token];
    });
    assert.ok(Math.abs((seen[0]?.[0] as number) - Date.now()) < 60_000);
    assert.equal(typeof seen[0]?.[1], 'bigint');
    assert.deepEqual(seen[0], seen[1]);
  }
}
