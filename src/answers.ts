/** Answers of a store, which may fail to come, or come too late for whoever has asked. */
import { uptime } from './clock.js';
import { nobody } from './nobody.js';

/** Between a question that failed and the same again, in ms: more each time. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 1000;
/** What a timer takes. */
export const LONGEST: number = 2 ** 31 - 1;

/** From half to one and a half times as much. */
export function jitter(ms: number): number {
  return ms * (0.5 + Math.random());
}

/** One who waits, but no longer than so many ms. It keeps the program alive meanwhile. */
export class Patience {
  /** By performance.now(). */
  readonly due: number;
  readonly #lose: () => void;

  constructor(ms: number, lose: () => void) {
    this.due = performance.now() + ms;
    this.#lose = lose;
    patient.add(this);
    if (looking === undefined || this.due < looksAt || armedBy !== setTimeout) arm(this.due);
    else if (patient.size === 1) looking.ref();
  }

  /** It has come. */
  end(): void {
    patient.delete(this);
    if (patient.size === 0) looking?.unref();
  }

  /** If the loop stood still, the answer may have come, and is read after the timers. */
  lose(): void {
    setImmediate(this.#lose);
  }
}

/**
 * All who wait. Answers come soon as a rule, so one timer looks at them now and then, and stays when nobody waits: one for
 * each would cost more than all the rest of a question.
 */
const patient = new Set<Patience>();
let looking: NodeJS.Timeout | undefined;
let looksAt = Infinity;
/** Whoever tests with timers that are not real, puts his own in this place. */
let armedBy: unknown;

function arm(due: number): void {
  clearTimeout(looking);
  looksAt = due;
  armedBy = setTimeout;
  const ms = Math.min(Math.max(0, Math.ceil(due - performance.now())), LONGEST);
  looking = nobody.runInAsyncScope(() => setTimeout(look, ms));
}

function look(): void {
  looking = undefined;
  const now = performance.now();
  let next = Infinity;
  for (const one of patient) {
    if (one.due > now) {
      next = Math.min(next, one.due);
    } else {
      patient.delete(one);
      one.lose();
    }
  }
  if (next < Infinity) arm(next);
}

/** The answer; or what there is instead if it has not come after so many ms. */
export function answerWithin<T, U>(ms: number, answer: Promise<T>, otherwise: U): Promise<T | U> {
  return new Promise((resolve, reject) => {
    const wait = new Patience(ms, () => resolve(otherwise));
    const end = (): void => wait.end();
    answer.then(resolve, reject);
    answer.then(end, end);
  });
}

/**
 * Asks until there is an answer, or whatever it is about has lapsed (`end`, by `uptime`). `again`: it was asked more than
 * once. Never rejects, and keeps no program alive.
 */
export async function insist<T>(
  ask: () => Promise<T>,
  end: number,
): Promise<{ answer: T; again: boolean } | undefined> {
  for (let ms = FIRST_PAUSE, again = false; ; ms = Math.min(2 * ms, LONGEST_PAUSE), again = true) {
    try {
      return { answer: await ask(), again };
    } catch {
      if (uptime() >= end) return undefined;
      await pause(jitter(ms));
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => nobody.runInAsyncScope(() => setTimeout(resolve, ms).unref()));
}
