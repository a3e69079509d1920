/** Where the folder of lock files is, and which folders are refused. */
import assert from 'node:assert/strict';
import fs, { chmodSync, chownSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { findPlace } from '../src/files/place.js';
import { LockBackendError, LockMisuseError, LockUnsupportedError } from '../src/index.js';
import { runProgram } from './support/child.js';
import { temporary } from './support/temporary.js';

// Not in the folder of the user who runs this: others may not look into that.
const { top, newPath, newFolder } = temporary('/tmp');
const uid = process.geteuid?.() ?? assert.fail('no user');
const root = uid === 0;

test('the option comes first, then our variable, then that of oslo, then a folder of the user', () => {
  const [lockPath, ours, oslos, base] = [newPath(), newPath(), newPath(), newFolder()];
  const env = { TIERLOCK_PATH: ours, OSLO_LOCK_PATH: oslos, TMPDIR: newPath(), XDG_RUNTIME_DIR: newPath() };
  assert.deepEqual(findPlace({ lockPath }, { env, base }), { path: lockPath, own: false });
  assert.equal(findPlace({}, { env, base }).path, ours);
  assert.equal(findPlace({}, { env: { ...env, TIERLOCK_PATH: '' }, base }).path, oslos);
  const { TMPDIR, XDG_RUNTIME_DIR } = env;
  const own = findPlace({}, { env: { TMPDIR, XDG_RUNTIME_DIR }, base });
  assert.deepEqual(own, { path: join(base, `tierlock-${uid}`), own: true });
  assert.deepEqual(findPlace({}, { env: {}, base }), own);
});

test('an explicit folder is made with its parents, as the umask has it; our own is for us alone', () => {
  const umask = process.umask(0o027);
  try {
    const { path } = findPlace({ lockPath: join(newPath(), 'a', 'b') });
    assert.equal(lstatSync(path).mode & 0o777, 0o750);
    process.umask(0);
    const own = findPlace({}, { env: {}, base: newFolder() });
    assert.equal(lstatSync(own.path).mode & 0o777, 0o700);
  } finally {
    process.umask(umask);
  }
});

test('a variable that means another folder for each process is refused', () => {
  const at = { base: newFolder() };
  assert.throws(() => findPlace({}, { ...at, env: { TIERLOCK_PATH: 'locks' } }), LockMisuseError);
  assert.throws(
    () => findPlace({}, { ...at, env: { OSLO_LOCK_PATH: './locks' } }),
    /OSLO_LOCK_PATH is '.\/locks'.*absolute/,
  );
  for (const lockPath of ['', 'a\0b', 7 as unknown as string]) {
    assert.throws(() => findPlace({ lockPath }), { name: 'TypeError', message: /'lockPath'/ });
  }
});

const bad: Record<string, [make: (path: string) => void, message: RegExp]> = {
  'a symbolic link': [(path) => symlinkSync(newFolder(), path), /symbolic link/],
  'a link to nowhere': [(path) => symlinkSync(newPath(), path), /symbolic link/],
  'a file': [(path) => writeFileSync(path, ''), /it is no folder/],
  'writable by its group': [(path) => madeWith(path, 0o770), /others may write/],
  'writable by all': [(path) => madeWith(path, 0o1707), /others may write/],
};
function madeWith(path: string, mode: number): void {
  mkdirSync(path);
  chmodSync(path, mode);
}

for (const [what, [make, message]] of Object.entries(bad)) {
  test(`our own folder is refused if it is ${what}`, () => {
    const base = newFolder();
    const path = join(base, `tierlock-${uid}`);
    make(path);
    const wrong = (error: unknown): boolean =>
      error instanceof LockBackendError &&
      message.test(error.message) &&
      error.message.includes(`'${path}'`) &&
      /remove it, or set TIERLOCK_PATH/.test(error.message);
    assert.throws(() => findPlace({}, { env: {}, base }), wrong);
  });
}

test("our own folder is refused if it is another user's", { skip: !root && 'needs root' }, () => {
  const base = newFolder();
  const path = join(base, `tierlock-${uid}`);
  mkdirSync(path, 0o700);
  chownSync(path, 12_345, 0);
  assert.throws(() => findPlace({}, { env: {}, base }), {
    name: LockBackendError.name,
    message: /belongs to user 12345, not to 0/,
  });
});

test('a folder that cannot be made or used names itself and what to do', () => {
  const file = newPath();
  writeFileSync(file, '');
  for (const lockPath of [file, join(file, 'inner')]) {
    assert.throws(() => findPlace({ lockPath }), {
      name: LockBackendError.name,
      message: /no folder: choose another/,
    });
  }
  assert.throws(() => findPlace({ lockPath: join(top, 'x'.repeat(300)) }), /ENAMETOOLONG.*shorter/);
  assert.throws(() => findPlace({ lockPath: '/proc/tierlock' }), LockBackendError);
  assert.throws(() => findPlace({}, { env: {}, base: join(top, 'none') }), /folder around it does not exist/);
});

test(
  'a user without rights is told so, and has a folder of his own',
  { skip: !root && 'needs root' },
  async () => {
    const base = newFolder();
    chmodSync(top, 0o755);
    chmodSync(base, 0o1777);
    const closed = newPath();
    mkdirSync(closed, 0o700);
    const readable = newPath();
    mkdirSync(readable, 0o755);
    const source = `
    import { findPlace } from ${JSON.stringify(new URL('../src/files/place.js', import.meta.url).href)};
    import { openFolder } from ${JSON.stringify(new URL('../src/files/folder.js', import.meta.url).href)};
    import { loadAddon } from ${JSON.stringify(new URL('../src/addon.js', import.meta.url).href)};
    // He may not be able to read the files of this package.
    loadAddon();
    process.setegid(12345);
    process.seteuid(12345);
    const tell = (open) => { try { console.log(open()); } catch (error) { console.log(error.name, error.message); } };
    tell(() => findPlace({ lockPath: ${JSON.stringify(join(closed, 'inner'))} }).path);
    tell(() => openFolder({ lockPath: ${JSON.stringify(readable)} }).path);
    tell(() => findPlace({}, { env: {}, base: ${JSON.stringify(base)} }).path);
  `;
    const { stdout, stderr, code } = await runProgram(source);
    assert.equal(code, 0, stderr);
    const [inner, page, own] = stdout.split('\n');
    assert.match(
      inner ?? '',
      /^LockBackendError the folder '.*inner' could not be made \(EACCES\): .*allowed to write/,
    );
    assert.match(
      page ?? '',
      /^LockBackendError .*\.tierlock' could not be opened \(EACCES\): .*allowed to write/,
    );
    assert.equal(own, join(base, 'tierlock-12345'));
  },
);

const types: Record<string, [type: bigint, name: RegExp]> = {
  nfs: [0x6969n, /\(NFS\)/],
  cifs: [0xff534d42n, /\(CIFS\)/],
  'cifs where a long has 32 bits': [BigInt.asIntN(32, 0xff534d42n), /\(CIFS\)/],
  smb2: [0xfe534d42n, /\(SMB2\)/],
  fuse: [0x65735546n, /\(FUSE/],
};

for (const [what, [type, name]] of Object.entries(types)) {
  test(
    `a folder on ${what} is refused unless it is asked for`,
    { skip: process.platform !== 'linux' },
    (t) => {
      const lockPath = newPath();
      t.mock.method(fs, 'statfsSync', () => ({ type }));
      syncBuiltinESMExports();
      try {
        const wrong = { name: LockUnsupportedError.name, message: name };
        assert.throws(() => findPlace({ lockPath }), wrong);
        assert.throws(
          () => findPlace({ lockPath }),
          /may not hold between hosts.*Choose a local folder.*network: true/,
        );
        assert.throws(() => findPlace({}, { env: {}, base: newFolder() }), wrong);
        assert.equal(findPlace({ lockPath, network: true }).path, lockPath);
      } finally {
        t.mock.restoreAll();
        syncBuiltinESMExports();
      }
      assert.equal(findPlace({ lockPath }).path, lockPath);
    },
  );
}
