/**
 * What lies outside of one thread, as its queue sees it: units that other threads, processes or hosts want as well.
 * A queue that has an outside asks it before it hands out any, and only for whoever is first in the line.
 */

/** How long a thread sleeps at most without looking around, in ms. */
export const SLICE = 10;

/** Since when somebody waits, and for how many he has to wait; only who has made it knows more. */
export interface Turn {
  readonly ticket: number;
  readonly since: number;
}

/** Something outside that can be waited for without blocking. One wait at a time. */
export interface Sleeper {
  /** Begins a wait, or goes on with one that was interrupted at that turn. Then `poll` until it is true, or `end`. */
  begin(units: number, turn?: Turn): Turn;
  /**
   * Takes what it waits for if that can be; else sees to it that `sleepAsync` ends when it is worth another try. Throws
   * if it cannot be had at all.
   */
  poll(looked: boolean): boolean;
  /** A promise of the next wake-up, or undefined if it has come already. */
  sleepAsync(): Promise<unknown> | undefined;
  /** Ends that sleep. */
  wakeUp(): void;
  /** Somebody has died, or so many slices of time have passed: finds out who lives. The answer is for `poll`. */
  lookAround(slices: number): boolean;
  /** Ends the wait with nothing taken. */
  end(): void;
}

/** Units that others want as well. */
export interface Outer extends Sleeper {
  /**
   * Whether the last holder of what was taken last has died holding it. Whoever tells of it sets it back; what is
   * given back while it is set is given to the next one with the same news.
   */
  recovered: boolean;
  /** Whether somebody outside waits. */
  readonly awaited: boolean;
  /** Whether the units go round outside in strict order of arrival. */
  readonly fair: boolean;
  /** Whether what we have got may be passed on inside: not if it is lost, or soon will be. Always, if it does not say. */
  readonly passable?: boolean;
  /** Who else may hold them, in an error's words. */
  readonly others: string;
  /** Takes units if that is possible now. */
  tryTake(units: number): boolean;
  /** Takes units, blocking the thread for at most `ms`. False if they did not come. */
  take(units: number, ms: number): boolean;
  /** Where nobody is kept from passing others: what is about to be given back has gone round here for as long as it may. */
  stepAside?(): void;
  /** Gives units back. */
  give(units: number): void;
}
