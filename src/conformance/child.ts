/**
 * The program of a process of its own (party.ts): it imports the module that opens the store, does what it is told, and
 * ends with its parent.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { Backend } from '../backend.js';
import type { Guard } from '../lock-guard.js';
import type { LockCallOptions } from '../lock-options.js';
import { lock } from '../lock.js';
import type { Order, Report } from './party.js';

/** By the clock that all processes of a host have in common. */
const now = (): bigint => process.hrtime.bigint();

let store: Backend;
let guard: Guard;

const deeds = {
  /**
   * Its answer says that the process goes on, and that its store has been heard: where several start at once, to load the
   * client and to connect may take longer than a lock waits for a store.
   */
  begin: async (): Promise<void> => {
    await store.inspect?.('lock:').catch(() => undefined);
  },

  /** Takes it, and keeps it. Resolves to its token. */
  lock: async (name: string, options: LockCallOptions): Promise<bigint> => {
    guard = await lock(name, { distributed: store, ...options });
    return guard.token;
  },

  /** Whether it is still held, whether that was told by a signal, and what the release says. */
  end: async (): Promise<{ held: boolean; released: boolean; told: boolean }> => {
    const { held } = guard;
    const released = await guard.release();
    return { held, released, told: guard.signal.aborted };
  },

  /** Adds one so many times to the number in the file, with a gap between reading and writing; notes each hold. */
  count: async (name: string, file: string, times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      const held = await lock(name, { distributed: store });
      const from = now();
      const read = Number(readFileSync(file, 'utf8'));
      await setImmediate();
      writeFileSync(file, String(read + 1));
      const line = [String(held.token), String(from), String(now())].join(' ');
      appendFileSync(`${file}.history`, `${line}\n`);
      if (!(await held.release())) throw new Error('it was lost');
    }
  },

  /** Ends without giving anything back. */
  exit: async (): Promise<void> => {
    process.exit();
  },
};

/** What a process can be told to do. */
export type Deeds = typeof deeds;

async function obey({ id, deed, args }: Order): Promise<Report> {
  try {
    const run = deeds[deed] as (...given: readonly unknown[]) => Promise<unknown>;
    return { id, value: await run(...args) };
  } catch (failure) {
    const { name, message, stack = message } = failure as Error;
    return { id, error: { name, message, stack } };
  }
}

async function main(): Promise<void> {
  process.on('disconnect', () => process.exit());
  // Orders come while the module is imported.
  let ready!: () => void;
  const opened = new Promise<void>((resolve) => (ready = resolve));
  process.on('message', (order: Order) => {
    void opened.then(() => obey(order)).then((report) => process.send?.(report));
  });
  const module = (await import(process.argv[2] ?? '')) as { open(): Backend | Promise<Backend> };
  store = await module.open();
  ready();
}

await main();
