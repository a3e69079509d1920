/** The words of a row: what one thread has to do with one lock. Only its owner writes them, but for the state. */

/** Whether the thread waits, and how; see seat.ts. */
export const SEAT_STATE = 0;
/** Its place in the order of arrival, and when it came. */
export const TICKET = 1;
export const SINCE = 2;
/** How many units it waits for. */
export const WANT = 3;
/** How many it holds, where the lock's own word cannot tell; how many wait for a condition. */
export const HELD = 4;
/** The generation of the thread that has written the row. */
export const GENERATION = 5;
/** Whether it was woken in vain in this wait: the lock had been taken by somebody who came by. */
export const PASSED = 6;
/** If somebody watches: since when it has the lock alone, five words; see taken.ts. */
export const TAKEN = 8;
/** How the thread sleeps here, where whoever wakes it must know; see mapped.ts. */
export const SLEEP = 15;
