/** `synchronized` as oslo.concurrency has it, with its messages: `lock` around a function. */
import { debuglog } from 'node:util';
import { decorator } from '../decorator.js';
import type { Method } from '../decorator.js';
import type { Synchronized } from '../synchronized-types.js';
import { lock } from './lock.js';
import { checkOsloOptions } from './options.js';
import type { OsloLockOptions } from './options.js';

type SynchronizedOptions = Omit<OsloLockOptions, 'doLog'>;
const debug = debuglog('tierlock');

/**
 * Holds the lock of that name while a function or a method runs, until the promise that it returns has settled. A decorator
 * for methods that return promises, and a wrapper for any function.
 *
 * @example
 * import { synchronized } from 'tierlock/oslo';
 *
 * class Stock {
 *   count = 1;
 *
 *   @synchronized('stock', { lockFilePrefix: 'nova' })
 *   async take(): Promise<boolean> {
 *     const { count } = this;
 *     await Promise.resolve();
 *     if (count > 0) this.count = count - 1;
 *     return count > 0;
 *   }
 * }
 *
 * const stock = new Stock();
 * console.log(await Promise.all([stock.take(), stock.take()])); // [ true, false ]
 */
export function synchronized(name: string, options: SynchronizedOptions = {}): Synchronized {
  checkOsloOptions(options);
  const all = { ...options, doLog: false };
  return decorator('synchronized', (fn) => around(name, all, fn)) as Synchronized;
}

function around(name: string, options: OsloLockOptions, fn: Method): Method {
  return async function inner(this: unknown, ...args: unknown[]): Promise<unknown> {
    const asked = performance.now();
    let since: number | undefined;
    debug('Acquiring lock "%s" by "%s"', name, fn.name);
    try {
      return await lock(name, options, async (): Promise<unknown> => {
        since = performance.now();
        debug('Lock "%s" acquired by "%s" :: waited %ss', name, fn.name, seconds(asked, since));
        return await fn.apply(this, args);
      });
    } finally {
      const [how, held] =
        since === undefined ? ['unacquired', 'N/A'] : ['released', `${seconds(since, performance.now())}s`];
      debug('Lock "%s" "%s" by "%s" :: held %s', name, how, fn.name, held);
    }
  };
}

const seconds = (from: number, to: number): string => ((to - from) / 1000).toFixed(3);

/**
 * `synchronized` with the prefix bound.
 *
 * @example
 * import { synchronizedWithPrefix } from 'tierlock/oslo';
 *
 * const synchronized = synchronizedWithPrefix('nova');
 * const add = synchronized('sum')((a: number, b: number) => a + b);
 * console.log(await add(40, 2)); // 42
 */
export function synchronizedWithPrefix(lockFilePrefix: string): typeof synchronized {
  return (name, options) => synchronized(name, { lockFilePrefix, ...options });
}
