/**
 * The history checker: every kind of fault is found in a small history that has it, none in histories that look
 * suspicious but are right.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Kind, LockEvent } from './support/events.js';
import { check, mustBeCorrect, type CheckOptions, type Fault } from './support/history.js';
import { Ranks } from './support/ranks.js';
import { TaskLog } from './support/record.js';

const kinds: Record<string, Kind> = {
  '?': 'request',
  '+': 'grant',
  '-': 'release',
  t: 'timeout',
  x: 'abort',
  '!': 'died',
};

/**
 * Events in short: who, what, then `s` for shared or the permits, `#` and the token, `@` and the lock. `1? 1+#5 1-`
 * is one hold of actor 1 with token 5; `2+s@b` a shared grant of the lock b.
 */
function story(text: string): LockEvent[] {
  return text.split(/\s+/).map((word, at) => {
    const parts = /^(\d+)([-?+tx!])(s|\d+)?(?:#(\d+))?(?:@(\w+))?$/.exec(word);
    const [, who, sign, mode, token, lock = 'a'] = parts ?? [];
    const kind = kinds[sign ?? ''];
    if (!kind) throw new TypeError(`not an event: ${word}`);
    const event: LockEvent = {
      at,
      kind,
      who: Number(who),
      lock,
      mode: mode === 's' ? 'shared' : mode === undefined ? 'exclusive' : Number(mode),
    };
    return token === undefined ? event : Object.assign(event, { token: BigInt(token) });
  });
}

interface Bad {
  readonly what: string;
  readonly text: string;
  readonly fault: Fault;
  /** The two events (places in the text) that the report must name. */
  readonly names: readonly number[];
  readonly options?: CheckOptions;
}

const permits: CheckOptions = { capacity: 3 };

const bad: Bad[] = [
  { what: 'two holders', text: '1? 2? 1+ 2+ 1- 2-', fault: 'exclusion', names: [3, 2] },
  { what: 'a hold inside another', text: '1? 2? 1+ 2+ 2- 1-', fault: 'exclusion', names: [3, 2] },
  { what: 'a writer among readers', text: '1?s 1+s 2? 2+ 1- 2-', fault: 'exclusion', names: [3, 1] },
  { what: 'a reader beside a writer', text: '1? 1+ 2?s 2+s 1- 2-', fault: 'exclusion', names: [3, 1] },
  {
    what: 'the second reader still reads',
    text: '1?s 2?s 1+s 2+s 3? 1- 3+ 2- 3-',
    fault: 'exclusion',
    names: [6, 3],
  },
  { what: 'an actor that gets its lock twice', text: '1? 1+ 1? 1+ 1- 1-', fault: 'exclusion', names: [3, 1] },
  {
    what: 'permits above capacity',
    text: '1?2 2?2 1+2 2+2 1- 2-',
    fault: 'capacity',
    names: [3, 2],
    options: permits,
  },
  {
    what: 'a writer beside permits',
    text: '1?1 1+1 2? 2+ 1- 2-',
    fault: 'exclusion',
    names: [3, 1],
    options: permits,
  },
  { what: 'more than there can be', text: '1?4 1+4 1-', fault: 'capacity', names: [1], options: permits },
  { what: 'a grant before the death', text: '1? 2? 1+ 2+ 1! 2-', fault: 'exclusion', names: [3, 2] },
  {
    what: 'overtaking',
    text: '1? 1+ 2? 3? 1- 3+ 3- 2+ 2-',
    fault: 'fifo',
    names: [7, 3],
    options: { fifo: 0 },
  },
  {
    what: 'overtaking more than the slack',
    text: '1? 1+ 2? 3? 1- 3+ 3- 4? 4+ 4- 2+ 2-',
    fault: 'fifo',
    names: [10, 7],
    options: { fifo: 1 },
  },
  {
    what: 'a reader past a writer',
    text: '1?s 1+s 2? 3?s 3+s 1- 3- 2+ 2-',
    fault: 'fifo',
    names: [7, 3],
    options: { fifo: 0 },
  },
  { what: 'a token that falls', text: '1? 1+#5 1- 2? 2+#4 2-', fault: 'token', names: [4, 1] },
  { what: 'a token given twice', text: '1? 1+#5 1- 2? 2+#5 2-', fault: 'token', names: [4, 1] },
  {
    what: 'a token that forgets the highest',
    text: '1? 1+#5 1- 2? 2+ 2- 3? 3+#3 3-',
    fault: 'token',
    names: [7, 1],
  },
  { what: 'a writer older than its readers', text: '2? 1?s 1+s#5 1- 2+#4 2-', fault: 'token', names: [4, 2] },
  {
    what: 'a reader older than one before',
    text: '1?s 1+s#5 2?s 2+s#4 1- 2-',
    fault: 'token',
    names: [3, 1],
  },
  { what: 'a grant nobody asked for', text: '1+ 1-', fault: 'grant-without-request', names: [0] },
  { what: 'a grant after the time-out', text: '1? 1t 1+ 1-', fault: 'grant-without-request', names: [2] },
  { what: 'a grant after the abort', text: '1? 1x 1+ 1-', fault: 'grant-without-request', names: [2] },
  { what: 'a time-out of nothing', text: '1t', fault: 'answer-without-request', names: [0] },
  { what: 'an abort after the grant', text: '1? 1+ 1x 1-', fault: 'answer-without-request', names: [2] },
  { what: 'two requests at once', text: '1? 1? 1+ 1-', fault: 'request-while-waiting', names: [1, 0] },
  { what: 'a release of nothing', text: '1? 1t 1-', fault: 'release-without-grant', names: [2] },
  { what: 'a second release', text: '1? 1+ 1- 1-', fault: 'release-without-grant', names: [3] },
  { what: 'a release of another one', text: '1? 1+ 2- 1-', fault: 'release-without-grant', names: [2] },
  { what: 'a release of another lock', text: '1? 1+ 1-@b 1-', fault: 'release-without-grant', names: [2] },
  { what: 'a request without an answer', text: '1? 1+ 2? 1-', fault: 'unanswered', names: [2] },
  { what: 'a hold without an end', text: '1? 1+', fault: 'unreleased', names: [1] },
];

for (const { what, text, fault, names, options } of bad) {
  test(`finds ${what}`, () => {
    const events = story(text);
    const found = check(events, options);
    assert.deepEqual(
      found.map((violation) => violation.fault),
      [fault],
      JSON.stringify(found.map((v) => v.message)),
    );
    const blamed = fault === 'fifo' ? events[names[1] ?? -1] : undefined;
    assert.deepEqual(
      found[0]?.events,
      blamed ? [events[names[0] ?? -1], blamed] : names.map((i) => events[i]),
    );
    for (const i of names) assert.match(found[0]?.message ?? '', new RegExp(` at ${i}\\b`));
    assert.throws(() => mustBeCorrect(events, options), new RegExp(`1 violations[^]*${fault}: `));
  });
}

const good: [what: string, text: string, options?: CheckOptions][] = [
  ['nothing', '1? 1t'],
  ['holds side by side', '1? 2? 1+ 1- 2+ 2- 1? 1+ 1-', { fifo: 0 }],
  ['hand-over: granted while the release is under way', '1? 1+ 2? 1- 2+ 2-', { fifo: 0 }],
  ['readers together', '1?s 2?s 1+s 2+s 2- 1- 3? 3+ 3-', { fifo: 0 }],
  ['readers whose grants are logged in another order', '1?s 2?s 2+s#2 1+s#1 1- 2-'],
  ['permits exactly at capacity', '1?2 2?1 1+2 2+1 1- 3?2 3+2 2- 3-', { capacity: 3, fifo: 0 }],
  ['a capacity by name', '1?2@b 1+2@b 1-@b 1?1 1+1 1-', { capacity: { a: 1, b: 2 } }],
  ['a lock after its holder has died', '1? 1+ 2? 1! 2+ 2-'],
  ['what the dead still log', '1? 1+ 2? 1! 2+ 1- 1? 1+ 1- 2-'],
  ['a death in the queue', '1? 1+ 2? 3? 2! 1- 3+ 3-', { fifo: 0 }],
  ['a death with nested holds', '1? 1+ 1?@b 1+@b 1! 2? 2+ 2- 2?@b 2+@b 2-@b'],
  ['a death with a lock held twice', '1?s 1+s 1?s 1+s 1! 2? 2+ 2-'],
  ['one who left the queue', '1? 1+ 2? 3? 2t 4? 4x 1- 3+ 3-', { fifo: 0 }],
  ['overtaking one who gives up', '1? 1+ 2? 3? 1- 3+ 3- 2t', { fifo: 0 }],
  ['overtaking within the slack', '1? 1+ 2? 3? 1- 3+ 3- 2+ 2-', { fifo: 1 }],
  ['overtaking where order is not asked for', '1? 1+ 2? 3? 1- 3+ 3- 2+ 2-'],
  ['tokens that grow in leaps', '1? 1+#5 1- 2? 2+#70 2- 3? 3+ 3-'],
  ['tokens of two locks', '1? 1+#5 1- 2?@b 2+#4@b 2-@b'],
  ['two locks at once', '1? 1+ 2?@b 2+@b 1- 2-@b'],
  ['a history that was cut off', '1? 1+ 2?', { ended: false }],
];

for (const [what, text, options] of good) test(`accepts ${what}`, () => mustBeCorrect(story(text), options));

test('accepts an end and a grant at the same time, in any order of the log', () => {
  const [ask1, get1, ask2, get2, end1, end2] = story('1? 1+ 2? 2+ 1- 2-');
  assert.ok(ask1 && get1 && ask2 && get2 && end1 && end2);
  mustBeCorrect([ask1, get1, ask2, get2, { ...end1, at: get2.at }, end2]);
});

test('accepts logs that come one writer after the other', () => {
  mustBeCorrect(
    story('1? 2? 1+ 1- 2+ 2-').toSorted((a, b) => Number(a.who) - Number(b.who)),
    { fifo: 0 },
  );
});

test('refuses permits of an unknown capacity, and stops at the limit', () => {
  assert.throws(() => check(story('1?1 1+1 1-')), /capacity/);
  assert.equal(check(story('1- 1- 1- 1-'), { limit: 2 }).length, 2);
  assert.equal(check(story('1? 2? 3?'), { limit: 2 }).length, 2);
});

test('ranks count what is above, while they grow', () => {
  const ranks = new Ranks();
  for (let place = 0; place < 3000; place += 3) {
    ranks.add(place);
    assert.equal(ranks.above(place), 0);
    assert.equal(ranks.above(Math.floor(place / 2)), Math.floor(place / 3) - Math.floor(place / 6));
  }
  assert.deepEqual([ranks.above(-1), ranks.above(1e6)], [1000, 0]);
});

test('counts overtakers in a long queue', () => {
  const log = new TaskLog();
  for (let who = 0; who < 5000; who++) log.record('request', who, 'a');
  for (let who = 4999; who >= 0; who--) {
    log.record('grant', who, 'a');
    log.record('release', who, 'a');
  }
  mustBeCorrect(log.events, { fifo: 4999 });
  const [first, second] = check(log.events, { fifo: 4998 });
  assert.match(first?.message ?? '', /by 0 at \d+ came after 4999 later requests/);
  assert.equal(second, undefined);
});

test('checks a million events', (t) => {
  const log = new TaskLog();
  const actors = 1000;
  // A queue that is always full: actor 0 requests again as soon as it has released.
  for (let who = 0; who < actors; who++) log.record('request', who, 'a');
  for (let i = 0; log.events.length < 1e6; i++) {
    log.record('grant', i % actors, 'a', 'exclusive', BigInt(i));
    log.record('release', i % actors, 'a');
    log.record('request', i % actors, 'a');
  }
  const options: CheckOptions = { fifo: 0, ended: false };
  const start = performance.now();
  mustBeCorrect(log.events, options);
  const ms = performance.now() - start;
  t.diagnostic(`${log.events.length} events in ${ms.toFixed(0)} ms`);
  const lost = log.events.findIndex(({ at, kind }) => at > 5e5 && kind === 'release');
  const [first] = check(log.events.toSpliced(lost, 1), options);
  assert.deepEqual(first?.events, [log.events[lost + 2], log.events[lost - 1]]);
});
