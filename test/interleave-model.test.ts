/**
 * The schedule checker against a model of itself that is too simple to be wrong: small random programs, and a
 * recursion that plays every schedule of them from the rules alone, without histories, state cache or hashing. Both
 * must see the same ends, and the same length of the shortest way into a deadlock.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explore } from '../src/testing/interleave.js';
import type { Memory, Search, Thread } from '../src/testing/interleave.js';
import { generator } from '../src/testing/random.js';

interface Step {
  readonly op: 'add' | 'exchange' | 'compareExchange' | 'wait' | 'notify';
  readonly index: number;
  readonly a: number;
  readonly b: number;
}

const WAIT_RESULTS = ['ok', 'not-equal', 'timed-out'];

/** A program: each thread does its steps and sums up what they answered; words 0 and 1 are shared. */
type Program = readonly (readonly Step[])[];

function randomProgram(random: () => number): Program {
  const below = (limit: number): number => Math.floor(random() * limit);
  const operations = ['add', 'exchange', 'compareExchange', 'wait', 'wait', 'notify', 'notify'] as const;
  const step = (): Step => {
    const op = operations[below(operations.length)] ?? 'add';
    const [index, a] = [below(2), below(3)];
    if (op === 'wait') return { op, index, a: below(2), b: [5, Infinity, 0][below(3)] ?? 5 };
    if (op === 'notify') return { op, index, a: below(2) === 0 ? 1 : Infinity, b: 0 };
    return { op, index, a, b: below(3) };
  };
  const threads = 2 + below(2);
  return Array.from({ length: threads }, () => Array.from({ length: threads === 2 ? 3 : 2 }, step));
}

/** The rules, once more. Results of waits count as 0, 1 and 2; what each thread summed up is part of the end. */
function play(
  program: Program,
  budget: { timeouts: number; kills: number },
): { ends: Set<string>; deadlock: number } {
  const ends = new Set<string>();
  let deadlock = Infinity;
  interface State {
    memory: number[];
    at: number[];
    sums: number[];
    /** Who is parked, first come first. */
    parked: number[];
    dead: number[];
    timeouts: number;
    kills: number;
  }

  const visit = (state: State, depth: number): void => {
    const todo = (t: number): Step | undefined =>
      state.dead.includes(t) ? undefined : program[t]?.[state.at[t] ?? 0];
    const branch = (change: (next: State) => void): void => {
      const next = structuredClone(state);
      change(next);
      visit(next, depth + 1);
    };
    const answer = (next: State, t: number, result: number): void => {
      next.sums[t] = (next.sums[t] ?? 0) * 7 + result;
      next.at[t] = (next.at[t] ?? 0) + 1;
    };
    const run = (next: State, t: number, { op, index, a, b }: Step): void => {
      const old = next.memory[index] ?? 0;
      if (op === 'wait') {
        if (old === a && b > 0) next.parked.push(t);
        else answer(next, t, old === a ? 2 : 1);
        return;
      }
      if (op === 'notify') {
        const woken = next.parked.filter((other) => todo(other)?.index === index).slice(0, a);
        next.parked = next.parked.filter((other) => !woken.includes(other));
        for (const other of woken) answer(next, other, 0);
        answer(next, t, woken.length);
        return;
      }
      if (op === 'add') next.memory[index] = old + a;
      if (op === 'exchange') next.memory[index] = a;
      if (op === 'compareExchange' && old === a) next.memory[index] = b;
      answer(next, t, old);
    };

    let movable = false;
    for (const t of program.keys()) {
      const step = todo(t);
      if (!step) continue;
      const parked = state.parked.includes(t);
      if (!parked) branch((next) => run(next, t, step));
      const mayTimeOut = parked && step.b < Infinity && state.timeouts > 0;
      if (mayTimeOut) {
        branch((next) => {
          next.timeouts--;
          next.parked = next.parked.filter((other) => other !== t);
          answer(next, t, 2);
        });
      }
      movable ||= !parked || mayTimeOut;
      if (state.kills > 0) {
        branch((next) => {
          next.kills--;
          next.parked = next.parked.filter((other) => other !== t);
          next.dead.push(t);
        });
      }
    }
    if (movable) return;
    if (state.parked.length > 0) deadlock = Math.min(deadlock, depth);
    else
      ends.add(
        `${state.memory.join()} ${state.sums.map((sum, t) => (state.dead.includes(t) ? 'x' : sum)).join()}`,
      );
  };

  const zeros = program.map(() => 0);
  visit({ memory: [0, 0], at: [...zeros], sums: [...zeros], parked: [], dead: [], ...budget }, 0);
  return { ends, deadlock };
}

/** The same program for the checker. The sum goes out past the words: it only watches. */
function threadOf(steps: readonly Step[], tell: (sum: number) => void): Thread {
  return ({ words, atomics }) => {
    let sum = 0;
    for (const { op, index, a, b } of steps) {
      let result: number;
      if (op === 'wait') result = WAIT_RESULTS.indexOf(atomics.wait(words, index, a, b));
      else if (op === 'compareExchange') result = atomics.compareExchange(words, index, a, b);
      else if (op === 'notify') result = atomics.notify(words, index, a);
      else result = atomics[op](words, index, a);
      sum = sum * 7 + result;
    }
    tell(sum);
  };
}

void test('the checker and the model agree on random programs', (t) => {
  const random = generator(20);
  let [withDeadlock, without] = [0, 0];
  for (let round = 0; round < 400; round++) {
    const program = randomProgram(random);
    const budget = { timeouts: Math.floor(random() * 3), kills: Math.floor(random() * 1.5) };
    const expected = play(program, budget);
    const told = JSON.stringify({ program, budget });

    const memories = new Set<string>();
    const sums = program.map(() => new Set<number>());
    const final = ({ words, atomics }: Memory): void => {
      memories.add(`${atomics.load(words, 0)},${atomics.load(words, 1)}`);
    };
    const threads = program.map((steps, thread) => threadOf(steps, (sum) => sums[thread]?.add(sum)));
    const search: Search = { words: 2, threads, final, ...budget };
    const { failure, complete } = explore(search);
    if (expected.deadlock < Infinity) {
      withDeadlock++;
      assert.equal(failure?.kind, 'deadlock', told);
      assert.equal(failure?.schedule.length, expected.deadlock, told);
      continue;
    }
    without++;
    assert.deepEqual([failure, complete], [undefined, true], told);
    const ends = [...expected.ends].map((end) => end.split(' '));
    assert.deepEqual(memories, new Set(ends.map(([memory]) => memory)), told);
    for (const [thread, seen] of sums.entries()) {
      const modelled = ends.map(([, all]) => all?.split(',')[thread]).filter((sum) => sum !== 'x');
      assert.deepEqual(seen, new Set(modelled.map(Number)), told);
    }
  }
  t.diagnostic(`${withDeadlock} programs with a deadlock, ${without} without`);
  assert.ok(withDeadlock > 50 && without > 50);
});
