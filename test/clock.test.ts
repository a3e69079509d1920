/** The clock by which leases end runs on whatever happens, and is never set back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadAddon } from '../src/addon.js';
import { pieced, setClock, uptime } from '../src/clock.js';

/** Two clocks to be set. */
function clocks(): { steady: number; wall: number; clock: () => number } {
  const both = { steady: 100, wall: 5000, clock: () => 0 };
  both.clock = pieced(
    () => both.steady,
    () => both.wall,
  );
  return both;
}

test('the clock of the system counts the time it was suspended, as the kernel does', () => {
  const before = loadAddon().uptime();
  const now = uptime();
  assert.ok(now >= before && now <= loadAddon().uptime());
  assert.ok(now > performance.now(), 'it runs since the system does');
});

test('without the addon, time in suspend is what the wall clock is ahead of the steady one', () => {
  const both = clocks();
  const start = both.clock();
  both.steady += 1000;
  both.wall += 1000;
  assert.equal(both.clock() - start, 1000);
  both.wall += 60_000;
  assert.equal(both.clock() - start, 61_000);
  assert.equal(both.clock() - start, 61_000, 'it counts once');
  both.wall += 60_000;
  both.steady += 10;
  both.wall += 10;
  assert.equal(both.clock() - start, 121_010);
});

test('a wall clock that is set ahead makes time pass, one that is set back does not give any back', () => {
  const both = clocks();
  const start = both.clock();
  both.wall += 3_600_000;
  assert.equal(both.clock() - start, 3_600_000);
  both.wall -= 7_200_000;
  assert.equal(both.clock() - start, 3_600_000);
  both.wall += 1000;
  assert.equal(both.clock() - start, 3_601_000, 'a suspend after that counts');
});

test('small differences between the two clocks are no time', () => {
  const both = clocks();
  const start = both.clock();
  for (const off of [5, -5, 10, -3, 15]) {
    both.steady += 100;
    both.wall += 100 + off;
    both.clock();
    both.wall -= off;
  }
  assert.equal(both.clock() - start, 500);
});

test('what drifts slowly is counted in the end, never taken back', () => {
  const both = clocks();
  let last = both.clock();
  for (let i = 0; i < 1000; i++) {
    both.steady += 1;
    both.wall += 1.1;
    const now = both.clock();
    assert.ok(now >= last);
    last = now;
  }
  assert.ok(last - 100 >= 1080 && last - 100 <= 1101, `${last}`);
});

test('a test can have its own clock', () => {
  setClock(() => 42);
  assert.equal(uptime(), 42);
  setClock(undefined);
  assert.notEqual(uptime(), 42);
});
