import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Patience } from '../src/answers.js';
import { addDeadline, Alarm, Deadline, removeDeadline } from '../src/deadlines.js';
import { runProgram } from './support/child.js';
import { random } from '../src/testing/random.js';
import { waitUntil } from '../src/testing/wait.js';

class Probe extends Deadline {
  expired = 0;
  override expire(): void {
    assert.ok(performance.now() >= this.due, 'never early');
    assert.equal(this.place, -1);
    fired.push(this);
    this.expired++;
  }
}

let fired: Probe[] = [];

const quiet = (): boolean => !process.getActiveResourcesInfo().includes('Timeout');

test('deadlines fire in order of time, each once, whatever was removed in between', async () => {
  const next = random(7);
  fired = [];
  const all = Array.from({ length: 2000 }, () => new Probe(next(60)));
  for (const probe of all) addDeadline(probe);
  const removed = new Set(all.filter(() => next(3) === 0));
  for (const probe of removed) removeDeadline(probe);
  for (const probe of removed) removeDeadline(probe); // a second time changes nothing
  const late = new Probe(61);
  addDeadline(late);
  await waitUntil(() => late.expired === 1, { what: 'the last deadline' });
  assert.ok(all.every((probe) => probe.expired === (removed.has(probe) ? 0 : 1)));
  const dues = fired.map((probe) => probe.due);
  assert.deepEqual(
    dues,
    dues.toSorted((a, b) => a - b),
  );
  assert.ok(quiet(), 'the timer ends with the last deadline');
});

test('the heap stays a heap under random insertion and removal', () => {
  const next = random(11);
  const live: Probe[] = [];
  for (let step = 0; step < 20_000; step++) {
    if (live.length === 0 || next(2) === 0) {
      const probe = new Probe(100_000 + next(1000));
      addDeadline(probe);
      live.push(probe);
    } else {
      const [gone] = live.splice(next(live.length), 1);
      assert.ok(gone);
      removeDeadline(gone);
      assert.equal(gone.place, -1);
    }
    if (step % 500 === 0) {
      const byPlace = live.toSorted((a, b) => a.place - b.place);
      assert.deepEqual(
        byPlace.map(({ place }) => place),
        [...live.keys()],
      );
      for (const [i, probe] of byPlace.entries()) {
        if (i > 0) assert.ok((byPlace[(i - 1) >> 1]?.due ?? NaN) <= probe.due);
      }
    }
  }
  for (const probe of live) removeDeadline(probe);
  assert.ok(quiet());
});

test('a later deadline does not move the timer back', async () => {
  fired = [];
  const early = new Probe(5);
  addDeadline(early);
  const late = new Probe(100_000);
  addDeadline(late);
  await waitUntil(() => early.expired === 1, { what: 'the early deadline' });
  assert.equal(late.expired, 0);
  removeDeadline(late);
  assert.ok(quiet());
});

test('one that keeps nothing alive fires, and one that does keeps the program alive beside it', async () => {
  let rung = 0;
  const silent = new Alarm(5, false, () => rung++);
  assert.ok(quiet());
  const lively = new Alarm(100_000, true, () => rung++);
  assert.ok(!quiet());
  removeDeadline(lively);
  assert.ok(quiet());
  const next = new Alarm(1, true, () => rung++);
  assert.ok(!quiet(), 'also if the timer was there already');
  await waitUntil(() => rung === 2, { what: 'both ring' });
  assert.deepEqual([silent.place, next.place], [-1, -1]);
  assert.ok(quiet());
});

test('a wait without an end keeps the program alive until it is over', () => {
  const silent = new Alarm(100_000, false, () => undefined);
  const endless = new Patience(Infinity, () => undefined);
  assert.ok(!quiet());
  removeDeadline(endless);
  assert.ok(quiet());
  removeDeadline(silent);
});

test('one that throws does not keep those behind it from their time', async () => {
  const program = `
    const { Alarm } = await import(${JSON.stringify(new URL('../src/deadlines.js', import.meta.url).href)});
    process.once('uncaughtException', (error) => console.log(error.message));
    new Alarm(1, true, () => { throw new Error('mine'); });
    new Alarm(1, true, () => console.log('next'));
    new Alarm(20, true, () => console.log('last'));`;
  const { code, stdout, stderr } = await runProgram(program);
  assert.deepEqual([code, stdout, stderr], [0, 'mine\nnext\nlast\n', '']);
});

test('one that has passed while another one expired is soon, not in the past', async () => {
  const program = `
    const { Alarm } = await import(${JSON.stringify(new URL('../src/deadlines.js', import.meta.url).href)});
    let now = 1000;
    performance.now = () => now;
    const real = setTimeout;
    globalThis.setTimeout = (fn, ms) => {
      if (ms < 1) console.log(ms);
      return real(() => ((now += ms), fn()), ms);
    };
    new Alarm(-10, true, () => (now += 50));
    new Alarm(10, true, () => console.log('last'));`;
  const { code, stdout, stderr } = await runProgram(program);
  assert.deepEqual([code, stdout, stderr], [0, 'last\n', '']);
});

test('an earlier deadline moves the timer forward', async () => {
  fired = [];
  const late = new Probe(100_000);
  addDeadline(late);
  const early = new Probe(5);
  addDeadline(early);
  await waitUntil(() => early.expired === 1, { what: 'the early deadline' });
  assert.equal(late.expired, 0);
  removeDeadline(late);
  assert.ok(quiet());
});
