/** Each of the kernel's locks is seen by other programs that take it in their own way, and theirs by us. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileLock } from '../src/index.js';
import type { FileLockOptions } from '../src/index.js';
import { temporary } from './support/temporary.js';

const { top } = temporary();

const has = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;
const python = ['python3', '/usr/bin/python3'].find((command) => has(command, '-c', 'import fcntl, sqlite3'));

/** A program that takes a lock, says so, and holds it until its standard input ends; it says `taken` if it cannot. */
interface Other {
  readonly name: string;
  readonly ours: FileLockOptions;
  readonly shared?: boolean;
  readonly command: (path: string) => [string, ...string[]] | undefined;
}

const py =
  (call: string): Other['command'] =>
  (path) =>
    python === undefined
      ? undefined
      : [
          python,
          '-c',
          `
import fcntl, sys
f = open(${JSON.stringify(path)}, 'a+')
try:
    ${call}
except OSError:
    print('taken', flush=True)
    sys.exit(0)
print('held', flush=True)
sys.stdin.read()
`,
        ];

// sqlite locks bytes from 1 GiB on: PENDING, RESERVED, and 510 that readers share.
const sqlite: Other['command'] = (path) =>
  python === undefined
    ? undefined
    : [
        python,
        '-c',
        `
import sqlite3, sys
db = sqlite3.connect(${JSON.stringify(path)}, timeout=0, isolation_level=None)
try:
    db.execute('BEGIN EXCLUSIVE')
except sqlite3.OperationalError:
    print('taken', flush=True)
    sys.exit(0)
print('held', flush=True)
sys.stdin.read()
`,
      ];

const others: Other[] = [
  {
    name: 'flock(1)',
    ours: { kind: 'flock' },
    command: (path) =>
      has('flock', '--version')
        ? ['sh', '-c', `flock -n '${path}' sh -c 'echo held; cat' || echo taken`]
        : undefined,
  },
  {
    name: 'flock(1), shared',
    ours: { kind: 'flock' },
    shared: true,
    command: (path) =>
      has('flock', '--version')
        ? ['sh', '-c', `flock -s -n '${path}' sh -c 'echo held; cat' || echo taken`]
        : undefined,
  },
  {
    name: 'fcntl.flock of Python',
    ours: { kind: 'flock' },
    command: py('fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)'),
  },
  { name: 'fcntl.lockf of Python', ours: {}, command: py('fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)') },
  {
    name: 'fcntl.lockf of Python, shared',
    ours: {},
    shared: true,
    command: py('fcntl.lockf(f, fcntl.LOCK_SH | fcntl.LOCK_NB)'),
  },
  {
    name: 'fcntl.lockf of Python, beside posix',
    ours: { kind: 'posix' },
    command: py('fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)'),
  },
  {
    name: 'fcntl.lockf of Python, on a range',
    ours: { start: 100, length: 5 },
    command: py('fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 104)'),
  },
  { name: "sqlite's lock on its file", ours: { start: 2 ** 30, length: 512 }, command: sqlite },
];

async function start(command: [string, ...string[]]): Promise<{ says: string; end: () => Promise<void> }> {
  const [file, ...args] = command;
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const [said] = await once(child.stdout.setEncoding('utf8'), 'data');
  return {
    says: String(said).trim(),
    async end() {
      child.stdin.end();
      await exited;
    },
  };
}

for (const { name, ours, shared = false, command } of others) {
  const path = join(top, name.replaceAll(/\W/g, '-'));
  const there = command(path);
  test(
    `${name}: each side keeps the other out`,
    { skip: there === undefined && 'it is not on this machine' },
    async () => {
      assert.ok(there);
      const lock = new FileLock(path, ours);
      {
        const other = await start(there);
        assert.equal(other.says, 'held');
        assert.equal(lock.tryLock(), null);
        const beside = lock.tryLock({ shared: true });
        assert.equal(beside !== null, shared);
        beside?.release();
        const waiting = lock.lock();
        await other.end();
        (await waiting).release();
      }
      using guard = lock.lockSync();
      assert.ok(guard.held);
      const other = await start(there);
      assert.equal(other.says, 'taken');
      await other.end();
    },
  );
}

test('fs-ext: each side keeps the other out', () => {
  const { flockSync } = createRequire(import.meta.url)('fs-ext') as {
    flockSync: (fd: number, how: string) => void;
  };
  const path = join(top, 'fs-ext');
  const fd = openSync(path, 'a');
  try {
    const lock = new FileLock(path, { kind: 'flock' });
    flockSync(fd, 'exnb');
    assert.equal(lock.tryLock(), null);
    flockSync(fd, 'un');
    using guard = lock.lockSync();
    assert.ok(guard.held);
    assert.throws(() => flockSync(fd, 'exnb'), { code: 'EAGAIN' });
  } finally {
    closeSync(fd);
  }
});
