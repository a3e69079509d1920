/**
 * The types of `synchronized`: which of its three shapes a use is, and whether it fits.
 *
 * A decorator does not change the type of a method: what it says that it returns has to fit in the method's place. So it
 * says that it is a function that takes what the name is told from, and anything else, and returns a promise; where that
 * does not fit, it does not compile. That works in generic classes too, where a conditional type would stay open.
 */

// oxlint-disable typescript/no-explicit-any -- `any` is what fits in the place of every method

/** Tells the name of the lock from `this` and the arguments of a call. */
export type NameOf = (this: any, ...args: any) => string;

/** What fits in the place of a method that can be called with `Args`, and returns `R` or more than that. */
type InPlace<Args extends unknown[], R> = (this: any, ...args: [...Args, ...any[]]) => R;

/** Fits in the place of no method, and says why. */
interface Refused<Why extends string> {
  readonly refused: Why;
}
type Promised =
  Refused<'synchronized.sync is for functions that are done when they return: use synchronized'>;
type Nothing =
  Refused<'a decorator cannot change what a method returns: return a promise, or use synchronized.sync'>;

/** Need only fit one way; a `TypedPropertyDescriptor` would have to fit both, as its value can be set. */
interface LegacyInPlace<F> {
  readonly value: F;
}

type IsAny<T> = 0 extends 1 & T ? true : false;

/** Any function fits where nothing is wanted back, but nobody would wait for it. */
type Promising<F extends (...args: any) => any, Args extends unknown[]> =
  IsAny<ReturnType<F>> extends true
    ? InPlace<Args, any>
    : [ReturnType<F>] extends [void]
      ? Nothing
      : InPlace<Args, Promise<never>>;

/**
 * What `synchronized` gives. `This` and `Args` are what the function needs that tells the name, if there is one.
 *
 * @example
 * import { synchronized } from 'tierlock';
 * import type { Synchronized } from 'tierlock';
 *
 * const inTurn: Synchronized = synchronized('orders');
 * const place = inTurn(async (lines: number) => `${lines} lines`);
 * console.log(await place(3)); // 3 lines
 */
export interface Synchronized<This = unknown, Args extends unknown[] = []> {
  /** A standard decorator. */
  <T extends This, F extends (this: T, ...args: any) => any>(
    method: F,
    context: ClassMethodDecoratorContext<T, F>,
  ): Promising<F, Args>;
  /** A legacy one. */
  <F extends (this: any, ...args: any) => any>(
    target: This & object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<F>,
  ): LegacyInPlace<Promising<F, Args>>;
  /** A wrapper. */
  <T extends This, A extends [...Args, ...any[]], R>(
    fn: (this: T, ...args: A) => R,
    nothing?: undefined,
  ): (this: T, ...args: A) => Promise<Awaited<R>>;
}

/**
 * What `synchronized.sync` gives: see `Synchronized`.
 *
 * @example
 * import { synchronized } from 'tierlock';
 * import type { SynchronizedSync } from 'tierlock';
 *
 * const inTurn: SynchronizedSync = synchronized.sync('orders');
 * const place = inTurn((lines: number) => `${lines} lines`);
 * console.log(place(3)); // 3 lines
 */
export interface SynchronizedSync<This = unknown, Args extends unknown[] = []> {
  // Inferring `A` keeps apart a generic method, which might return anything, and one that returns `any`.
  // oxlint-disable typescript/no-unnecessary-type-parameters
  /** Any of them, on what returns a promise. */
  <A extends any[], R extends PromiseLike<any>>(
    method: (this: any, ...args: A) => R,
    context?: ClassMethodDecoratorContext<any, any>,
  ): IsAny<R> extends true ? (this: any, ...args: A) => R : Promised;
  <A extends any[], R extends PromiseLike<any>>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<(this: any, ...args: A) => R>,
  ): LegacyInPlace<IsAny<R> extends true ? InPlace<Args, any> : Promised>;
  // oxlint-enable typescript/no-unnecessary-type-parameters
  /** A standard decorator. */
  <T extends This, F extends (this: T, ...args: any) => any>(
    method: F,
    context: ClassMethodDecoratorContext<T, F>,
  ): InPlace<Args, any>;
  /** A legacy one. */
  <F extends (this: any, ...args: any) => any>(
    target: This & object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<F>,
  ): LegacyInPlace<InPlace<Args, any>>;
  /** A wrapper. */
  <T extends This, A extends [...Args, ...any[]], R>(
    fn: (this: T, ...args: A) => R,
    nothing?: undefined,
  ): (this: T, ...args: A) => R;
}
