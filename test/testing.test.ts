/** What `tierlock/testing` offers: that it finds what is wrong, passes what is right, and says which schedule it was. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { lock, Mutex, Semaphore } from '../src/index.js';
import { explore, mustBlock, settled, spawnTaker, turn, waitUntil } from '../src/testing.js';
import type { Step, Story } from '../src/testing.js';
import { newFolder } from './support/locks.js';
import { stateOf } from '../src/testing/process-state.js';

/** Two who add one each, reading and writing in two steps. */
const counter = (run: (section: () => Promise<void>) => Promise<unknown>) => (): Story => {
  let count = 0;
  const add = (step: Step) => () =>
    run(async () => {
      const seen = count;
      await step('has read');
      count = seen + 1;
    });
  const task = (step: Step): Promise<unknown> => add(step)();
  return { tasks: [task, task], check: () => assert.ok(count === 2, 'an update was lost') };
};

const passed = (): never => assert.fail('it should have failed');

const unlocked = counter((section) => section());

test('explore: a lost update is found, and its schedule is printed and can be run again', async () => {
  const failure = await explore(unlocked).then(passed, (error: unknown) => error as Error);
  assert.equal(failure.name, 'AssertionError');
  const told = [
    'the check has failed: an update was lost',
    '1  task 0  begins',
    '2  task 1  begins',
    '3  task 0  has read',
    '4  task 1  has read',
    'schedule: 0 1 0 1',
  ];
  assert.deepEqual(failure.message.split('\n'), told);
  assert.ok(failure.cause instanceof assert.AssertionError);
  const again = await explore(unlocked, { schedule: '0 1 0 1' }).then(
    passed,
    (error: unknown) => error as Error,
  );
  assert.equal(again.message, failure.message);
  assert.deepEqual(await explore(unlocked, { schedule: '0 0 1 1' }), { schedules: 1, complete: false });
});

test('explore: the page shows what it prints', async () => {
  const overdraws = (): Story => {
    let balance = 100;
    const withdraw = async (step: Step): Promise<void> => {
      const seen = balance;
      await step('has read the balance');
      if (seen >= 80) balance -= 80;
    };
    return { tasks: [withdraw, withdraw], check: () => assert.ok(balance >= 0, 'overdrawn') };
  };
  const failure = await explore(overdraws).then(passed, (error: unknown) => error as Error);
  const page = readFileSync(new URL('../../docs/testing.md', import.meta.url), 'utf8');
  const [, shown] = /```text\n([^]*?)\n```/.exec(page) ?? [];
  assert.equal(shown, failure.message);
});

test('explore: with a lock every schedule is right', async () => {
  // Of the six orders of the counter without a lock two are not possible: nobody reads while the other one is inside.
  const mutexes = new Set<Mutex>();
  const locked = (): Story => {
    const mutex = new Mutex();
    mutexes.add(mutex);
    return counter((section) => mutex.run(section))();
  };
  const { schedules, complete } = await explore(locked);
  assert.deepEqual([schedules, complete, mutexes.size], [4, true, 4]);
  let names = 0;
  const named = (): Story => {
    const name = `counter ${names++}`;
    return counter((section) => lock(name, section))();
  };
  assert.equal((await explore(named)).complete, true);
});

test('explore: all orders, each once', async () => {
  const orders = new Set<string>();
  let runs = 0;
  const tried = await explore(() => {
    runs++;
    const order: number[] = [];
    const task = (who: number) => async (step: Step) => {
      order.push(who);
      await step();
      order.push(who);
    };
    return { tasks: [0, 1, 2].map(task), check: () => orders.add(order.join('')) };
  });
  // Of three with two parts each: 6! / (2! 2! 2!).
  assert.deepEqual([tried.schedules, runs, orders.size, tried.complete], [90, 90, 90, true]);
});

test('explore: what two permits let in is found at the third', async () => {
  const story = (permits: number) => (): Story => {
    const semaphore = new Semaphore(permits);
    let inside = 0;
    const task = (step: Step): Promise<void> =>
      semaphore.run(async () => {
        assert.ok(++inside <= 2, 'three are inside');
        await step();
        inside--;
      });
    return { tasks: [task, task, task] };
  };
  assert.equal((await explore(story(2))).complete, true);
  await assert.rejects(
    explore(story(3)),
    /^AssertionError.*: task 2 has failed: three are inside\n1 {2}task 0 {2}begins/,
  );
});

test('explore: a deadlock is found, and told who waits', async () => {
  const crossed = (): Story => {
    const [a, b] = [new Mutex(), new Mutex()];
    const both = (first: Mutex, second: Mutex) => (step: Step) =>
      first.run(async () => {
        await step('has the first');
        await second.run(() => undefined);
      });
    return { tasks: [both(a, b), both(b, a)] };
  };
  await assert.rejects(
    explore(crossed),
    /nobody can go on: task 0 and task 1 wait for ever\n[^]*schedule: 0 1 0 1$/,
  );
});

test('explore: too many schedules are an error, unless so many are enough', async () => {
  const endless = (): Story => ({
    tasks: [0, 1].map(() => async (step: Step) => {
      for (let i = 0; i < 7; i++) await step();
    }),
  });
  await assert.rejects(
    explore(endless),
    /^AssertionError.*: not all schedules after 10000: take fewer tasks or steps/,
  );
  assert.deepEqual(await explore(endless, { most: 3 }), { schedules: 3, complete: false });
});

test('explore: a story that does something else each time, and a schedule that is none of it', async () => {
  let runs = 0;
  const changing = (): Story => {
    const steps = runs++ === 0 ? 3 : 0;
    const task = async (step: Step): Promise<void> => {
      for (let i = 0; i < steps; i++) await step();
    };
    return { tasks: [task, task] };
  };
  await assert.rejects(
    explore(changing),
    /stands at no step: the schedule is not of this story, or the story does not do/,
  );
  await assert.rejects(
    explore(unlocked, { schedule: '0 0 0 0' }),
    /task 0 should go on, but stands at no step/,
  );
});

test('explore: wrong arguments are refused', async () => {
  await assert.rejects(explore({} as () => Story), {
    name: 'TypeError',
    message: /'story' must be a function/,
  });
  await assert.rejects(
    explore(() => ({ tasks: [] })),
    { name: 'TypeError', message: /'tasks' must be functions, at least one/ },
  );
  await assert.rejects(
    explore(() => ({ tasks: [1] }) as never),
    { name: 'TypeError' },
  );
  for (const schedule of ['', 'a', '0,1', '0  1'])
    await assert.rejects(explore(unlocked, { schedule }), {
      name: 'TypeError',
      message: /'schedule' must be numbers/,
    });
  for (const most of [0, 1.5, NaN]) await assert.rejects(explore(unlocked, { most }), { name: 'RangeError' });
  await assert.rejects(explore(unlocked, { runs: 1 } as object), /unknown option 'runs'/);
});

test('mustBlock fails when it does not block, and gives back what does', async () => {
  const mutex = new Mutex();
  await assert.rejects(mustBlock(mutex.lock()), /it should have blocked, but it settled/);
  await assert.rejects(mustBlock(Promise.reject(new Error('at once'))), /it should have blocked/);
  const { wait } = await mustBlock(mutex.lock());
  assert.equal(await settled(wait), false);
  await turn();
  void wait;
});

test('a taker without a module takes locks by their names; stopped it holds on, and killed it lets go', async () => {
  const where = { external: true, lockPath: newFolder() };
  const taker = await spawnTaker();
  for (const how of [{}, { how: 'sync' }, { how: 'try' }]) {
    const held = taker.take({ name: 'x', ...how, ...where });
    const { token } = (await held.acquired) ?? assert.fail();
    assert.equal(typeof token, 'bigint');
    await assert.rejects(lock('x', { ...where, timeout: 0 }), new RegExp(`process ${taker.pid}`));
    assert.equal(await held.release(), true);
  }
  const held = taker.take({ name: 'x', ...where });
  await held.acquired;
  assert.equal(await taker.take({ name: 'x', how: 'try', ...where }).acquired, null);
  await taker.stop();
  assert.match(stateOf(taker.pid), /^T/);
  await assert.rejects(lock('x', { ...where, timeout: 5 }), { name: 'LockTimeoutError' });
  await taker.continue();
  assert.doesNotMatch(stateOf(taker.pid), /^T/);
  const { pid } = taker;
  assert.deepEqual(await taker.kill(), { code: null, signal: 'SIGKILL' });
  assert.equal(stateOf(pid), '', 'the system has buried it');
  await (await lock('x', where)).release();
});

test('a taker that takes a lock synchronously is blocked meanwhile, and mustBlock says so', async () => {
  const where = { external: true, lockPath: newFolder() };
  await using taker = await spawnTaker();
  await using guard = await lock('z', where);
  const wait = taker.take({ name: 'z', how: 'sync', ...where });
  await assert.rejects(
    wait.mustBlock({ timeoutMs: 200 }),
    /did not answer for 200 ms: is its loop blocked\?/,
  );
  await guard.release();
  assert.notEqual(await wait.acquired, null);
});

test('a taker is configured in its own process', async () => {
  const lockPath = newFolder();
  await using taker = await spawnTaker();
  await taker.run('configure', { lockPath });
  await taker.take({ name: 'y', external: true }).acquired;
  await assert.rejects(lock('y', { external: true, lockPath, timeout: 0 }), { name: 'LockTimeoutError' });
  await assert.rejects(taker.take({ name: '' }).acquired, {
    name: 'TypeError',
    message: /'name' must not be empty/,
  });
});

test('waitUntil gives what it has waited for, and fails with a message', async () => {
  let round = 0;
  assert.equal(await waitUntil(() => (++round > 3 ? round : 0), { what: 'a few rounds' }), 4);
  await assert.rejects(
    waitUntil(() => false, { what: 'never', timeoutMs: 1 }),
    /not within 1 ms: never/,
  );
});
