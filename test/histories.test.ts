/** Many tasks with short patience on real locks; what they saw is written down and checked as a whole. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Mutex, RWLock, Semaphore } from '../src/index.js';
import type { SyncGuard, WaitOptions } from '../src/index.js';
import type { Mode } from './support/events.js';
import { mustBeCorrect } from './support/history.js';
import { random } from '../src/testing/random.js';
import { hold, TaskLog } from './support/record.js';

const rounds = process.env['TIERLOCK_TEST'] === 'full' ? 400 : 40;
const tasks = 40;

interface Subject {
  readonly mode: (next: (n: number) => number) => Mode;
  readonly acquire: (mode: Mode, options: WaitOptions) => Promise<SyncGuard>;
  readonly capacity?: number;
}

const mutex = new Mutex();
const lock = new RWLock();
const semaphore = new Semaphore(5);

const subjects: Record<string, Subject> = {
  mutex: { mode: () => 'exclusive', acquire: (_, options) => mutex.lock(options) },
  rwlock: {
    mode: (next) => (next(4) === 0 ? 'exclusive' : 'shared'),
    acquire: (mode, options) => (mode === 'shared' ? lock.read(options) : lock.write(options)),
  },
  semaphore: {
    mode: (next) => 1 + next(5),
    acquire: (mode, options) => semaphore.acquire(mode as number, options),
    capacity: 5,
  },
};

async function patienceOf(next: (n: number) => number): Promise<WaitOptions> {
  const kind = next(4);
  if (kind === 0) return { timeout: next(3) };
  if (kind === 1) return { signal: AbortSignal.timeout(1 + next(3)) };
  if (kind === 2) return {};
  const controller = new AbortController();
  void setImmediate().then(() => controller.abort());
  return { signal: controller.signal };
}

for (const [name, subject] of Object.entries(subjects)) {
  test(`the history of ${tasks} impatient tasks on a ${name} is correct, in strict order of arrival`, async () => {
    const log = new TaskLog();
    let granted = 0;
    let refused = 0;
    await Promise.all(
      Array.from({ length: tasks }, async (_, who) => {
        const next = random(who + 1);
        for (let round = 0; round < rounds; round++) {
          const mode = subject.mode(next);
          const patience = await patienceOf(next);
          await hold(
            log,
            { who, lock: name, mode },
            () => subject.acquire(mode, patience),
            async () => {
              granted++;
              // At least one: those who were let in together are then seen to be inside together.
              for (let turns = 1 + next(2); turns > 0; turns--) await setImmediate();
            },
          ).catch(() => refused++);
        }
      }),
    );
    mustBeCorrect(log.events, {
      fifo: 0,
      ...(subject.capacity && { capacity: { [name]: subject.capacity } }),
    });
    assert.equal(granted + refused, tasks * rounds);
    assert.ok(
      granted > tasks && refused > tasks,
      `${granted} granted, ${refused} refused: both should be many`,
    );
  });
}
