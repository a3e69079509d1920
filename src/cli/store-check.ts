/**
 * A short run of the conformance suite (src/conformance.ts) against a store: the promises that somebody relies on who uses
 * it, without faults, which only a test can make. All of it is under names that nobody else has, and is given back.
 */
import { askStore } from '../ask-store.js';
import { conformance } from '../conformance.js';
import { failure, ok } from './findings.js';
import type { Finding, Tried } from './findings.js';
import { open } from './where.js';

/** What is tried, unless all is. */
export const SHORT: ReadonlySet<string> = new Set([
  'who holds keeps everybody else out until the release',
  'contention is an answer, no error: null',
  'of many who ask at once one is granted',
  'who asks again under the same id is granted the same again, and it counts once',
  'of a counter that many write nothing gets lost',
  'readers come in beside readers',
  'a writer keeps readers out',
  'as many permits are given out as there are',
  'names in any script are names, and count by their characters, not by their looks',
  'a release tells the truth: true, and false the second time, which frees nobody',
  'a late release frees nobody',
  'what a release has given back is free at once for whoever asks then',
  'a request that is forgotten has taken nothing',
  'a token grows with every grant, whoever gets it',
  'what is not renewed lapses, and not before its time',
  'what is renewed lasts for so long from then on, at least',
  'a renewal of what has lapsed is a loss, and brings nothing back',
  'who has subscribed is told of a release',
  'all who wait have their turn',
  'a look shows who holds a key, with his token and his time, to everybody',
  'a list has the keys that are held, as they are, and no others',
  'what is broken is free, and its holder is told at his next renewal; or it cannot be broken, and stays',
  'lock() waits for a holder on another host, and keeps others out then',
  'a time-out comes when the time is up and not before, says who holds it, and leaves nothing behind',
  'tasks that take turns let another host in',
  'semaphore() shares its permits with other hosts',
]);

/** `tell` is told of each as it is done. */
export async function checkStore(url: string, all: boolean, tell: (tried: Tried) => void): Promise<Finding> {
  let check = 'store';
  try {
    const store = open(url);
    check = `store ${store.name}`;
    try {
      // One that cannot be reached would break each promise, slowly.
      await askStore(store, 'doctor', store.inspect?.('lock:tierlock doctor') ?? Promise.resolve([]));
    } finally {
      await store.close();
    }
  } catch (error) {
    return failure(check, error);
  }
  const promises: Tried[] = [];
  for (const { promise, run } of casesOf(url)) {
    if (!all && !SHORT.has(promise)) continue;
    const tried = await attempt(promise, run);
    promises.push(tried);
    tell(tried);
  }
  const count = (result: Tried['result']): number => promises.filter((each) => each.result === result).length;
  const broken = count('broken');
  const detail = `${count('kept')} promises kept, ${broken} broken, ${count('skipped')} it does not make`;
  if (broken === 0) return { ...ok(check, detail), promises };
  const remedy =
    'locks in it may not hold: see which, and whether something stands between (a proxy, a replica)';
  return { status: 'fail', check, detail, remedy, promises };
}

interface Case {
  readonly promise: string;
  readonly run: (...context: unknown[]) => Promise<void>;
}

function casesOf(url: string): Case[] {
  const cases: Case[] = [];
  const name = 'store';
  conformance({
    test: (title, run) => cases.push({ promise: title.slice(name.length + 2), run }),
    name,
    open: () => open(url),
  });
  return cases;
}

async function attempt(promise: string, run: Case['run']): Promise<Tried> {
  let skipped: string | undefined;
  try {
    await run({ skip: (why: string) => (skipped = why) });
  } catch (error) {
    return { promise, result: 'broken', detail: error instanceof Error ? error.message : String(error) };
  }
  return skipped === undefined
    ? { promise, result: 'kept' }
    : { promise, result: 'skipped', detail: skipped };
}
