/** How `console.log` shows what is of this package: what it is, and its state, in one line. */
import { inspect } from 'node:util';
import type { InspectOptions } from 'node:util';

/** All of that class are shown so. What is no whole one is shown without its state. */
export function shows<T extends object>(
  Class: { readonly prototype: T; readonly name: string },
  stateOf: (one: T) => object,
): void {
  function show(this: T, depth: number, options: InspectOptions, nested: typeof inspect = inspect): string {
    const { name } = this.constructor;
    if (depth < 0) return `[${name}]`;
    let state: object;
    try {
      state = stateOf(this);
    } catch {
      return `${name} {}`;
    }
    return `${name} ${nested(state, { ...options, breakLength: Infinity })}`;
  }
  Object.defineProperty(Class.prototype, inspect.custom, { value: show, writable: true, configurable: true });
}
