/** Answers of a store, which may fail to come, or come too late for whoever has asked. */
import { uptime } from './clock.js';
import { addDeadline, Deadline, removeDeadline } from './deadlines.js';

/** Between a question that failed and the same again, in ms: more each time. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 1000;
/** 24 days, which is what a timer takes. */
const FOR_EVER = 2 ** 31 - 1;

/** From half to one and a half times as much. */
export function jitter(ms: number): number {
  return ms * (0.5 + Math.random());
}

/** A wait of so many ms at most, until it is removed. It keeps the program alive meanwhile. */
export class Patience extends Deadline {
  readonly #lose: () => void;

  constructor(ms: number, lose: () => void) {
    // One without an end, too: whoever waits is promised an answer, whatever the store's connections keep alive.
    super(Math.min(ms, FOR_EVER));
    this.#lose = lose;
    addDeadline(this);
  }

  /** If the loop stood still, the answer may have come, and is read after the timers. */
  override expire(): void {
    setImmediate(this.#lose);
  }
}

/** The answer, which is never a rejection; or what there is instead if it has not come after so many ms. */
export function answerWithin<T, U>(ms: number, answer: Promise<T>, otherwise: U): Promise<T | U> {
  return new Promise((resolve) => {
    const wait = new Patience(ms, () => resolve(otherwise));
    const end = (value: T): void => {
      removeDeadline(wait);
      resolve(value);
    };
    void answer.then(end);
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
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
