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

/** The answer; or what there is instead if it has not come by then (`end`, by `uptime`). */
export async function answerBefore<T>(end: number, answer: Promise<T>, otherwise?: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    const ms = Math.min(Math.max(0, Math.ceil(end - uptime())), LONGEST);
    timer = setTimeout(() => resolve(otherwise as T), ms);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
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
