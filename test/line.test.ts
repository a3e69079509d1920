/** A line against a plain array, far beyond the size of a chunk. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Line, Waiter } from '../src/line.js';
import type { Entry } from '../src/line.js';
import { random } from '../src/testing/random.js';

for (const keep of [3, 40, 500]) {
  test(`a line of about ${keep} is an array that can be left anywhere`, () => {
    const next = random(keep);
    const line = new Line();
    let model: (Waiter | undefined)[] = []; // undefined stands for a wait without a waiter
    for (let step = 0; step < 20_000; step++) {
      const what = model.length < keep ? next(4) : 2 + next(4);
      const waiters = model.filter((entry) => entry !== undefined);
      if (what === 0) {
        void line.wait();
        model.push(undefined);
      } else if (what <= 2) {
        const waiter = new Waiter(2);
        line.append(waiter);
        model.push(waiter);
      } else if (what === 3 && model.length > 0) {
        line.shift();
        const gone = model.shift();
        assert.equal(gone?.line, undefined);
      } else if (waiters.length > 0) {
        const gone = waiters[next(waiters.length)] as Waiter;
        line.remove(gone);
        model = model.filter((entry) => entry !== gone);
        assert.equal(gone.line, undefined);
      }
      assert.equal(line.length, model.length);
      assert.equal(asWaiter(line.first), model[0]);
      assert.equal(line.first === undefined, model.length === 0);
      if (step % 97 === 0) assert.deepEqual([...line].map(asWaiter), model);
    }
  });
}

function asWaiter(entry: Entry | undefined): Waiter | undefined {
  return entry instanceof Waiter ? entry : undefined;
}

test('a line that is never empty keeps nothing of those who have passed through', async () => {
  const { heapUsed } = await import('./support/heap.js');
  const line = new Line();
  let [stays, comes] = [new Waiter(1), new Waiter(1)]; // two take turns: the test runner remembers every promise
  line.append(stays);
  const before = heapUsed();
  for (let i = 0; i < 200_000; i++) {
    line.append(comes);
    line.shift();
    [stays, comes] = [comes, stays];
  }
  const kept = heapUsed() - before;
  assert.ok(kept < 500_000, `${kept} bytes kept`); // a slot for each would be 1.6 MB
  assert.equal(line.length, 1);
});

test('a line that was emptied keeps nothing of those who stood in it', async () => {
  const { collectGarbage } = await import('./support/heap.js');
  const line = new Line();
  const refs: WeakRef<Waiter>[] = [];
  const fill = (): void => {
    for (let i = 0; i < 1000; i++) {
      const waiter = new Waiter(1);
      refs.push(new WeakRef(waiter));
      line.append(waiter);
    }
    while (line.length > 0) line.shift();
  };
  fill();
  await new Promise((resolve) => setTimeout(resolve)); // a WeakRef lives until its task has ended
  collectGarbage();
  assert.equal(refs.filter((ref) => ref.deref() !== undefined).length, 0);
});
