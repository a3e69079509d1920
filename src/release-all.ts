/** The end of a program that wants to leave nothing locked. */
import { comingDown } from './coming-down.js';
import { Alarm, removeDeadline } from './deadlines.js';
import { LockLostError } from './errors.js';
import { Hold } from './hold.js';
import { checkKeys, readWait } from './options.js';

/**
 * How `releaseAll` goes about it.
 *
 * @example
 * import { releaseAll } from 'tierlock';
 * import type { ReleaseAllOptions } from 'tierlock';
 *
 * const options: ReleaseAllOptions = { timeout: 0 };
 * console.log(await releaseAll(options)); // 0
 */
export interface ReleaseAllOptions {
  /** For how long, in ms, those who hold something may go on. Default: 0. */
  readonly timeout?: number;
}

/**
 * For shutdown handlers: waits until nobody of this thread holds a name any more, for at most `timeout` ms, and then
 * takes the rest away: their guards are lost, and their signals abort. Returns how many those were, after the stores have
 * been told.
 *
 * @example
 * import { lock, releaseAll } from 'tierlock';
 *
 * const guard = await lock('orders');
 * console.log(await releaseAll({ timeout: 10 }), guard.held); // 1 false
 */
export async function releaseAll(options: ReleaseAllOptions = {}): Promise<number> {
  checkKeys(options, ['timeout']);
  const { timeout } = readWait({ timeout: options.timeout ?? 0 });
  if (timeout > 0) await nobodyHolds(timeout);
  const holds = [...Hold.all()];
  for (const hold of holds) {
    const message = `the ${hold.noun} '${hold.name}' was taken away by releaseAll(), after ${timeout} ms`;
    hold.takeAway(new LockLostError(message, { lock: hold.name }));
  }
  // Of those who have let go by themselves, too.
  await comingDown();
  return holds.length;
}

/** Waits until nothing is held, for at most `ms`. */
async function nobodyHolds(ms: number): Promise<void> {
  if (Hold.all().next().done === true) return;
  await new Promise<void>((resolve) => {
    const alarm = ms < Infinity ? new Alarm(ms, true, resolve) : undefined;
    Hold.whenNone(() => {
      if (alarm !== undefined) removeDeadline(alarm);
      resolve();
    });
  });
}
