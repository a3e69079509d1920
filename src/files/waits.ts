/** The waits of this thread that threads of the addon do (native/waits.cc), by their tickets. */
import type { Addon } from '../addon.js';

const waits = new Map<number, () => void>();
let listens = false;

/** `done` is called once it is time to end the wait. The ticket; 0 if as many threads wait as may. */
export function startWait(
  addon: Addon,
  fd: number,
  how: number,
  start: number,
  length: number,
  done: () => void,
): number {
  // Some that were ended may still be told of.
  if (!listens) addon.onWaitDone((ticket) => waits.get(ticket)?.());
  listens = true;
  const ticket = addon.beginWait(fd, how, start, length);
  if (ticket !== 0) waits.set(ticket, done);
  return ticket;
}

/** Ends it, and says how it ended: see `Locked`. */
export function endWait(addon: Addon, ticket: number): number {
  waits.delete(ticket);
  return addon.endWait(ticket);
}
