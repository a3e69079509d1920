/**
 * `synchronized`: a lock around a whole method or function.
 *
 * Invariants
 * - Whatever can be wrong is found when it is put on, but for what a function says that computes the name.
 * - Options are read once, then. A call makes what the lock needs, and one closure.
 * - `this`, the arguments, the result and the error pass through untouched.
 */
import { decorator, tagOf } from './decorator.js';
import type { Decorator, Method } from './decorator.js';
import { LockMisuseError } from './errors.js';
import { refuseSync } from './ladder.js';
import { keyOf, whileHeld, whileHeldSync } from './lock.js';
import { readPlan } from './lock-options.js';
import type { LockCallOptions, Plan } from './lock-options.js';
import { wrongType } from './options.js';
import type { NameOf, Synchronized, SynchronizedSync } from './synchronized-types.js';

/**
 * Holds the lock of that name while a method or a function runs, until the promise that it returns has settled. The name
 * may be a function of `this` and the arguments.
 *
 * As a decorator, standard or legacy, it goes on methods, static or not, that return promises: it cannot change what a
 * method returns. As a wrapper it makes any function one that returns a promise.
 *
 * @example
 * import { synchronized } from 'tierlock';
 *
 * class Account {
 *   balance = 100;
 *
 *   @synchronized('account', { timeout: 1000 })
 *   async withdraw(amount: number): Promise<boolean> {
 *     const { balance } = this;
 *     await Promise.resolve(); // ask somebody
 *     if (balance < amount) return false;
 *     this.balance = balance - amount;
 *     return true;
 *   }
 * }
 *
 * const account = new Account();
 * console.log(await Promise.all([account.withdraw(80), account.withdraw(80)])); // [ true, false ]
 *
 * const add = synchronized((id: string) => `order-${id}`)((id: string, lines: number) => `${id}: ${lines}`);
 * console.log(await add('7', 3)); // 7: 3
 */
export function synchronized(name: string, options?: LockCallOptions): Synchronized;
export function synchronized<N extends NameOf>(
  name: N,
  options?: LockCallOptions,
): Synchronized<ThisParameterType<N>, Parameters<N>>;
export function synchronized(name: unknown, options?: LockCallOptions): unknown {
  return asyncAt('', name, options);
}

export declare namespace synchronized {
  /**
   * The same for functions that are done when they return: it blocks the thread until it has the lock, and the function
   * stays what it is.
   *
   * @example
   * import { synchronized } from 'tierlock';
   *
   * const next = synchronized.sync('counter')((last: number) => last + 1);
   * console.log(next(41)); // 42
   */
  function sync(name: string, options?: LockCallOptions): SynchronizedSync;
  function sync<N extends NameOf>(
    name: N,
    options?: LockCallOptions,
  ): SynchronizedSync<ThisParameterType<N>, Parameters<N>>;
}

Object.assign(synchronized, { sync: syncAt.bind(undefined, '') });

/** The same under a prefix. */
export function synchronizedAt(prefix: string): typeof synchronized {
  const bound = asyncAt.bind(undefined, prefix);
  return Object.assign(bound, { sync: syncAt.bind(undefined, prefix) }) as unknown as typeof synchronized;
}

/** So that what is wrapped is a method too: `new` refuses it. */
interface Wrapper {
  readonly wrapped: Method;
}

function asyncAt(prefix: string, name: unknown, options?: LockCallOptions): Decorator {
  const plan = Object.freeze(readPlan(options));
  const keyFor = keys(prefix, name, plan);
  const wrap = (fn: Method): Method => {
    const wrapper: Wrapper = {
      wrapped(this: unknown, ...args: unknown[]): Promise<unknown> {
        let key: string;
        try {
          key = keyFor(fn, this, args);
        } catch (error) {
          return Promise.reject(error);
        }
        return whileHeld(key, plan, () => fn.apply(this, args));
      },
    };
    return wrapper.wrapped;
  };
  return decorator('synchronized', wrap);
}

function syncAt(prefix: string, name: unknown, options?: LockCallOptions): Decorator {
  const plan = Object.freeze(readPlan(options));
  if (plan.distributed !== undefined) refuseSync(typeof name === 'string' ? name : 'computed');
  const keyFor = keys(prefix, name, plan);
  const wrap = (fn: Method): Method => {
    if (tagOf(fn) === 'AsyncFunction') {
      throw new TypeError(`synchronized.sync is not for async functions ('${fn.name}'): use synchronized`);
    }
    const wrapper: Wrapper = {
      wrapped(this: unknown, ...args: unknown[]): unknown {
        const key = keyFor(fn, this, args);
        const result = whileHeldSync(key, plan, () => fn.apply(this, args));
        if (isThenable(result)) throw promised(fn, key, result);
        return result;
      },
    };
    return wrapper.wrapped;
  };
  return decorator('synchronized.sync', wrap);
}

type KeyFor = (fn: Method, self: unknown, args: unknown[]) => string;

function keys(prefix: string, name: unknown, plan: Plan): KeyFor {
  if (typeof name !== 'function') {
    const key = keyOf(prefix, name, plan);
    return () => key;
  }
  return (fn, self, args) => {
    const told: unknown = Reflect.apply(name, self, args);
    if (typeof told === 'string' && told !== '') return keyOf(prefix, told, plan);
    const what = `name' that is computed for '${fn.name}`;
    if (told === '') throw new TypeError(`'${what}' must not be empty`);
    throw wrongType(what, 'a string', told);
  };
}

function isThenable(value: unknown): boolean {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false;
  return 'then' in value && typeof value.then === 'function';
}

/** Nobody gets the promise, so nobody else can look after it. */
function promised(fn: Method, key: string, promise: unknown): LockMisuseError {
  if (promise instanceof Promise) promise.catch(() => undefined);
  const message =
    `'${fn.name}' has returned a promise, which synchronized.sync does not wait for: the lock '${key}' was released ` +
    'before the work was done, and the work may still be going on. Use synchronized';
  return new LockMisuseError(message, { lock: key });
}
