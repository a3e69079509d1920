/** The judge of threads that die (support/deaths.ts): it finds what is wrong, and nothing in what only looks so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deathsIn } from './support/deaths.js';
import type { Deaths } from './support/deaths.js';
import type { Kind, LockEvent } from './support/events.js';
import { TASKS } from './support/mutex-hammer.js';

const kinds: Record<string, Kind> = {
  '?': 'request',
  '+': 'grant',
  '-': 'release',
  t: 'timeout',
  '!': 'died',
};

/** One event a millisecond: the thread, `'` for its second task, what, and `r` if it was told. */
function story(text: string): LockEvent[] {
  return text.split(' ').map((word, at) => {
    const [, thread, second, sign = '', told] = /^(\d)('?)([-?+t!])(r?)$/.exec(word) ?? [];
    const kind = kinds[sign] ?? assert.fail(`not an event: ${word}`);
    const who = Number(thread) * TASKS + (second === '' ? 0 : 1);
    const token = BigInt(at) * 2_000_000n + (told === 'r' ? 1n : 0n);
    return { at, kind, who, lock: 'm', mode: 'exclusive', token };
  });
}

/** Every thread in `ends` was gone at that place of the story, all others as soon as they were doomed. */
function judge(text: string, ends: Readonly<Record<number, number>> = {}): Deaths {
  const gone = Array.from({ length: 4 }, (_, thread): [number, number] => [thread, ends[thread] ?? 0]);
  return deathsIn(story(text), new Map(gone));
}

test('a holder that dies, and the next one who is not told', () => {
  assert.deepEqual(judge('1? 1+ 2? 1! 2+r 2- 3? 3+').wrong, []);
  assert.deepEqual(judge('1? 1+ 2? 1! 2+ 2-').wrong, ['the grant at 4 after a death is not told of it']);
});

test('told although nobody has died, or once too often', () => {
  const told = (at: number, deaths: number): string[] => [
    `the grant at ${at} is told of a death, and there were ${deaths}`,
  ];
  assert.deepEqual(judge('1? 1+r 1-').wrong, told(1, 0));
  assert.deepEqual(judge('1? 1+ 1! 2? 2+r 2- 2? 2+r 2-').wrong, told(7, 1));
});

// 1 died inside, and the death of 2 was logged. Before it died 2 was told of the death of 1, and released.
test('one whose death is logged already is told of another death, and releases', () => {
  const { wrong, told, inside } = judge('1? 1+ 1! 2! 2? 2+r 2- 3? 3+ 3-');
  assert.deepEqual([wrong, told, inside], [[], 1, 1]);
});

test('one whose death is logged already must be told, too, and whoever comes after it', () => {
  assert.equal(judge('1? 1+ 1! 2! 2? 2+ 2- 3? 3+r 3-').wrong.length, 1);
  assert.equal(judge('1! 1? 1+ 2? 2+ 2-').wrong.length, 1);
  assert.deepEqual(judge("1! 1'! 1'? 1'+ 1t 2? 2+r 2-").wrong, []);
});

test('one that released after its death was logged did not die inside', () => {
  const { wrong, inside } = judge('1? 1+ 2? 1! 1- 2+ 2-');
  assert.deepEqual([wrong, inside], [[], 0]);
});

test('a death that is logged again after somebody was told of it is no other death', () => {
  const { wrong, told, inside } = judge("1? 1+ 1! 1'! 2? 2+r 1! 1'! 2- 3? 3+ 3-");
  assert.deepEqual([wrong, told, inside], [[], 1, 1]);
});

test('nobody holds it: time counts from when the dead one was gone, and while somebody waits', () => {
  assert.equal(judge('1? 1+ 2? 1! 3? 3t 3? 3t 2+r', { 1: 6 }).stall, 2);
  assert.equal(judge('1? 1+ 1- 3? 3t 2? 2+').stall, 1);
  assert.equal(judge('1? 1+ 2? 1- 3? 3t 2+').stall, 3);
  // Whoever has died waits for nothing.
  assert.equal(judge('2? 1? 1+ 1! 2! 3? 3+r').stall, 1);
});
