/** `synchronized` on methods, as standard decorators and as TypeScript's legacy ones: the same class, compiled twice. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { lock, LockDeadlockError, synchronized, tryLock } from '../src/index.js';
import * as standard from './support/decorated.js';
import { mustBlock } from '../src/testing/settled.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

async function compileLegacy(): Promise<typeof standard> {
  // Inside of the package, so that 'tierlock' is this package itself.
  const folder = join(root, 'dist', 'legacy');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      experimentalDecorators: true,
      rootDir: join(root, 'test'),
      outDir: '.',
      declaration: false,
      declarationMap: false,
      sourceMap: false,
      isolatedDeclarations: false,
      typeRoots: [join(root, 'node_modules/@types')],
    },
    files: ['support/decorated.ts', 'synchronized-types.test.ts'].map((file) => join(root, 'test', file)),
    include: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const compiled = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
  assert.equal(compiled.status, 0, compiled.stdout);
  return (await import(pathToFileURL(join(folder, 'support', 'decorated.js')).href)) as typeof standard;
}

const legacy = await compileLegacy();

const refusals: Readonly<Record<string, RegExp>> = {
  getter: /not for this (getter|accessor), 'thing': make it a method, or call a decorated method from it/,
  setter: /not for this (setter|accessor), 'thing': make it a method, or call a decorated method from it/,
  accessor: /not for this accessor, 'thing': make it a method, or call a decorated method from it/,
  field: /not for this field, 'thing': make it a method, or wrap the function that the field gets/,
  class: /not for this class, '(Thing|undefined)': put it on each of the methods/,
  generator: /not for generators \('thing'\): a generator returns before any of it has run/,
  'async generator': /not for generators \('thing'\): a generator returns before any of it has run/,
};

test('the two are of two kinds', () => {
  assert.notEqual(standard.Ledger, legacy.Ledger);
  assert.match(
    spawnSync('grep', ['-l', '-r', '__decorate(', join(root, 'dist/legacy')]).stdout.toString(),
    /./,
  );
  const emitted = spawnSync('grep', ['-c', '__esDecorate(', join(root, 'dist/test/support/decorated.js')]);
  assert.ok(Number(emitted.stdout.toString()) > 5);
});

for (const [kind, { Ledger, Book, Tome, log, refused }] of Object.entries({ standard, legacy })) {
  const nothing = async (): Promise<void> => {};

  test(`${kind}: one call at a time, of all instances, until its promise has settled`, async () => {
    log.length = 0;
    const { promise: a, resolve: end } = defer();
    const first = new Ledger(1).visit('first', () => a);
    const { wait } = await mustBlock(new Ledger(2).visit('second', nothing));
    assert.deepEqual(log, ['first in']);
    assert.equal(await tryLock('ledger'), null);
    end();
    assert.deepEqual(await Promise.all([first, wait]), ['first of 1', 'second of 2']);
    assert.deepEqual(log, ['first in', 'first out', 'second in', 'second out']);
    await using guard = await tryLock('ledger');
    assert.ok(guard !== null);
  });

  test(`${kind}: a static method, whose this is the class`, async () => {
    log.length = 0;
    await using guard = await lock('ledger');
    const { wait } = await mustBlock(Ledger.audit('audit'));
    assert.deepEqual(log, []);
    await guard.release();
    assert.equal(await wait, 'audit of Ledger');
    assert.equal(await Book.audit('audit'), 'audit of Book');
  });

  test(`${kind}: an error passes through, the same one, and the lock is free again`, async () => {
    const error = new Error('mine');
    await assert.rejects(
      new Ledger(1).visit('a', async () => Promise.reject(error)),
      (caught) => caught === error && error.cause === undefined,
    );
    await using guard = await tryLock('ledger');
    assert.ok(guard !== null);
  });

  test(`${kind}: name, length and place stay`, () => {
    for (const [home, key, name, length] of [
      [Ledger.prototype, 'visit', 'visit', 2],
      [Ledger, 'audit', 'audit', 2],
      [Ledger.prototype, 'page', 'page', 2],
      [Ledger.prototype, 'next', 'next', 1],
      [Ledger.prototype, Symbol.asyncDispose, `[${Symbol.asyncDispose.description}]`, 0],
    ] as const) {
      const method = Reflect.get(home, key) as () => unknown;
      assert.deepEqual([method.name, method.length], [name, length]);
      assert.equal(Object.getOwnPropertyDescriptor(method, 'name')?.configurable, true);
      assert.equal('prototype' in method, false);
    }
    const own = Object.getOwnPropertyDescriptor(Ledger.prototype, 'visit');
    assert.deepEqual([own?.enumerable, own?.writable, own?.configurable], [false, true, true]);
    assert.deepEqual(Object.keys(new Ledger(1)), ['id']);
  });

  test(`${kind}: a method whose name is a symbol`, async () => {
    log.length = 0;
    {
      await using ledger = new Ledger(1);
      assert.equal(ledger.id, 1);
    }
    assert.deepEqual(log, ['disposed']);
    await using guard = await lock('ledger');
    const { wait } = await mustBlock(new Ledger(1)[Symbol.asyncDispose]());
    await guard.release();
    await wait;
  });

  test(`${kind}: a name that is computed from this and the arguments`, async () => {
    const { promise, resolve: end } = defer();
    const first = new Ledger(7).page(3, () => promise);
    assert.equal(await tryLock('ledger 7 page 3'), null);
    assert.equal(await new Ledger(7).page(4, nothing), 4);
    assert.equal(await new Ledger(8).page(3, nothing), 3);
    const { wait } = await mustBlock(new Ledger(7).page(3, nothing));
    end();
    assert.deepEqual(await Promise.all([first, wait]), [3, 3]);
  });

  test(`${kind}: readers share, a writer waits for them`, async () => {
    const { promise, resolve: end } = defer();
    let inside = 0;
    const work = (): Promise<void> => {
      inside++;
      return promise;
    };
    const readers = [new Ledger(1).read(work), new Ledger(2).read(work)];
    const { wait } = await mustBlock(Ledger.audit('writer'));
    assert.equal(inside, 2);
    end();
    assert.deepEqual(await Promise.all(readers), [1, 2]);
    await wait;
  });

  test(`${kind}: who calls himself is told at once, unless he is let in again`, async () => {
    assert.equal(await new Ledger(1).forEver(0), 0);
    await assert.rejects(
      new Ledger(1).forEver(1),
      (error) =>
        error instanceof LockDeadlockError &&
        /waiting for the lock 'ledger' would never end: we run inside of it/.test(error.message) &&
        error.message.includes('{ reentrant: true }'),
    );
    assert.equal(await new Ledger(1).again(3), 3);
    await using guard = await tryLock('ledger');
    assert.ok(guard !== null, 'all are out again');
  });

  test(`${kind}: overriding, and calls of super`, async () => {
    assert.equal(await new Book(5).visit('reader', nothing), 'a book: reader of 5');
    const { promise, resolve: end } = defer();
    const first = new Book(5).visit('reader', () => promise);
    const { wait } = await mustBlock(Ledger.audit('writer'));
    end();
    await Promise.all([first, wait]);
    assert.equal(await new Tome(5).again(0), 100);
    await assert.rejects(new Tome(5).visit('reader', nothing), LockDeadlockError);
  });

  test(`${kind}: synchronized.sync keeps a method synchronous`, async () => {
    assert.equal(new Ledger(40).next(2), 42);
    assert.equal(Ledger.fall(3), 3);
    await using guard = await lock('ledger sync');
    assert.throws(() => new Ledger(1).next(1), LockDeadlockError);
    await guard.release();
    assert.equal(new Ledger(1).next(1), 2);
  });

  for (const [what, define] of Object.entries(refused)) {
    test(`${kind}: refused on a ${what}, with a word of advice`, () => {
      const message = refusals[what] ?? assert.fail();
      assert.throws(define, (error) => error instanceof TypeError && message.test(error.message));
    });
  }
}

test('standard: private methods, of instances and of the class', async () => {
  class Safe {
    readonly #content = 42;

    @synchronized('safe')
    async #open(by: number): Promise<number> {
      return this.#content + by;
    }

    @synchronized('safe')
    static async #key(): Promise<string> {
      return this.name;
    }

    open(): Promise<number> {
      return this.#open(1);
    }

    static key(): Promise<string> {
      return this.#key();
    }

    says(): unknown[] {
      return [this.#open.name, this.#open.length];
    }
  }
  await using guard = await lock('safe');
  const { wait: open } = await mustBlock(new Safe().open());
  const { wait: key } = await mustBlock(Safe.key());
  await guard.release();
  assert.deepEqual(await Promise.all([open, key]), [43, 'Safe']);
  assert.deepEqual(new Safe().says(), ['#open', 1]);
});

test('legacy: put on by hand, and on a parameter', async () => {
  // oxlint-disable-next-line typescript/no-explicit-any -- as other tools than TypeScript call it
  const anywhere: any = synchronized('by hand');
  class Thing {
    async work(): Promise<number> {
      return 1;
    }
  }
  assert.throws(
    () => anywhere(Thing.prototype, 'work', 0),
    /not for this parameter, 'work': put it on the method/,
  );
  assert.throws(() => anywhere(Thing.prototype, 'work'), /not for this field, 'work'/);
  const before = Object.getOwnPropertyDescriptor(Thing.prototype, 'work') ?? assert.fail();
  const instead = anywhere(Thing.prototype, 'work', before);
  assert.deepEqual({ ...instead, value: before.value }, before);
  Object.defineProperty(Thing.prototype, 'work', instead);
  await using guard = await lock('by hand');
  const { wait } = await mustBlock(new Thing().work());
  await guard.release();
  assert.equal(await wait, 1);
});

function defer(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
