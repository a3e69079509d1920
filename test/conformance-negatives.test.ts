/** The conformance suite notices every driver that breaks a rule, by the promise that it breaks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keysIn, memory } from '../src/backends/memory.js';
import { conformance } from '../src/conformance.js';
import type { ConformanceOptions } from '../src/conformance.js';
import { farMemory, Wire } from './support/far-memory.js';
import { drivers } from './support/faulty-drivers.js';
import { faulty, litter, queueing } from './support/faulty/driver.js';
import type { Faulty, Store } from './support/faulty/driver.js';
import { farDrivers } from './support/faulty/far.js';

/** What the suite would run. */
function collect(options: Given): Map<string, () => Promise<void>> {
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

/** What the promise is tested with where nothing is far away, and where everything is. */
type Setting = (mistake: string, all: Map<string, unknown>, make: Faulty['make']) => Given;
type Given = Omit<ConformanceOptions, 'test' | 'name'>;

const near: Setting = (mistake, all, make) => ({
  open: () => faulty(memory(mistake) as Store, make, all),
  leftovers: () => [...keysIn(mistake), ...[...all.keys()].filter((key) => key.startsWith('left:'))],
  wipe: () => wipe(mistake),
  ttl: 150,
  patience: 400,
});

const far: Setting = (mistake, all, make) => {
  const wire = new Wire(() => wipe(mistake));
  all.set('wire', wire);
  return {
    open: () => faulty(farMemory(mistake, wire), make, all),
    faults: wire.faults,
    ttl: 150,
    patience: 500,
  };
};

async function wipe(name: string): Promise<void> {
  await using store = memory(name);
  for (const key of keysIn(name)) await store.break?.(key);
}

/** A machine that stands still at the right moment hides what comes too early. Seldom three times. */
async function untilNoticed(run: () => Promise<void>): Promise<void> {
  for (let i = 0; i < 3; i++) await unheard(run);
}

const known = new Set<string>();

function notices(setting: Setting, { mistake, breaks, make }: Faulty): void {
  test(`it is noticed that ${mistake}`, async () => {
    assert.ok(!known.has(mistake));
    known.add(mistake);
    const cases = collect(setting(mistake, new Map(), make));
    try {
      for (const promise of breaks) {
        const run = cases.get(promise);
        assert.ok(run, `there is a case '${promise}'`);
        await assert.rejects(untilNoticed(run), `'${promise}' has not noticed it`);
      }
    } finally {
      for (const pick of litter.splice(0)) pick();
    }
  });
}

for (const each of drivers) notices(near, each);
for (const each of farDrivers) notices(far, each);

// What is wrong above is then the mistake, and not what it is made with.
const none = new Map<string, unknown>();
conformance({ ...near('queueing', none, queueing), patience: 10_000, test, name: 'memory, queueing' });
conformance({ ...far('far', none, () => ({})), patience: 10_000, ttl: 100, test, name: 'far memory' });
