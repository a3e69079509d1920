/**
 * Runs a few tasks of one thread through every order in which their steps can come, and tells which order breaks them. The
 * tasks say themselves where others may come between: `await step()`, in the place of the call to a file or a database.
 *
 * Between two steps everything runs until nothing of this thread is ready any more: then each task stands at a step, has
 * ended, or waits for something that only another task can bring, a lock for instance. So what the tasks wait for besides
 * steps must be of this thread: no file, no store, no timer.
 *
 * Invariants
 * - Each schedule is run from the beginning, with a state of its own.
 * - A schedule is the list of the tasks that were let go on; the same list is the same run.
 */
import { AssertionError } from 'node:assert';
import { checkCallable, checkKeys } from '../options.js';
import { turn } from './settled.js';

/**
 * Where another task may come between: settles when it is this task's turn again. `what` is for the schedule that is printed.
 *
 * @example
 * import type { Step } from 'tierlock/testing';
 *
 * async function readAndWrite(step: Step, state: { value: number }): Promise<void> {
 *   const seen = state.value;
 *   await step('has read');
 *   state.value = seen + 1;
 * }
 * console.log(readAndWrite.length); // 2
 */
export type Step = (what?: string) => Promise<void>;

/**
 * What is tried: the tasks of one run, and what must hold at its end.
 *
 * @example
 * import type { Story } from 'tierlock/testing';
 *
 * const nothing: Story = { tasks: [async (step) => step('and on')], check: () => undefined };
 * console.log(nothing.tasks.length); // 1
 */
export interface Story {
  readonly tasks: readonly ((step: Step) => Promise<unknown>)[];
  /** Throws if what the tasks have done is wrong. */
  readonly check?: () => unknown;
}

/**
 * How far it goes.
 *
 * @example
 * import { explore } from 'tierlock/testing';
 * import type { ExploreOptions } from 'tierlock/testing';
 *
 * const options: ExploreOptions = { schedule: '0 1 1 0' };
 * const story = () => ({ tasks: [0, 1].map(() => async (step: () => Promise<void>) => step()) });
 * console.log((await explore(story, options)).schedules); // 1
 */
export interface ExploreOptions {
  /** Gives up after so many schedules: then not all have been tried. Default: 10,000, and more are an error. */
  readonly most?: number;
  /** Runs this one alone: what a failure has printed behind `schedule:`. */
  readonly schedule?: string;
}

/**
 * What was tried.
 *
 * @example
 * import { explore } from 'tierlock/testing';
 * import type { Explored } from 'tierlock/testing';
 *
 * const tried: Explored = await explore(() => ({ tasks: [async (step) => step(), async (step) => step()] }));
 * console.log(tried.schedules, tried.complete); // 6 true
 */
export interface Explored {
  readonly schedules: number;
  /** Whether these were all. */
  readonly complete: boolean;
}

const MOST = 10_000;

/**
 * Tries all orders. Rejects with an AssertionError that prints the schedule as soon as one goes wrong: `check` has thrown, a
 * task has failed, or tasks wait for each other and nobody can go on.
 *
 * `story` is called for each schedule anew, and makes the state and the locks that its tasks share.
 *
 * @example
 * import { explore } from 'tierlock/testing';
 * import { Mutex } from 'tierlock';
 * import assert from 'node:assert';
 *
 * const sell = (lock: boolean) => () => {
 *   const mutex = new Mutex();
 *   let stock = 2;
 *   const sale = async (step: (what: string) => Promise<void>): Promise<void> => {
 *     const seen = stock;
 *     await step('has read the stock');
 *     stock = seen - 1;
 *   };
 *   const task = (step: (what: string) => Promise<void>) => (lock ? mutex.run(() => sale(step)) : sale(step));
 *   return { tasks: [task, task], check: () => assert.equal(stock, 0) };
 * };
 *
 * console.log((await explore(sell(true))).complete); // true
 * const failure = await explore(sell(false)).catch((error: Error) => error.message);
 * console.log(String(failure).includes('schedule: 0 1 0 1')); // true
 */
export async function explore(story: () => Story, options: ExploreOptions = {}): Promise<Explored> {
  checkCallable('story', story);
  checkKeys(options, ['most', 'schedule']);
  const { most, schedule } = options;
  if (most !== undefined && (!Number.isInteger(most) || most < 1))
    throw new RangeError(`'most' must be a whole number of at least 1, got ${String(most)}`);
  if (schedule !== undefined) {
    await new Run(story).follow(parse(schedule));
    return { schedules: 1, complete: false };
  }
  let next: number[] | undefined = [];
  for (let schedules = 0; ; schedules++) {
    if (next === undefined) return { schedules, complete: true };
    if (schedules === (most ?? MOST)) {
      if (most !== undefined) return { schedules, complete: false };
      const message = `not all schedules after ${MOST}: take fewer tasks or steps, or say { most } to be content with so many`;
      throw new AssertionError({ message, stackStartFn: explore });
    }
    const run: Run = new Run(story);
    await run.follow(next);
    next = run.after();
  }
}

function parse(schedule: string): number[] {
  if (/^\d+( \d+)*$/.test(schedule)) return schedule.split(' ').map(Number);
  throw new TypeError(`'schedule' must be numbers of tasks with a space between, got '${schedule}'`);
}

/** A task of a run. */
interface Task {
  /** Lets it go on from the step at which it stands; undefined if it stands at none. */
  go: (() => void) | undefined;
  /** What it is about to do. */
  what: string;
  ended: boolean;
}

/** One schedule. */
class Run {
  readonly #tasks: Task[];
  readonly #check: Story['check'];
  /** Who was let go on, of whom, and what that was for. */
  readonly #choices: { readonly who: number; readonly of: readonly number[]; readonly what: string }[] = [];
  #failure: { readonly who: number; readonly error: unknown } | undefined = undefined;

  constructor(story: () => Story) {
    const { tasks, check } = story();
    if (!Array.isArray(tasks) || tasks.length === 0)
      throw new TypeError("'tasks' must be functions, at least one");
    this.#check = check;
    this.#tasks = tasks.map((fn, who) => this.#begin(fn, who));
  }

  #begin(fn: Story['tasks'][number], who: number): Task {
    checkCallable('tasks', fn);
    const task: Task = { go: undefined, what: '', ended: false };
    const step = (what = 'goes on'): Promise<void> =>
      new Promise((resolve) => {
        task.what = what;
        task.go = resolve;
      });
    const run = async (): Promise<void> => {
      await step('begins');
      try {
        await fn(step);
      } catch (error) {
        this.#failure ??= { who, error };
      }
      task.ended = true;
    };
    void run();
    return task;
  }

  /** These at first, then always the first one who stands at a step. */
  async follow(wanted: readonly number[]): Promise<void> {
    for (;;) {
      await turn(2);
      if (this.#failure !== undefined) {
        const { who, error } = this.#failure;
        throw this.#broken(`task ${who} has failed: ${say(error)}`, error);
      }
      const ready = this.#tasks.flatMap(({ go }, who) => (go === undefined ? [] : [who]));
      const who = wanted[this.#choices.length] ?? ready[0];
      if (who === undefined) break;
      if (!ready.includes(who)) throw this.#notReady(who);
      this.#goOn(who, ready);
    }
    const waiting = this.#tasks.flatMap(({ ended }, who) => (ended ? [] : [who]));
    if (waiting.length > 0)
      throw this.#broken(`nobody can go on: task ${waiting.join(' and task ')} wait for ever`);
    try {
      await this.#check?.();
    } catch (error) {
      throw this.#broken(`the check has failed: ${say(error)}`, error);
    }
  }

  #goOn(who: number, of: readonly number[]): void {
    const task = this.#tasks[who] as Task;
    const { go, what } = task;
    this.#choices.push({ who, of, what });
    task.go = undefined;
    go?.();
  }

  /** The schedule that is next in order, up to where it differs; undefined if this was the last one. */
  after(): number[] | undefined {
    for (let i = this.#choices.length - 1; i >= 0; i--) {
      const choice = this.#choices[i];
      const other = choice?.of[choice.of.indexOf(choice.who) + 1];
      if (other !== undefined) return [...this.#choices.slice(0, i).map(({ who }) => who), other];
    }
    return undefined;
  }

  #notReady(who: number): AssertionError {
    return this.#broken(
      `task ${who} should go on, but stands at no step: the schedule is not of this story, or the story does not do the same ` +
        'each time',
    );
  }

  #broken(what: string, cause?: unknown): AssertionError {
    const steps = this.#choices.map(({ who, what: step }, i) => `${i + 1}  task ${who}  ${step}`);
    const schedule = this.#choices.map(({ who }) => who).join(' ');
    const message = [what, ...steps, `schedule: ${schedule}`].join('\n');
    const error = new AssertionError({ message, stackStartFn: explore });
    return Object.assign(error, cause === undefined ? {} : { cause });
  }
}

function say(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
