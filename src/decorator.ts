/**
 * One thing that is a decorator of both kinds and a wrapper of functions. What it is put on is told by the shape of the
 * arguments:
 *
 *   (value, { kind, name })      a standard decorator   -> the function that takes the method's place
 *   (target, key, descriptor)    a legacy decorator     -> the descriptor that takes the other's place
 *   (fn)                         a wrapper              -> the wrapped function
 *
 * Invariants
 * - What it cannot be put on is refused there and then, with a TypeError that says what to do instead.
 * - `name` and `length` of what is wrapped stay.
 */
import { wrongType } from './options.js';

/** Whatever a method takes and returns. */
export type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Decorates, or wraps: see above. */
export type Decorator = (...args: unknown[]) => unknown;

/** Decorates and wraps by `wrap`; `what` is how an error calls it. */
export function decorator(what: string, wrap: (fn: Method) => Method): Decorator {
  const put = (fn: unknown): Method => {
    checkMethod(what, fn);
    return disguised(wrap(fn), fn);
  };
  return (...args) => {
    const [first, second, third] = args;
    if (second === undefined) return put(first);
    if (isContext(second)) {
      if (second.kind !== 'method') throw unfit(what, second.kind, second.name);
      return put(first);
    }
    if (typeof second === 'string' || typeof second === 'symbol') return putLegacy(what, put, second, third);
    // As map() would call it, for one.
    throw new TypeError(`${what} wraps one function: call it with nothing else`);
  };
}

function putLegacy(what: string, put: (fn: unknown) => Method, key: PropertyKey, third: unknown): unknown {
  if (typeof third === 'number') throw unfit(what, 'parameter', key);
  if (typeof third !== 'object' || third === null) throw unfit(what, 'field', key);
  const descriptor = third as PropertyDescriptor;
  if (descriptor.get !== undefined || descriptor.set !== undefined) throw unfit(what, 'accessor', key);
  if (typeof descriptor.value !== 'function') throw unfit(what, 'field', key);
  return { ...descriptor, value: put(descriptor.value) };
}

function isContext(value: unknown): value is { readonly kind: string; readonly name?: PropertyKey } {
  return typeof value === 'object' && value !== null && 'kind' in value && typeof value.kind === 'string';
}

const advice: Readonly<Record<string, string>> = {
  class: 'put it on each of the methods that are to hold the lock',
  field: 'make it a method, or wrap the function that the field gets',
  parameter: 'put it on the method',
};

function unfit(what: string, kind: string, name: PropertyKey | undefined): TypeError {
  const instead = advice[kind] ?? 'make it a method, or call a decorated method from it';
  return new TypeError(
    `${what} is for methods and functions, not for this ${kind}, '${String(name)}': ${instead}`,
  );
}

function checkMethod(what: string, fn: unknown): asserts fn is Method {
  if (typeof fn !== 'function') throw wrongType('fn', 'a function', fn);
  // Only classes have a prototype that cannot be replaced.
  if (Object.getOwnPropertyDescriptor(fn, 'prototype')?.writable === false)
    throw unfit(what, 'class', fn.name);
  if (!tagOf(fn).endsWith('GeneratorFunction')) return;
  throw new TypeError(
    `${what} is not for generators ('${fn.name}'): a generator returns before any of it has run, so the lock would ` +
      'protect nothing. Take the lock inside of it, with using or await using, or wrap the function that runs through it',
  );
}

/** `Function`, `AsyncFunction`, `GeneratorFunction` or `AsyncGeneratorFunction`, of whichever realm. */
export function tagOf(fn: unknown): string {
  return Object.prototype.toString.call(fn).slice(8, -1);
}

function disguised(wrapped: Method, fn: Method): Method {
  for (const key of ['name', 'length'] as const)
    Object.defineProperty(wrapped, key, { value: fn[key], configurable: true });
  return wrapped;
}
