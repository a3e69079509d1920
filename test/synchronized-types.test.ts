/**
 * What the types of `synchronized` accept, refuse and keep: it is the compiler that proves it, here for standard
 * decorators, and from synchronized.test.ts for legacy ones. (What they refuse on methods is in support/decorated.ts.)
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { synchronized, withPrefix } from 'tierlock';
import type { Synchronized, SynchronizedSync } from 'tierlock';

// oxlint-disable typescript/no-unnecessary-type-parameters, typescript/no-unnecessary-type-arguments

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function is<_Truth extends true>(): void {}

interface Order {
  readonly id: string;
}

test('a wrapped function has the arguments of its own, and returns a promise', async () => {
  const plain = synchronized('x')((a: number, b?: string) => `${a}${b}`);
  is<Same<Parameters<typeof plain>, [a: number, b?: string | undefined]>>();
  is<Same<ReturnType<typeof plain>, Promise<string>>>();
  const promised = synchronized('x')(async (order: Order) => order);
  is<Same<ReturnType<typeof promised>, Promise<Order>>>();
  const either = synchronized('x')((): number | Promise<string> => 1);
  is<Same<ReturnType<typeof either>, Promise<number | string>>>();
  const rest = synchronized('x')((...all: number[]) => all);
  is<Same<Parameters<typeof rest>, number[]>>();
  const generic = synchronized('x')(<T>(thing: T, more: T[]) => [thing, ...more]);
  const strings = await generic('a', ['b']);
  is<Same<typeof strings, string[]>>();
  // @ts-expect-error the arguments are checked
  assert.equal(await plain('1', 2), '12');
});

test('this is kept', async () => {
  const wrapped = synchronized('x')(function (this: Order, more: string) {
    return this.id + more;
  });
  assert.equal(await wrapped.call({ id: 'a' }, 'b'), 'ab');
  // @ts-expect-error this must be an order
  assert.equal(await wrapped.call({ id: 1 }, 1), 2);
});

test('the name is a string, or a function that can be called as the method is', async () => {
  const byOrder = synchronized((order: Order) => order.id);
  is<Same<typeof byOrder, Synchronized<unknown, [order: Order]>>>();
  assert.equal(await byOrder((order: Order, lines: number) => order.id + lines)({ id: 'a' }, 1), 'a1');
  // @ts-expect-error the name is told by the order, even if the function does not look at it
  await assert.rejects(byOrder(() => 1)(), TypeError);
  // @ts-expect-error a number is no order
  byOrder((order: number) => order);
  const optional = synchronized((id: string = 'none') => id);
  assert.equal(await optional((id?: string) => id)(), undefined);
  const byThis = synchronized(function (this: Order) {
    return this.id;
  });
  const wrapped = byThis(async () => 1);
  assert.equal(await wrapped.call({ id: 'b' }), 1);
  // @ts-expect-error it needs this
  await assert.rejects(wrapped(), TypeError);
  // @ts-expect-error a name is a string
  assert.throws(() => synchronized(5), TypeError);
  // @ts-expect-error the function must tell a string
  synchronized((id: number) => id);
  // @ts-expect-error an unknown option
  assert.throws(() => synchronized('x', { timeuot: 1 }), TypeError);
});

test('methods keep their types: generic, overloaded, with a rest, of this, of any', async () => {
  class Box {
    readonly id = 'box';

    @synchronized('x')
    async same<T extends object>(thing: T): Promise<T> {
      return thing;
    }

    over(a: string): Promise<string>;
    over(a: number): Promise<number>;
    @synchronized('x')
    async over(a: string | number): Promise<string | number> {
      return a;
    }

    @synchronized((first: string) => first)
    async rest(first: string, ...more: number[]): Promise<number> {
      return first.length + more.length;
    }

    @synchronized('x')
    async self(): Promise<this> {
      return this;
    }

    // oxlint-disable-next-line typescript/no-explicit-any -- JavaScript that is being moved
    @synchronized('x')
    async anything(a: any): Promise<any> {
      return a;
    }

    @synchronized('x')
    async fails(): Promise<never> {
      throw new Error('mine');
    }

    @synchronized('x')
    arrow(): Promise<void> {
      return Promise.resolve();
    }

    @synchronized.sync('x')
    nothing(): void {}

    @synchronized.sync('x')
    pick<K extends 'id'>(key: K): this[K] {
      return this[key];
    }
  }
  const box = new Box();
  const order = await box.same({ id: 'a' });
  is<Same<typeof order, { id: string }>>();
  const text = await box.over('a');
  is<Same<typeof text, string>>();
  const count = await box.over(1);
  is<Same<typeof count, number>>();
  const self = await box.self();
  is<Same<typeof self, Box>>();
  is<Same<Parameters<Box['rest']>, [first: string, ...more: number[]]>>();
  assert.deepEqual([order.id, text, count, self, box.pick('id')], ['a', 'a', 1, box, 'box']);
  assert.equal(await box.rest('abc', 1, 2), 5);
  assert.equal(await box.anything(1), 1);
  await assert.rejects(box.fails(), /mine/);
  assert.equal(await box.arrow(), box.nothing());
});

test('in a generic class nothing has to be known of its parameters', async () => {
  class Store<K extends string, V> {
    readonly map: Map<K, V> = new Map();

    @synchronized((key: string) => key)
    async get(key: K): Promise<V | undefined> {
      return this.map.get(key);
    }

    @synchronized('x')
    async set(key: K, value: V): Promise<this> {
      this.map.set(key, value);
      return this;
    }

    @synchronized.sync(function (this: { map: ReadonlyMap<string, unknown> }, key: string) {
      return `${this.map.size}${key}`;
    })
    peek(key: K): V | undefined {
      return this.map.get(key);
    }

    @synchronized.sync('y')
    pass(value: V): V {
      return value;
    }
  }
  const store = await new Store<'a' | 'b', number>().set('a', 1);
  const value = await store.get('a');
  is<Same<typeof value, number | undefined>>();
  assert.deepEqual([value, store.peek('b'), store.pass(2)], [1, undefined, 2]);
});

test('sync keeps the type of a function, and takes none that returns a promise', () => {
  const generic = synchronized.sync('x')(<T>(thing: T): T[] => [thing]);
  const numbers = generic(1);
  is<Same<typeof numbers, number[]>>();
  const bound = synchronized.sync(function (this: Order) {
    return this.id;
  });
  is<Same<typeof bound, SynchronizedSync<Order, []>>>();
  // It may return a promise, or none: that is seen when it does.
  assert.equal(synchronized.sync('x')((): number | Promise<number> => 1)(), 1);
  // @ts-expect-error an async function
  assert.throws(() => synchronized.sync('x')(async () => 1)(), TypeError);
  const byOrder = synchronized.sync((order: Order) => order.id)((order: Order) => order);
  is<Same<ReturnType<typeof byOrder>, Order>>();
  is<Same<Parameters<typeof byOrder>, [order: Order]>>();
  const shop: typeof synchronized = withPrefix('shop-').synchronized;
  assert.equal(shop.sync('x')(() => 1)(), 1);
});
