/**
 * What a thread does next. Lock code is synchronous and knows of the world only what its operations answered,
 * so its history (the answers so far) says where it is. To learn what it asks for next, it is run from its start:
 * known operations are answered from the history, and at the first unknown one it is unwound by Pause. While it
 * unwinds, `finally` blocks ask for more operations; all of them throw Pause again.
 *
 * Histories form a tree for each function; a node is a history, its number stands for it in the states of the
 * world, and the code runs once for each node, however many states share it.
 */
import { fakeMemory, LATE, NOT_EQUAL, OK, TIMED_OUT } from './fake.js';
import type { Memory, Operation, Request } from './fake.js';
import { markOf } from './sections.js';
import type { Mark } from './sections.js';
import type { Env, Flaw, Mode, Spec, Thread } from './spec.js';

export interface Node {
  readonly id: number;
  readonly thread: number;
  /** Which of the thread's functions. */
  readonly round: number;
  readonly parent: Node | undefined;
  /** What the parent's request was answered. */
  readonly result: number;
  /** Whether much time passed with that answer; `wasLate` also if it was with an earlier one. */
  readonly late: boolean;
  readonly wasLate: boolean;
  /** How many operations the thread has done. */
  readonly depth: number;
  /** The sections it is inside of. */
  readonly held: readonly Mark[];
  readonly children: Node[];
  next: Next;
  /** Whether the code has looked at the clock: only then it matters if a wait came back late. */
  usesClock: boolean;
  /** Whether it looked after the last answer: only then it matters if that one came late. */
  looksNow: boolean;
}

/** An operation, or the end of the function, or the end of the test. */
export type Next = Request | { readonly op: 'done' } | ({ readonly op: 'fail' } & Flaw);

/** Unwinds a thread; it has no stack worth collecting, so one is enough. */
const PAUSE = new Error('this thread is paused by the schedule checker: do not catch it');

/** Time passes in operations only, so a loop that only looks at the clock would never come back to us. */
const MANY = 1e5;
/** Past every deadline. */
const LONG = 2 ** 40;
const SPINS_ON_CLOCK: Next = {
  op: 'fail',
  kind: 'livelock',
  message: 'spins on the clock, which stands still',
};

export class Histories {
  readonly nodes: Node[] = [];
  readonly #roots: Node[][];
  readonly #functions: readonly (readonly Thread[])[];
  readonly #memory: Memory;
  readonly #envs: readonly Env[];
  // The run under way.
  #node!: Node;
  #path: Node[] = [];
  #position = 0;
  #clock = 0;
  #looks = 0;
  #next: Next | undefined;

  constructor(spec: Spec) {
    this.#functions = spec.threads.map((thread) => (typeof thread === 'function' ? [thread] : thread));
    this.#memory = fakeMemory(spec.words, {
      perform: (request) => this.#perform(request),
      misuse: (message) => this.#stop({ op: 'fail', kind: 'misuse', message }),
    });
    this.#envs = this.#functions.map((_, thread) => this.#env(thread));
    this.#roots = this.#functions.map((list, thread) =>
      list.map((_, round) => this.#add(undefined, 0, false, thread, round, [])),
    );
  }

  /** The start of a thread's n-th function, if it has so many. */
  root(thread: number, round: number): Node | undefined {
    return this.#roots[thread]?.[round];
  }

  /** Where a thread is after its request was answered so. */
  answer(node: Node, result: number, late: boolean = false): Node {
    const known = node.children.find((child) => child.result === result && child.late === late);
    if (known) return known;
    let { held } = node;
    const { next } = node;
    if (next.op === 'enter' && next.mark) held = [...held, next.mark];
    if (next.op === 'leave') {
      const at = held.findLastIndex(({ name }) => name === next.mark?.name);
      held = held.toSpliced(at, 1);
    }
    const child = this.#add(node, result, late, node.thread, node.round, held);
    node.children.push(child);
    return child;
  }

  /** Where a thread is if time passed before it got there; undefined if it could not tell. */
  late(node: Node): Node | undefined {
    const { parent, result } = node;
    if (parent === undefined || isMark(parent.next)) return undefined;
    const { next } = parent;
    if (next.op === 'wait' && result !== NOT_EQUAL) {
      // That it timed out is a choice of its own.
      return node.usesClock && result === OK && next.b < Infinity ? this.answer(parent, LATE) : undefined;
    }
    return node.looksNow && !node.wasLate ? this.answer(parent, result, true) : undefined;
  }

  #add(
    parent: Node | undefined,
    result: number,
    late: boolean,
    thread: number,
    round: number,
    held: readonly Mark[],
  ): Node {
    const node: Node = {
      id: this.nodes.length,
      thread,
      round,
      parent,
      result,
      late,
      wasLate: late || parent?.wasLate === true,
      depth: parent ? parent.depth + (isMark(parent.next) ? 0 : 1) : 0,
      held,
      children: [],
      next: { op: 'done' },
      usesClock: false,
      looksNow: false,
    };
    this.nodes.push(node);
    this.#run(node);
    return node;
  }

  #run(node: Node): void {
    this.#node = node;
    this.#path = [];
    for (let at = node; at.parent; at = at.parent) this.#path.push(at);
    this.#path.reverse();
    this.#position = 0;
    this.#clock = 0;
    this.#looks = 0;
    this.#next = undefined;

    // Code that takes `Atomics` from the global scope gets the fake as well.
    const real = globalThis.Atomics;
    Reflect.set(globalThis, 'Atomics', this.#memory.atomics);
    let end: Next = { op: 'done' };
    try {
      const env = this.#envs[node.thread];
      const value: unknown = env && this.#functions[node.thread]?.[node.round]?.(env);
      if (value instanceof Promise) {
        end = { op: 'fail', kind: 'misuse', message: 'a thread must be synchronous, but it gave a promise' };
      } else if (this.#position < this.#path.length) {
        end = this.#differs('returned');
      }
    } catch (error) {
      end = { op: 'fail', kind: 'error', message: `threw ${String(error)}` };
      if (this.#position < this.#path.length) end = this.#differs(`threw ${String(error)}`);
    } finally {
      Reflect.set(globalThis, 'Atomics', real);
    }
    // A pause counts even if the code swallowed it: what came after it is not part of the story.
    node.next = this.#next ?? end;
  }

  #env(thread: number): Env {
    return {
      ...this.#memory,
      thread,
      now: () => {
        if (this.#next) throw PAUSE;
        this.#node.usesClock = true;
        if (this.#position === this.#path.length) this.#node.looksNow = true;
        if (this.#looks++ > MANY) this.#stop(SPINS_ON_CLOCK);
        return this.#clock;
      },
      enter: (name, mode = 'exclusive') => void this.#perform(markRequest('enter', name, mode)),
      leave: (name) => {
        const held = this.#position === this.#path.length ? this.#node.held : undefined;
        if (!this.#next && held && !held.some((inside) => inside.name === name)) {
          this.#stop({ op: 'fail', kind: 'misuse', message: `leave('${name}') without enter('${name}')` });
        }
        this.#perform(markRequest('leave', name, 'exclusive'));
      },
    };
  }

  #perform(request: Request): number {
    if (this.#next) throw PAUSE;
    const entry = this.#path[this.#position];
    if (!entry) return this.#stop(request);
    if (!same(entry.parent?.next, request)) return this.#stop(this.#differs(`asked for ${show(request)}`));
    this.#position++;
    // A wait that ends by itself ends a little after its time; code that asks for `now > deadline` relies on it.
    if (request.op === 'wait' && (entry.result === TIMED_OUT || entry.result === LATE)) {
      this.#clock += Math.max(request.b, 0) + 1;
    }
    if (entry.late) this.#clock += LONG;
    return entry.result;
  }

  #stop(next: Next): never {
    this.#next ??= next;
    throw PAUSE;
  }

  #differs(what: string): Next {
    const before = this.#path[this.#position]?.parent?.next;
    const expected = before && 'index' in before ? show(before) : 'something else';
    const message = `with the same answers it ${what} where it had asked for ${expected} before`;
    return { op: 'fail', kind: 'nondeterminism', message };
  }
}

function markRequest(op: Operation, name: string, mode: Mode): Request {
  return { op, index: 0, a: 0, b: 0, mark: markOf(name, mode) };
}

function isMark({ op }: Next): boolean {
  return op === 'enter' || op === 'leave';
}

function same(known: Next | undefined, asked: Request): boolean {
  return (
    known !== undefined &&
    'index' in known &&
    known.op === asked.op &&
    known.index === asked.index &&
    known.a === asked.a &&
    known.b === asked.b &&
    known.mark?.name === asked.mark?.name
  );
}

/** An operation as it would stand in the code, without the array. */
export function show({ op, index, a, b, mark: section }: Request): string {
  if (section) return `${op}('${section.name}')`;
  if (op === 'load') return `load(${index})`;
  if (op === 'wait') return `wait(${index}, ${a}${b === Infinity ? '' : `, ${b} ms`})`;
  if (op === 'notify') return `notify(${index}, ${a === Infinity ? 'all' : a})`;
  return op === 'compareExchange' ? `compareExchange(${index}, ${a}, ${b})` : `${op}(${index}, ${a})`;
}
