/** The conformance suite notices every driver that breaks a rule, by the promise that it breaks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keysIn, memory } from '../src/backends/memory.js';
import { conformance } from '../src/conformance.js';
import type { ConformanceOptions } from '../src/conformance.js';
import { refusals } from '../src/conformance/calls.js';
import { leases, outages } from '../src/conformance/leases.js';
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

const none = new Map<string, unknown>();

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

/** In these, something lapses that the core does not let lapse sooner. */
const patient: ReadonlySet<string> = new Set([...leases, ...outages].map(({ promise }) => promise));

/** A machine that stands still at the right moment hides what comes too early. Seldom three times. */
async function untilNoticed(run: () => Promise<void>): Promise<void> {
  for (let i = 0; i < 3; i++) await unheard(run);
}

/** Processes that have a store each, and not one in common. */
const apart: Setting = (mistake, _all, make) => ({
  open: () => faulty(memory(mistake) as Store, make, new Map()),
  module: new URL('./support/own-store.js', import.meta.url),
  ttl: 150,
  patience: 2000,
});

const storeless: readonly Faulty[] = [
  {
    mistake: 'each process has a store of its own',
    breaks: [
      'of a counter that eight processes write nothing gets lost, and their tokens grow',
      'what a process holds is free when it has ended: kill',
      'what a process holds is free when it has ended: exit',
      'who was stopped for too long is told when he wakes up, and frees nobody',
      "who was stopped while he waited is granted nothing that is another one's by then",
    ],
    make: () => ({}),
  },
  {
    mistake: 'each process has a store of its own, in which nothing lapses',
    breaks: ['who was stopped keeps what does not lapse'],
    make: ({ supports }) => ({ supports: { ...supports, ttl: false } }),
  },
];

const known = new Set<string>();

function notices(setting: Setting, { mistake, breaks, make }: Faulty): void {
  test(`it is noticed that ${mistake}`, async () => {
    assert.ok(!known.has(mistake));
    known.add(mistake);
    const given = setting(mistake, new Map(), make);
    const cases = collect(given);
    try {
      for (const promise of breaks) {
        const slow = patient.has(promise) ? collect({ ...given, patience: 2500 }) : cases;
        const run = slow.get(promise);
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
for (const each of storeless) notices(apart, each);

test('every promise about a driver is broken by some mistake', () => {
  const broken = new Set([...drivers, ...farDrivers, ...storeless].flatMap(({ breaks }) => breaks));
  // What the core refuses before it asks a driver; and what needs a store that outlives a process.
  for (const { promise } of refusals) broken.add(promise);
  broken.add('without permits, semaphore() refuses to share them with other hosts');
  broken.add('a process that is killed while it waits in line holds up nobody behind it');
  const promises = [...collect(near('nothing', none, () => ({}))).keys()];
  assert.deepEqual(
    promises.filter((promise) => !broken.has(promise)),
    [],
  );
});

// What is wrong above is then the mistake, and not what it is made with.
conformance({ ...near('queueing', none, queueing), patience: 10_000, test, name: 'memory, queueing' });
conformance({ ...far('far', none, () => ({})), patience: 10_000, ttl: 100, test, name: 'far memory' });
