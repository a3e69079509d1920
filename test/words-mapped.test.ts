/** Memory of the process: sleeping on its words and being woken, for those who block and those who do not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadAddon } from '../src/addon.js';
import { unwatch, watch } from '../src/watch.js';
import { MappedMemory } from '../src/words/mapped.js';
import { openSlot } from '../src/words/names.js';
import { SEAT_STATE } from '../src/words/row.js';
import { mustBlock, turn } from '../src/testing/settled.js';
import { within } from '../src/testing/wait.js';

const { memory: ours, lock } = openSlot('a').place;
const words = ours.words as Int32Array<ArrayBuffer>;
// As if of another thread: only the number of a life slot says whose a row is.
const theirs = new MappedMemory(loadAddon(), words, ours.layout);
const mine = ours.row((ours as MappedMemory).member.slot, lock) + SEAT_STATE;
const other = theirs.row(theirs.member.slot, lock) + SEAT_STATE;

const change = (index: number, value: number): void => void Atomics.store(words, index, value);

test('a ring that wakes nobody lets all look around at once; one that does, in a while', async () => {
  let looks = 0;
  let heard: (() => void) | undefined;
  const watcher = {
    lookAround(): void {
      looks++;
      heard?.();
    },
  };
  const looked = (): Promise<void> => new Promise((resolve) => (heard = resolve));
  watch(watcher);
  const atOnce = looked();
  loadAddon().ring(loadAddon().threadId());
  await within(10_000, 'nobody looked around', () => atOnce);
  assert.equal(looks, 1);
  const inAWhile = looked();
  for (let i = 0; i < 3; i++) {
    change(mine, i);
    const sleep = ours.waitAsync(mine, i);
    change(mine, -1);
    theirs.wake(mine);
    await sleep;
  }
  await within(10_000, 'nobody looked around after all', () => inAWhile);
  assert.equal(looks, 2);
  unwatch(watcher);
});

test('whose row it is', () => {
  for (const thread of [0, 1, 255]) {
    for (const n of [0, 1, 63]) {
      const row = ours.row(thread, n);
      assert.deepEqual([ours.threadOf(row), ours.threadOf(row + 15)], [thread, thread]);
    }
  }
});

test('a word that has changed already is not waited for', () => {
  change(mine, 1);
  assert.equal(ours.waitAsync(mine, 2), undefined);
  assert.equal(ours.wait(mine, 2, 1000), 'not-equal');
  assert.equal(ours.wait(mine, 1, 1), 'timed-out');
});

test('a ring wakes those whose word has changed, and nobody else', async () => {
  const watcher = { lookAround(): void {} };
  watch(watcher);
  change(mine, 1);
  change(other, 1);
  const first = await mustBlock(Promise.resolve(ours.waitAsync(mine, 1)));
  const second = Promise.resolve(theirs.waitAsync(other, 1));
  theirs.wake(mine);
  await turn(3);
  await mustBlock(first.wait);
  change(mine, 2);
  theirs.wake(mine);
  await within(10_000, 'the sleeper was not woken', async () => void (await first.wait));
  await mustBlock(second);
  change(other, 2);
  ours.wake(other);
  await within(10_000, 'the other was not woken', async () => void (await second));
  unwatch(watcher);
});

test('whoever ends his own sleep needs no ring, and it does not matter if he does not sleep', async () => {
  change(mine, 1);
  const { wait } = await mustBlock(Promise.resolve(ours.waitAsync(mine, 1)));
  ours.wake(mine);
  await wait;
  ours.wake(mine);
});
