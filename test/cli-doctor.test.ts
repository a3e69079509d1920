/** `tierlock doctor`: what is in order, and what is not, with what to do about it. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkAccess, checkOwnFolders, checkPrivate, checkUsers, rootOf } from '../src/cli/folder-checks.js';
import type { Finding } from '../src/cli/findings.js';
import { SHORT } from '../src/cli/store-check.js';
import { conformance } from '../src/conformance.js';
import { connect } from '../src/index.js';
import { cli } from './support/cli.js';
import type { CliOptions, End } from './support/cli.js';
import { runProgram } from './support/child.js';
import { temporary } from './support/temporary.js';

// Not in the folder of the user who runs this: others may not look into that.
const { top, newFolder, newPath } = temporary('/tmp');
const root = process.geteuid?.() === 0;

const from = (file: string): string => JSON.stringify(new URL(`../src/${file}.js`, import.meta.url).href);

async function doctor(
  line: readonly string[],
  options?: CliOptions,
): Promise<{ end: End; found: Finding[] }> {
  const { end, stdout, stderr } = await cli(['doctor', '--json', ...line], options);
  assert.equal(stderr, '');
  return { end, found: JSON.parse(stdout) as Finding[] };
}

const statuses = (found: readonly Finding[]): Record<string, string> =>
  Object.fromEntries(found.map(({ check, status }) => [check, status]));

test('where all is well it says so, and leaves nothing but the folder', async () => {
  const lockPath = newPath();
  // Where the group may write what one makes, others may write there as well, and that is told.
  const by = ['sh', '-c', 'umask 022; exec "$0" "$@"'];
  const { end, found } = await doctor(['--lock-path', lockPath], { by });
  const checks = ['node', 'addon', 'folder', 'access', 'users', 'private', 'exclusion'];
  assert.deepEqual(statuses(found), Object.fromEntries(checks.map((check) => [check, 'ok'])));
  assert.equal(end, 0);
  assert.deepEqual(readdirSync(lockPath), ['.tierlock']);
  const { stdout } = await cli(['doctor', '--lock-path', lockPath]);
  assert.match(stdout, /^ok +node +v\d.*\nok +addon +loaded.*\nok +folder +\S+.*locks by ofd\n/);
  assert.match(stdout, /\nok +exclusion +two processes exclude each other there\n$/);
});

test('without the addon there is nothing more to look at', async () => {
  const { end, found } = await doctor([], { env: { TIERLOCK_ADDON: 'off' } });
  assert.deepEqual([end, statuses(found)], [1, { node: 'ok', addon: 'fail' }]);
  assert.match(found.at(-1)?.detail ?? '', /npm rebuild tierlock/);
});

test('a folder that cannot be used is told', async () => {
  const { end, found } = await doctor([], { env: { TIERLOCK_PATH: 'relative' } });
  assert.deepEqual([end, found.at(-1)?.status, found.at(-1)?.check], [1, 'fail', 'folder']);
  assert.match(found.at(-1)?.detail ?? '', /make it an absolute path/);
});

test('a folder in which anybody may do anything is a warning', () => {
  const path = newFolder();
  chmodSync(path, 0o777);
  assert.equal(checkAccess(path).status, 'warning');
  assert.match(checkAccess(path).remedy ?? '', /chmod \+t/);
  chmodSync(path, 0o1777);
  assert.deepEqual(checkAccess(path).status, 'ok');
  const link = newPath();
  symlinkSync(path, link);
  assert.match(checkAccess(link).detail, /it is a symbolic link/);
});

test('files of other users are a warning, and those that cannot be locked a failure', async () => {
  const lockPath = newFolder();
  assert.equal((await cli(['run', '--lock-path', lockPath, 'job', 'true'])).end, 0);
  const file = join(lockPath, 'job.lock');
  assert.equal(checkUsers(lockPath).status, 'ok');
  // To another user the file is another one's.
  const other = (process.geteuid?.() ?? 0) + 1;
  assert.deepEqual(checkUsers(lockPath, other).status, 'warning');
  if (root) {
    chownSync(file, 12345, 12345);
    assert.match(checkUsers(lockPath).detail, /^users 0, 12345 have/);
    for (const path of [top, lockPath]) chmodSync(path, 0o755);
    for (const path of ['.tierlock', 'job.lock']) chownSync(join(lockPath, path), 0, 0);
    chmodSync(join(lockPath, '.tierlock'), 0o666);
  }
  chmodSync(file, root ? 0o600 : 0o400);
  // Another user may not be able to read the files of this package: so he becomes that when they are loaded.
  const { code, stdout, stderr } = await runProgram(`
    import { loadAddon } from ${from('addon')};
    import { main } from ${from('cli/doctor')};
    loadAddon();
    if (${root}) {
      process.setgroups([]);
      process.setgid(12345);
      process.setuid(12345);
    }
    process.exitCode = await main(${JSON.stringify(['--json', '--lock-path', lockPath])});
  `);
  const found = JSON.parse(stdout) as Finding[];
  assert.deepEqual([code, statuses(found)['users']], [1, 'fail'], stderr);
  const { detail = '' } = found.find(({ check }) => check === 'users') ?? {};
  assert.match(detail, /^1 of 1 lock files cannot be locked by user \d+: job\.lock$/);
});

test('folders of other users beside the own one are a warning', () => {
  const base = newFolder();
  for (const name of ['tierlock-0', 'tierlock-abc']) mkdirSync(join(base, name));
  assert.equal(checkOwnFolders(join(base, 'tierlock-0')).status, 'ok');
  mkdirSync(join(base, 'tierlock-1000'));
  assert.match(checkOwnFolders(join(base, 'tierlock-0')).detail, /: tierlock-1000$/);
});

test('a private /tmp is seen in the list of mounts', () => {
  const mounts = [
    '21 1 8:1 / / rw - ext4 /dev/sda1 rw',
    '30 21 8:1 /tmp/systemd-private-1f-job.service-x/tmp /tmp rw - ext4 /dev/sda1 rw',
    '31 21 0:40 / /tmp/shared rw - tmpfs tmpfs rw',
  ].join('\n');
  assert.equal(rootOf('/tmp/tierlock-0', mounts), '/tmp/systemd-private-1f-job.service-x/tmp');
  assert.equal(rootOf('/tmp/shared/x', mounts), '/');
  assert.equal(rootOf('/tmpfile', mounts), '/');
  assert.equal(checkPrivate('/tmp/tierlock-0', mounts).status, 'warning');
  const folder = newFolder();
  assert.equal(checkPrivate(folder, mounts).status, 'warning');
  assert.equal(checkPrivate(folder).status, 'ok');
  rmSync(folder, { recursive: true });
});

test('the short run is of promises that there are', () => {
  const all = new Set<string>();
  conformance({ test: (title) => all.add(title.slice(3)), name: 'x', open: () => connect('memory:') });
  assert.deepEqual(
    [...SHORT].filter((promise) => !all.has(promise)),
    [],
  );
});

test('a store that keeps its promises is in order', async () => {
  const lockPath = newFolder();
  const { end, found } = await doctor(['--lock-path', lockPath, '--url', 'memory:']);
  assert.equal(end, 0);
  const { promises = [], detail } = found.at(-1) ?? {};
  assert.deepEqual(
    promises.map(({ promise, result }) => [promise, result]),
    Array.from(SHORT, (promise) => [promise, 'kept']),
  );
  assert.equal(detail, `${SHORT.size} promises kept, 0 broken, 0 it does not make`);
});

test('what a store does not promise is not asked of it', async () => {
  const [lockPath, other] = [newFolder(), newFolder()];
  writeFileSync(join(other, 'free.lock'), '');
  const url = `file://${other}`;
  const { end, stdout } = await cli(['doctor', '--lock-path', lockPath], { env: { TIERLOCK_URL: url } });
  assert.equal(end, 0);
  assert.match(stdout, /\n {2}skipped +as many permits are given out as there are \(without 'permits'\)\n/);
  assert.match(stdout, /\nok +store file +\d+ promises kept, 0 broken, [1-9]\d* it does not make\n$/);
});

test('a store that cannot be reached fails at once, and no password is shown', async () => {
  const url = 'redis://user:secret@127.0.0.1:1';
  const lockPath = newFolder();
  const { end, stdout, stderr } = await cli(['doctor', '--lock-path', lockPath, '--url', url]);
  assert.equal(end, 1);
  assert.match(stdout, /\nfail +store redis +redis cannot be reached \(connect ECONNREFUSED/);
  assert.doesNotMatch(stdout + stderr, /secret/);
});
