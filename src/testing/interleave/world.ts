/**
 * The world at one moment: the words, where each thread is in its history, who is parked in which order, and what
 * is left of time-outs and kills. It knows which choices there are, carries one out, and sees what is wrong.
 *
 * Of a parked thread, `status` is its place in the FIFO of its word, from 1. A finished thread, and a killed one
 * that has left its sections, is put back to its first node: its history no longer matters, so states that differ
 * in nothing else are one state.
 */
import { ENDINGS, fakeMemory, NOT_EQUAL, OK, operate, TIMED_OUT } from './fake.js';
import type { Memory, Request } from './fake.js';
import { Histories, show } from './history.js';
import type { Node } from './history.js';
import { clash } from './sections.js';
import type { Mark } from './sections.js';
import type { Flaw, Kind, Spec } from './spec.js';

const READY = 0;
const FINISHED = -1;
const KILLED = -2;

/** So many time-outs are not counted: states must not differ in what is left of them. */
const UNLIMITED = 2 ** 30;

/** A choice is a thread's number times 4 plus one of these. */
export const RUN = 0;
export const TIME_OUT = 1;
export const COME_LATE = 2;
export const KILL = 3;

/** The operation does not answer now: the thread is parked. */
const PARKED = Symbol('parked');

export class World {
  readonly memory: Int32Array;
  readonly histories: Histories;
  /** How many numbers `save` writes. */
  readonly width: number;
  flaw: Flaw | undefined;
  /** Every thread has finished or is dead. */
  ended = false;
  /** Collects what happens, if set. What stands behind a `=` is the operation itself. */
  events: string[] | undefined;
  readonly #spec: Spec;
  readonly #at: Node[] = [];
  readonly #status: number[];
  #timeouts = 0;
  #kills = 0;
  readonly #rescues: number[];
  readonly #direct: Memory;

  constructor(spec: Spec) {
    this.#spec = spec;
    this.memory = new Int32Array(spec.words);
    this.histories = new Histories(spec);
    this.#status = spec.threads.map(() => READY);
    this.#rescues = spec.threads.map(() => 0);
    this.width = spec.words + 3 * spec.threads.length + 2;
    this.#direct = fakeMemory(spec.words, {
      perform: (request) => {
        const result = this.#execute(request);
        if (result === PARKED) throw new Error('only a thread can wait');
        return result;
      },
      misuse: (message) => {
        throw new RangeError(message);
      },
    });
    this.reset();
  }

  reset(): void {
    const { timeouts = 'never', kills = 0, rescues = 0, threads } = this.#spec;
    this.#timeouts = timeouts === 'never' ? 0 : timeouts === 'choice' ? UNLIMITED : timeouts;
    this.#kills = kills;
    this.#rescues.fill(rescues);
    this.#status.fill(READY);
    this.memory.fill(0);
    this.flaw = undefined;
    this.#spec.init?.(this.#direct);
    for (const thread of threads.keys()) this.#at[thread] = this.#root(thread);
    for (const thread of threads.keys()) this.#arrive(thread, this.#root(thread));
    this.#judge();
  }

  save(into: Int32Array): void {
    into.set(this.memory);
    let at = this.memory.length;
    for (let t = 0; t < this.#status.length; t++) {
      into[at++] = this.#node(t).id;
      into[at++] = this.#status[t] ?? READY;
      into[at++] = this.#rescues[t] ?? 0;
    }
    into[at++] = this.#timeouts;
    into[at] = this.#kills;
  }

  load(from: Int32Array, offset: number): void {
    let at = offset;
    for (let i = 0; i < this.memory.length; i++) this.memory[i] = from[at++] ?? 0;
    for (let t = 0; t < this.#status.length; t++) {
      const node = this.histories.nodes[from[at++] ?? 0];
      if (node) this.#at[t] = node;
      this.#status[t] = from[at++] ?? READY;
      this.#rescues[t] = from[at++] ?? 0;
    }
    this.#timeouts = from[at++] ?? 0;
    this.#kills = from[at] ?? 0;
    this.flaw = undefined;
    this.ended = false;
  }

  /** Whether the thread could run by itself. */
  ready(thread: number): boolean {
    return this.#status[thread] === READY;
  }

  choices(): number[] {
    const choices: number[] = [];
    for (let t = 0; t < this.#status.length; t++) {
      const status = this.#status[t] ?? READY;
      if (status < READY) continue;
      if (status === READY) choices.push(t * 4 + RUN);
      if (status === READY && this.#mayBeLate(this.#node(t))) choices.push(t * 4 + COME_LATE);
      if (status > READY && this.#canTimeOut(t)) choices.push(t * 4 + TIME_OUT);
      if (this.#kills > 0 && (this.#spec.victims?.includes(t) ?? true)) choices.push(t * 4 + KILL);
    }
    return choices;
  }

  apply(choice: number): void {
    const thread = choice >> 2;
    const action = choice & 3;
    const node = this.#node(thread);
    if (action === RUN) this.#run(thread, node);
    else if (action === KILL) this.#kill(thread);
    else {
      if (this.#timeouts === 0) this.#rescues[thread] = (this.#rescues[thread] ?? 0) - 1;
      else if (this.#timeouts < UNLIMITED) this.#timeouts--;
      if (action === TIME_OUT) this.#unpark(thread);
      const late = action === COME_LATE ? this.histories.late(node) : undefined;
      this.#arrive(thread, late ?? this.histories.answer(node, TIMED_OUT));
    }
    this.#judge();
  }

  #root(thread: number): Node {
    const root = this.histories.root(thread, 0);
    if (!root) throw new RangeError(`thread ${thread} has no function`);
    return root;
  }

  #node(thread: number): Node {
    return this.#at[thread] ?? this.#root(thread);
  }

  #fail(kind: Kind, message: string): void {
    this.flaw ??= { kind, message };
  }

  #canTimeOut(thread: number): boolean {
    const { next } = this.#node(thread);
    return (this.#timeouts > 0 || this.#mayBeRescued(thread)) && next.op === 'wait' && next.b < Infinity;
  }

  #mayBeRescued(thread: number): boolean {
    if ((this.#rescues[thread] ?? 0) === 0) return false;
    return this.#status.includes(KILLED) && !this.#status.includes(READY);
  }

  /** One operation, with the `leave`s before it and the `enter`s after it. A mark that stands alone is a step. */
  #run(thread: number, from: Node): void {
    let node = from;
    while (node.next.op === 'leave') {
      this.events?.push(show(node.next));
      node = this.histories.answer(node, 0);
    }
    const { next } = node;
    if (next.op === 'enter' || !('index' in next)) return this.#arrive(thread, node);
    this.#at[thread] = node;
    const at = this.events?.length ?? 0;
    const result = this.#execute(next, thread);
    this.events?.splice(at, 0, `=${show(next)}${outcome(next.op, result)}`);
    if (result !== PARKED) this.#proceed(thread, this.histories.answer(node, result));
  }

  #execute(request: Request, thread?: number): number | typeof PARKED {
    const { op, index, a, b } = request;
    if (op === 'notify') return this.#notify(index, a);
    if (op !== 'wait') return operate(this.memory, request);
    if (this.memory[index] !== a) return NOT_EQUAL;
    if (b <= 0) return TIMED_OUT;
    if (thread !== undefined) this.#status[thread] = this.#queue(index).length + 1;
    return PARKED;
  }

  /** Who is parked on a word, first come first. */
  #queue(index: number): number[] {
    const parked: number[] = [];
    for (let t = 0; t < this.#status.length; t++) {
      const { next } = this.#node(t);
      if ((this.#status[t] ?? READY) > READY && 'index' in next && next.index === index) parked.push(t);
    }
    return parked.toSorted((x, y) => (this.#status[x] ?? READY) - (this.#status[y] ?? READY));
  }

  /** Takes one out of its queue; those behind it move up. */
  #unpark(thread: number): void {
    const { next } = this.#node(thread);
    const queue = 'index' in next ? this.#queue(next.index) : [];
    for (const behind of queue.slice(queue.indexOf(thread) + 1)) {
      this.#status[behind] = (this.#status[behind] ?? READY) - 1;
    }
    this.#status[thread] = READY;
  }

  #notify(index: number, count: number): number {
    const woken = this.#queue(index).slice(0, count);
    for (const thread of woken) this.#unpark(thread);
    for (const thread of woken) {
      this.events?.push(`wakes T${thread}`);
      this.#proceed(thread, this.histories.answer(this.#node(thread), OK));
    }
    return woken.length;
  }

  #kill(thread: number): void {
    if (!this.ready(thread)) this.#unpark(thread);
    this.#kills--;
    this.#status[thread] = KILLED;
    if (this.#spec.killedInside !== 'stays') this.#at[thread] = this.#root(thread);
    try {
      this.#spec.onKill?.(this.#direct, thread);
    } catch (error) {
      this.#fail('error', `onKill: ${String(error)}`);
    }
  }

  #mayBeLate(node: Node): boolean {
    return this.#timeouts > 0 && this.histories.late(node) !== undefined;
  }

  /** Late or not is decided when the thread goes on: until then it must not have entered or ended. */
  #proceed(thread: number, node: Node): void {
    const { op } = node.next;
    if ((op === 'enter' || op === 'done' || op === 'fail') && this.#mayBeLate(node)) this.#at[thread] = node;
    else this.#arrive(thread, node);
  }

  /** A thread has come to a node: it enters at once where it says so, and ends if that was the end. */
  #arrive(thread: number, at: Node): void {
    let node = at;
    while (node.next.op === 'enter') {
      this.#at[thread] = node;
      if (node.next.mark) this.#enter(thread, node.next.mark);
      node = this.histories.answer(node, 0);
    }
    const { next } = node;
    this.#at[thread] = node;
    if (next.op === 'fail') return this.#fail(next.kind, `thread ${thread}: ${next.message}`);
    if (next.op === 'leave') return;
    if (next.op !== 'done') {
      const { steps = 100 } = this.#spec;
      if (node.depth >= steps)
        this.#fail('livelock', `thread ${thread} does not finish within ${steps} operations`);
      return;
    }
    this.events?.push(`T${thread} ends${node.round ? ` round ${node.round + 1}` : ''}`);
    const following = this.histories.root(thread, node.round + 1);
    if (following && node.held.length > 0) {
      return this.#fail('misuse', `thread ${thread} ends a round inside of '${node.held[0]?.name}'`);
    }
    if (following) return this.#arrive(thread, following);
    this.#status[thread] = FINISHED;
    if (node.held.length === 0) this.#at[thread] = this.#root(thread);
  }

  #enter(thread: number, mark: Mark): void {
    this.events?.push(`T${thread} enters '${mark.name}'`);
    this.flaw ??= clash(
      mark,
      thread,
      this.#at.map(({ held }) => held),
    );
  }

  /** Is this the end, and a good one? */
  #judge(): void {
    this.ended = false;
    if (this.flaw) return;
    const waiting: string[] = [];
    for (let t = 0; t < this.#status.length; t++) {
      const status = this.#status[t] ?? READY;
      if (status === READY || (status > READY && this.#canTimeOut(t))) return;
      const { next } = this.#node(t);
      if (status > READY && 'index' in next) waiting.push(`thread ${t} in ${show(next)}`);
    }
    if (waiting.length > 0) return this.#fail('deadlock', `nobody can go on: ${waiting.join(', ')}`);
    this.ended = true;
    try {
      this.#spec.final?.(this.#direct);
    } catch (error) {
      this.#fail('final', error instanceof Error ? error.message : String(error));
    }
  }
}

function outcome(op: Request['op'], result: number | typeof PARKED): string {
  if (result === PARKED) return ' parks';
  if (op === 'store') return '';
  return ` -> ${op === 'wait' ? ENDINGS[result] : result}`;
}
