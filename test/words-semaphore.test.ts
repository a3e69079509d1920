/**
 * The semaphore's words under the schedule checker: every schedule, with time-outs and with a death at every point.
 * TIERLOCK_STATES=1 tells how many states there were.
 */
import { test } from 'node:test';
import { HANDOFF, WAIT } from '../src/words/permits.js';
import { clock, gives, keeps, meets, opens, program, take, tryTake } from './support/semaphore-programs.js';
import type { Kind } from './support/semaphore-programs.js';
import { verify } from '../src/testing/interleave.js';
import type { Search } from '../src/testing/interleave.js';
import { times } from './support/lock-programs.js';
import { dieUntold, layoutOf } from './support/words.js';

// How often a thread is interrupted where not every schedule can be tried; TIERLOCK_PREEMPTIONS makes it more.
const P = Number(process.env['TIERLOCK_PREEMPTIONS'] ?? 2);
const few = { bound: { preemptions: P + 1 } };
const REPORT = process.env['TIERLOCK_STATES'] === '1';
const holds = (search: Search): void => {
  const { states, complete } = verify(search);
  if (REPORT) console.log(states, complete);
};

for (const [name, old, naps] of [
  ['open', false, 0],
  ['handed over', true, 0],
  ['seeking', false, 2],
  ['seeking and handed over', true, 2],
] as const) {
  const one: Kind = { threads: 2, capacity: 1, old, naps };
  const two: Kind = { threads: 2, capacity: 2, old, naps };
  const mortal: Kind = { ...two, mortal: true };
  const crowd: Kind = { threads: 3, capacity: 2, old, naps };
  const single: Kind = { ...crowd, capacity: 1 };
  const mortals: Kind = { ...crowd, mortal: true };
  const deaths = {
    told: { kills: 1, rescues: 4 },
    'nobody is told': { kills: 1, rescues: 4, onKill: dieUntold(layoutOf(2)) },
  };
  // With marks that come and go, a second wait makes too many states.
  const second = old ? tryTake : take;

  test(`${name}: one permit, two rounds against one`, () => {
    holds(program(one, [[take(one), second(one)], take(one)]));
  });
  test(`${name}: one or both of two permits against both`, () => {
    holds(program(two, [[take(two, 2), second(two)], take(two, 2)]));
  });
  test(`${name}: two threads, a short spin`, () => {
    const kind = { ...one, spins: 1 };
    holds(program(kind, times(2, take(kind))));
  });
  test(`${name}: one against one that is short of time`, () => {
    holds(program(two, [take(two, 2), take(two, 2, 10)], { timeouts: 2 }));
  });
  test(`${name}: try against take`, () => {
    holds(program(two, [times(2, tryTake(two, 2)), [take(two, 1), take(two, 2)]]));
  });
  for (const [how, more] of Object.entries(deaths)) {
    test(`${name}: take against take, one dies, ${how}`, () => {
      holds(program(mortal, [take(mortal, 1), take(mortal, 2)], more));
    });
    test(`${name}: tries against take, one dies, ${how}`, () => {
      holds(program(mortal, [times(old ? 2 : 1, tryTake(mortal, 1)), take(mortal, 2)], more));
    });
  }
  test(`${name}: three threads`, () => {
    holds(program(crowd, [take(crowd, 1), take(crowd, 2), take(crowd, 1)], { bound: { preemptions: P } }));
  });
  // One parks while another one seeks, and is answered for.
  test(`${name}: three threads, one of them twice`, () => {
    const threads = [[take(single), take(single)], take(single), take(single)];
    holds(program(single, threads, { bound: { preemptions: P + 1 } }));
  });
  test(`${name}: three threads, one of them twice, for one or both of two permits`, () => {
    const threads = [[take(crowd, 2), take(crowd, 1)], take(crowd, 1), take(crowd, 2)];
    holds(program(crowd, threads, { bound: { preemptions: P } }));
  });
  test(`${name}: three threads, one short of time`, () => {
    const threads = [take(crowd, 2), take(crowd, 2, 10), take(crowd, 1)];
    holds(program(crowd, threads, { timeouts: 1, bound: { preemptions: P } }));
  });
  test(`${name}: three threads, one dies`, () => {
    const threads = [take(mortals, 1), take(mortals, 2), take(mortals, 1)];
    holds(program(mortals, threads, { kills: 1, rescues: 6, bound: { preemptions: P - 1 } }));
  });

  const three: Kind = { ...mortals, capacity: 3 };
  test(`${name}: one has died holding a permit`, () => {
    holds(program(three, [take(three, 2), take(three, 2)], few, { holds: [0, 0, 1], dead: 2 }));
  });
  test(`${name}: one has died holding a permit, and so does another`, () => {
    const threads = [tryTake(mortals, 1), take(mortals, 2)];
    const more = { kills: 1, rescues: 4, bound: { preemptions: P } };
    holds(program(mortals, threads, more, { holds: [0, 0, 1], dead: 2 }));
  });
  test(`${name}: one has died holding a permit, and so does another, which nobody is told`, () => {
    const threads = [take(mortals, 2), take(mortals, 2)];
    const more = { kills: 1, rescues: 4, bound: { preemptions: P - 1 }, onKill: dieUntold(layoutOf(3)) };
    holds(program(mortals, threads, more, { holds: [0, 0, 1], dead: 2 }));
  });
  test(`${name}: one has died counting`, () => {
    const past = { holds: [0, 0, 1], dead: 2, counting: true };
    holds(program(mortals, [tryTake(mortals, 1), take(mortals, 2)], few, past));
  });
  test(`${name}: one has died where another one is now`, () => {
    holds(program(mortals, [take(mortals, 1), take(mortals, 2)], few, { holds: [1, 0], heir: 0 }));
  });
  const four: Kind = { ...mortals, threads: 4, capacity: 4 };
  test(`${name}: one gives and one takes while one counts`, () => {
    const threads = [tryTake(four, 4), gives(four, 1), take(four, 1)];
    const past = { holds: [0, 1, 0, 1], dead: 3 };
    holds(program(four, threads, { bound: { preemptions: P } }, past));
  });
  test(`${name}: two permits, given back one by one, are for two who wait`, () => {
    const threads = [gives(mortals, 1, 1), meets(mortals), meets(mortals)];
    holds(program(mortals, threads, { bound: { preemptions: P - 1 } }, { holds: [2, 0, 0] }));
  });
}

test('two permits, one of them taken before he comes who wants both: the other is not forgotten', () => {
  const kind: Kind = { threads: 3, capacity: 2, mortal: true };
  const threads = [[gives(kind, 2), meets(kind)], take(kind, 2), meets(kind)];
  holds(program(kind, threads, { bound: { preemptions: P - 1 } }, { holds: [2, 0, 0] }));
});
for (const naps of [0, 2]) {
  test(`time passes: three threads, at any moment they begin to count as old, ${naps} naps`, () => {
    const kind: Kind = { threads: 4, capacity: 2, old: 'later', naps };
    const threads = [take(kind, 1), take(kind, 2), take(kind, 1), clock(kind)];
    holds(program(kind, threads, { bound: { preemptions: P } }));
  });
}
test('time passes: two threads, one short of time', () => {
  const kind: Kind = { threads: 3, capacity: 2, old: 'later' };
  const threads = [take(kind, 2), take(kind, 2, 10), clock(kind)];
  holds(program(kind, threads, { timeouts: 1, bound: { preemptions: P + 1 } }));
});
test('nothing is saved up for the dead, even if nobody is told', () => {
  const kind: Kind = { threads: 3, capacity: 2, old: true, mortal: true };
  const threads = [() => undefined, keeps(kind), opens(kind)];
  holds(program(kind, threads, { timeouts: 2 }, { holds: [0, 1, 0], awaited: 0 }));
});
test('marks that the dead have left keep nobody waiting', () => {
  const kind: Kind = { threads: 2, capacity: 2, old: true, mortal: true };
  holds(program(kind, [take(kind, 1)], {}, { marks: WAIT | HANDOFF }));
});
