/**
 * One timer for all deadlines of this thread: a binary heap ordered by time, each entry knowing its place in it,
 * so that taking one out costs O(log n) wherever it stands and leaves nothing behind.
 *
 * Invariants: `heap[i].place === i`; an entry outside has `place === -1`; while the heap is not empty the timer runs, and
 * fires no later than the first deadline. It keeps the event loop alive as long as one of them does: somebody was
 * promised an answer by then, even if nothing else is left to do.
 *
 * When the last deadline goes the timer stays, without keeping anything alive: most deadlines are removed long before
 * they are due, and a timer for each would cost more than all the rest.
 */
import { nobody } from './nobody.js';

/** Something that ends at a time. */
export abstract class Deadline {
  /** When, on the clock of `performance.now()`; `Infinity` needs no place in the heap. */
  readonly due: number;
  readonly keepsAlive: boolean;
  place = -1;

  constructor(ms: number, keepsAlive = true) {
    this.due = performance.now() + ms;
    this.keepsAlive = keepsAlive;
  }

  /** Called once, not before `due`; by then the deadline is no longer in the heap. */
  abstract expire(): void;
}

/** A deadline at which something is done. */
export class Alarm extends Deadline {
  readonly #ring: () => void;

  constructor(ms: number, keepsAlive: boolean, ring: () => void) {
    super(ms, keepsAlive);
    this.#ring = ring;
    addDeadline(this);
  }

  override expire(): void {
    this.#ring();
  }
}

const LONGEST_TIMER = 2 ** 31 - 1;
const heap: Deadline[] = [];
let timer: NodeJS.Timeout | undefined;
let firesAt = Infinity;
/** How many of them keep the event loop alive. */
let lively = 0;

export function addDeadline(deadline: Deadline): void {
  heap.push(deadline);
  rise(deadline, heap.length - 1);
  if (deadline.keepsAlive && lively++ === 0) timer?.ref();
  if (deadline.due < firesAt) arm(deadline.due);
}

export function removeDeadline(deadline: Deadline): void {
  const place = deadline.place;
  if (place === -1) return;
  if (deadline.keepsAlive && --lively === 0) timer?.unref();
  deadline.place = -1;
  const last = heap.pop() as Deadline;
  if (last !== deadline) {
    sink(last, place);
    if (last.place === place) rise(last, place);
  }
}

/** For tests: the clock is another one, and so are the timers. */
export function forgetTimer(): void {
  clearTimeout(timer);
  timer = undefined;
  firesAt = Infinity;
}

function arm(due: number): void {
  clearTimeout(timer);
  firesAt = due;
  // It may have passed, if another one took long: a negative time would be a warning.
  const ms = Math.min(Math.max(1, Math.ceil(due - performance.now())), LONGEST_TIMER);
  timer = nobody.runInAsyncScope(() => setTimeout(fire, ms));
  if (lively === 0) timer.unref();
}

// A first deadline that was removed does not re-arm the timer: it then fires early, finds nothing due, and is
// armed for what is first by now. That costs one idle wake-up instead of a new timer for every removal.
function fire(): void {
  timer = undefined;
  firesAt = Infinity;
  const now = performance.now();
  try {
    for (let first = heap[0]; first !== undefined && first.due <= now; first = heap[0]) {
      removeDeadline(first);
      first.expire();
    }
  } finally {
    const first = heap[0];
    if (first !== undefined && first.due < firesAt) arm(first.due);
  }
}

function rise(deadline: Deadline, from: number): void {
  let place = from;
  while (place > 0) {
    const parent = heap[(place - 1) >> 1] as Deadline;
    if (parent.due <= deadline.due) break;
    put(parent, place);
    place = (place - 1) >> 1;
  }
  put(deadline, place);
}

function sink(deadline: Deadline, from: number): void {
  let place = from;
  for (;;) {
    let child = 2 * place + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && (heap[child + 1] as Deadline).due < (heap[child] as Deadline).due) child++;
    if ((heap[child] as Deadline).due >= deadline.due) break;
    put(heap[child] as Deadline, place);
    place = child;
  }
  put(deadline, place);
}

function put(deadline: Deadline, place: number): void {
  heap[place] = deadline;
  deadline.place = place;
}
