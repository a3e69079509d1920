/**
 * Checks a lock by its history: what every holder saw, put into one order and swept once.
 *
 * A recorder (record.ts) logs a grant after the acquire has returned and a release before release is called, so the
 * interval between them lies inside the real hold. Two such sure intervals that overlap are a proof, never a guess:
 * a history can hide a fault that nobody was unlucky enough to see, but what is reported has happened.
 */
import assert from 'node:assert/strict';
import { byPlace, say, type LockEvent, type Who } from './events.js';
import { Ranks } from './ranks.js';

export type Fault =
  | 'exclusion'
  | 'capacity'
  | 'fifo'
  | 'token'
  | 'grant-without-request'
  | 'answer-without-request'
  | 'request-while-waiting'
  | 'release-without-grant'
  | 'unanswered'
  | 'unreleased';

export interface Violation {
  readonly fault: Fault;
  readonly message: string;
  /** The event that completes the fault, then the one it collides with where there is one. */
  readonly events: readonly LockEvent[];
}

export interface CheckOptions {
  /** Permits per lock, for histories with numbers as modes: for every lock, or by name. */
  readonly capacity?: number | Readonly<Record<string, number>>;
  /**
   * Grants in the order of requests: how many later requests may have been served, up to their release, before a
   * request is granted. (Of two who hold at the same time nobody can tell who was granted first: a grant is logged
   * when its task wakes.) 0 is exact for one thread, where a request is logged as it joins the queue; between threads
   * the moment between the two needs slack.
   * Requests that end in a time-out, abort or death make no claim: they may have left earlier than they could log.
   */
  readonly fifo?: number;
  /** False for a history that was cut off: open requests and holds are then no fault. */
  readonly ended?: boolean;
  /** Stop after so many violations; one fault usually causes thousands. */
  readonly limit?: number;
}

interface Request {
  readonly event: LockEvent;
  readonly place: number;
  /** The highest token known when the request began: the new one is younger. */
  readonly floor: LockEvent | undefined;
}

interface Hold {
  readonly grant: LockEvent;
  readonly request: Request | undefined;
  /** The hold that the same actor already had, if any. */
  readonly below: Hold | undefined;
}

/** What is known about one lock while the sweep passes. */
class Book {
  readonly waiting: Map<Who, Request> = new Map();
  readonly holds: Map<Who, Hold> = new Map();
  exclusive = 0;
  permits = 0;
  requests = 0;
  /** The places of those whose hold is over. */
  readonly served: Ranks = new Ranks();
  furthest: Request | undefined;
  top: LockEvent | undefined;
  topExclusive: LockEvent | undefined;

  count({ mode }: LockEvent, by: 1 | -1): void {
    if (mode === 'exclusive') this.exclusive += by;
    else if (mode !== 'shared') this.permits += by * mode;
  }

  /** The oldest current hold that `wanted` picks. */
  holder(wanted: (grant: LockEvent) => boolean): LockEvent | undefined {
    for (const top of this.holds.values())
      for (let hold: Hold | undefined = top; hold; hold = hold.below)
        if (wanted(hold.grant)) return hold.grant;
    return undefined;
  }

  end(who: Who): Hold | undefined {
    const hold = this.holds.get(who);
    if (!hold) return undefined;
    this.count(hold.grant, -1);
    if (hold.below) this.holds.set(who, hold.below);
    else this.holds.delete(who);
    if (hold.request) {
      this.served.add(hold.request.place);
      if (!this.furthest || this.furthest.place < hold.request.place) this.furthest = hold.request;
    }
    return hold;
  }
}

const newer = (a: LockEvent | undefined, b: LockEvent): LockEvent =>
  a?.token === undefined || (b.token !== undefined && b.token > a.token) ? b : a;

/** Sweeps the events once in their order and returns what cannot be true of a correct lock. */
export function check(events: readonly LockEvent[], options: CheckOptions = {}): Violation[] {
  const { capacity, fifo, ended = true, limit = 100 } = options;
  const found: Violation[] = [];
  const books = new Map<string, Book>();
  const dead = new Set<Who>();

  const report = (fault: Fault, event: LockEvent, why: string, other?: LockEvent): void => {
    const message = `${fault}: ${say(event)} ${why}${other ? ` ${say(other)}` : ''}`;
    found.push({ fault, message, events: other ? [event, other] : [event] });
  };

  const exclusion = (book: Book, event: LockEvent): void => {
    if (event.mode === 'exclusive') {
      if (book.holds.size > 0)
        report(
          'exclusion',
          event,
          'during the hold by',
          book.holder(() => true),
        );
      return;
    }
    if (book.exclusive > 0)
      report(
        'exclusion',
        event,
        'during the hold by',
        book.holder(({ mode }) => mode === 'exclusive'),
      );
    if (event.mode === 'shared') return;
    const most = typeof capacity === 'object' ? capacity[event.lock] : capacity;
    if (most === undefined) throw new TypeError(`options.capacity: how many permits has '${event.lock}'?`);
    const used = book.permits + event.mode;
    if (used > most)
      report(
        'capacity',
        event,
        `makes ${used} permits of ${most}, with`,
        book.holder(({ mode }) => typeof mode === 'number'),
      );
  };

  // Holds that exclude each other are ordered by their grants. Holds that may overlap are only ordered if one was
  // granted before the other was even requested: their grants may be logged in either order.
  const tokens = (book: Book, event: LockEvent, floor: LockEvent | undefined): void => {
    if (event.token === undefined) return;
    const excluded = event.mode === 'exclusive' ? book.top : book.topExclusive;
    for (const older of [excluded, floor]) {
      if (older?.token === undefined || event.token > older.token) continue;
      report('token', event, 'is not newer than', older);
      break;
    }
    book.top = newer(book.top, event);
    if (event.mode === 'exclusive') book.topExclusive = newer(book.topExclusive, event);
  };

  const queue = (book: Book, event: LockEvent, request: Request): void => {
    if (fifo === undefined) return;
    const overtakers = book.served.above(request.place);
    if (overtakers > fifo)
      report('fifo', event, `came after ${overtakers} later requests, such as`, book.furthest?.event);
  };

  const step = (book: Book, event: LockEvent): void => {
    const { kind, who } = event;
    const request = book.waiting.get(who);
    if (kind === 'request') {
      if (request) report('request-while-waiting', event, 'although unanswered is', request.event);
      book.waiting.set(who, { event, place: book.requests++, floor: book.top });
    } else if (kind === 'grant') {
      if (!request) report('grant-without-request', event, 'answers no request');
      else queue(book, event, request);
      exclusion(book, event);
      tokens(book, event, request?.floor);
      book.waiting.delete(who);
      book.holds.set(who, { grant: event, request, below: book.holds.get(who) });
      book.count(event, 1);
    } else if (kind === 'release') {
      if (!book.end(who)) report('release-without-grant', event, 'ends no hold');
    } else if (!book.waiting.delete(who)) {
      report('answer-without-request', event, 'answers no request');
    }
  };

  for (const event of events.toSorted(byPlace)) {
    if (found.length >= limit) return found;
    if (dead.has(event.who)) continue;
    if (event.kind === 'died') {
      dead.add(event.who);
      for (const book of books.values()) {
        book.waiting.delete(event.who);
        while (book.end(event.who));
      }
      continue;
    }
    let book = books.get(event.lock);
    if (!book) books.set(event.lock, (book = new Book()));
    step(book, event);
  }
  for (const book of ended ? books.values() : []) {
    for (const { event } of book.waiting.values()) report('unanswered', event, 'has no answer at the end');
    for (const hold of book.holds.values()) report('unreleased', hold.grant, 'is still held at the end');
  }
  return found.slice(0, limit);
}

/** The most holds of that mode that surely were at the same moment. */
export function mostAtOnce(events: readonly LockEvent[], mode: LockEvent['mode']): number {
  let [now, most] = [0, 0];
  for (const event of events.toSorted(byPlace)) {
    if (event.mode !== mode) continue;
    if (event.kind === 'grant') most = Math.max(most, ++now);
    else if (event.kind === 'release') now--;
  }
  return most;
}

/** Fails with the first violations in words. */
export function mustBeCorrect(events: readonly LockEvent[], options?: CheckOptions): void {
  const found = check(events, options);
  const shown = found.slice(0, 10).map(({ message }) => message);
  assert.equal(found.length, 0, `${found.length} violations in ${events.length} events\n${shown.join('\n')}`);
}
