/** Real processes: they count, are killed, are stopped and wake up late. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Party } from './party.js';
import { isSettled, until, within } from './proof.js';
import type { Case, World } from './world.js';

/** The core allows no shorter one. */
const ttlOf = (t: World): { ttl?: number } => (t.store.supports.ttl ? { ttl: Math.max(600, t.ttl) } : {});

/** One hold, by the clock of the host. */
interface Period {
  readonly token: bigint;
  readonly from: bigint;
  readonly to: bigint;
}

function history(file: string): Period[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  const periods = lines.map((line): Period => {
    const [token = 0n, from = 0n, to = 0n] = line.split(' ').map(BigInt);
    return { token, from, to };
  });
  return periods.toSorted((a, b) => (a.from < b.from ? -1 : 1));
}

export const processes: readonly Case[] = [
  {
    promise: 'of a counter that eight processes write nothing gets lost, and their tokens grow',
    needs: ['module'],
    run: async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'tierlock-conformance-'));
      t.afterwards(() => rmSync(folder, { recursive: true }));
      const file = join(folder, 'counter');
      writeFileSync(file, '0');
      const name = t.name();
      const parties = await Promise.all(Array.from({ length: 8 }, () => Party.start(t)));
      await Promise.all(parties.map((party) => party.do('count', name, file, 10)));
      assert.equal(readFileSync(file, 'utf8'), '80');
      let last: Period | undefined;
      for (const period of history(`${file}.history`)) {
        if (last !== undefined) {
          assert.ok(period.from > last.to, 'one was inside while another was');
          if (t.store.supports.token !== 'none')
            assert.ok(period.token > last.token, `${period.token} came after ${last.token}`);
        }
        last = period;
      }
    },
  },
  ...(['kill', 'exit'] as const).map((end): Case => ({
    promise: `what a process holds is free when it has ended: ${end}`,
    needs: ['module'],
    run: async (t) => {
      const party = await Party.start(t);
      const name = t.name();
      const token = await party.do('lock', name, ttlOf(t));
      await t.refused(t.store, `lock:${name}`);
      const waits = t.wait(t.store, `lock:${name}`);
      if (end === 'kill') await party.kill();
      else await assert.rejects(party.do('exit'), /has ended/);
      const next = await waits;
      if (t.store.supports.token !== 'none') assert.ok(next.token > token >> 10n, 'its token is greater');
    },
  })),
  {
    promise: 'who was stopped for too long is told when he wakes up, and frees nobody',
    needs: ['module', 'ttl'],
    run: async (t) => {
      const party = await Party.start(t);
      const name = t.name();
      const token = await party.do('lock', name, ttlOf(t));
      await party.stop();
      const next = await t.wait(t.store, `lock:${name}`);
      if (t.store.supports.token !== 'none') assert.ok(next.token > token >> 10n, 'its token is greater');
      await party.continue();
      const { held, released, told } = await party.do('end');
      assert.deepEqual({ held, released, told }, { held: false, released: false, told: true });
      await t.refused(t.store, `lock:${name}`);
      assert.equal(await next.release(), true);
    },
  },
  {
    promise: 'who was stopped keeps what does not lapse',
    needs: ['module', 'no ttl'],
    run: async (t) => {
      const party = await Party.start(t);
      const name = t.name();
      await party.do('lock', name, {});
      await party.stop();
      for (let i = 0; i < 3; i++) await t.refused(t.store, `lock:${name}`);
      await party.continue();
      const { held, released } = await party.do('end');
      assert.deepEqual({ held, released }, { held: true, released: true });
      await t.free(t.store, `lock:${name}`);
    },
  },
  {
    promise: "who was stopped while he waited is granted nothing that is another one's by then",
    needs: ['module', 'ttl'],
    run: async (t) => {
      const party = await Party.start(t);
      const name = t.name();
      const { ttl = 0 } = ttlOf(t);
      const holder = await t.take(t.store, `lock:${name}`);
      const waits = party.do('lock', name, { ttl });
      const settled = waits.then(
        () => true,
        () => true,
      );
      await party.do('begin');
      await t.refused(t.store, `lock:${name}`);
      await party.stop();
      const stopped = performance.now();
      await holder.release();
      // Whatever the store has kept for the one who waits, or has granted him meanwhile, has lapsed.
      await until(stopped + 2 * ttl);
      const next = await t.wait(t.store, `lock:${name}`);
      await party.continue();
      for (let i = 0; i < 3; i++) {
        await t.refused(t.store, `lock:${name}`);
        await party.do('begin');
      }
      assert.equal(await isSettled(settled), false, 'it is held by another one, so he goes on waiting');
      assert.equal(await next.release(), true);
      const token = await within(t.patience, 'the grant after all', waits);
      if (t.store.supports.token !== 'none') assert.ok(token >> 10n > next.token, 'its token is greater');
      const { held, released } = await party.do('end');
      assert.deepEqual({ held, released }, { held: true, released: true });
    },
  },
  {
    promise: 'a process that is killed while it waits in line holds up nobody behind it',
    needs: ['module', 'fifo'],
    run: async (t) => {
      const party = await Party.start(t);
      const name = t.name();
      const holder = await t.take(t.store, `lock:${name}`);
      const waits = party.do('lock', name, { ...ttlOf(t), fair: 'strict' }).catch((error: unknown) => error);
      await party.do('begin');
      await t.refused(t.store, `lock:${name}`);
      await party.kill();
      await waits;
      await holder.release();
      const next = await t.wait(t.store, `lock:${name}`, { fifo: true });
      await next.release();
    },
  },
];
