/** The conformance suite notices every driver that breaks a rule, by the promise that it breaks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keysIn, memory } from '../src/backends/memory.js';
import { conformance } from '../src/conformance.js';
import type { ConformanceOptions } from '../src/conformance.js';
import { drivers, faulty, litter, queueing } from './support/faulty-drivers.js';

/** What the suite would run. */
function collect(options: Omit<ConformanceOptions, 'test' | 'name'>): Map<string, () => Promise<void>> {
  const cases = new Map<string, () => Promise<void>>();
  conformance({ ...options, name: 'it', test: (title, run) => cases.set(title.replace('it: ', ''), run) });
  return cases;
}

/** The runner of this test would take what goes wrong beside a case for a failure of its own. */
async function unheard<T>(body: () => Promise<T>): Promise<T> {
  const events = ['unhandledRejection', 'uncaughtException'] as const;
  const listeners = events.map((event) => process.listeners(event as 'uncaughtException'));
  for (const event of events) process.removeAllListeners(event);
  try {
    return await body();
  } finally {
    for (const [i, event] of events.entries())
      for (const listener of listeners[i] ?? []) process.on(event, listener);
  }
}

const names = new Set<string>();

for (const { mistake, breaks, make } of drivers) {
  test(`it is noticed that ${mistake}`, async () => {
    assert.ok(!names.has(mistake));
    names.add(mistake);
    const all = new Map<string, unknown>();
    const cases = collect({
      open: () => faulty(mistake, make, all),
      leftovers: () => [...keysIn(mistake), ...[...all.keys()].filter((key) => key.startsWith('left:'))],
      wipe: async () => {
        await using store = memory(mistake);
        for (const key of (await store.list?.('')) ?? []) await store.break?.(key);
      },
      ttl: 60,
      patience: 250,
    });
    try {
      for (const promise of breaks) {
        const run = cases.get(promise);
        assert.ok(run, `there is a case '${promise}'`);
        await assert.rejects(unheard(run), `'${promise}' has not noticed it`);
      }
    } finally {
      for (const pick of litter.splice(0)) pick();
    }
  });
}

// What is wrong above is then the mistake, and not what it is made with.
conformance({
  test,
  name: 'memory, with a queue in the store',
  open: () => faulty('queueing', queueing, new Map()),
  ttl: 100,
});
