/**
 * What happens where servers are missing: tests are skipped loudly or fail, and apt-get is asked for them by root alone
 * and without starting a service. The apt-get here is a script that notes how it was called; nothing else is on the PATH.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { runProgram } from './support/child.js';
import { denial, getServers } from './support/servers/get.js';
import { temporary } from './support/temporary.js';

const { newFolder } = temporary();
const { PATH } = process.env;
beforeEach(() => {
  process.env['TIERLOCK_SERVERS'] = '';
});
afterEach(() => {
  process.env['PATH'] = PATH;
});

const available = JSON.stringify(new URL('./support/servers/available.js', import.meta.url).href);
const asking = (required: string): string => `
  process.env.PATH = '';
  process.env.TIERLOCK_SERVERS = '${required}';
  const { requireServer } = await import(${available});
  console.log(requireServer('redis'));
  console.log(requireServer('redis'));
  console.log(requireServer('etcd'));
`;
const noRedis = 'there is no redis-server on the PATH (Debian and Ubuntu: apt-get install redis-server)';
const noEtcd = 'there is no etcd on the PATH (Debian and Ubuntu: apt-get install etcd-server)';

test('a missing server is a reason to skip, and told once', async () => {
  const { code, stdout, stderr } = await runProgram(asking(''));
  assert.equal(code, 0, stderr);
  assert.equal(stdout, [noRedis, noRedis, noEtcd].map((reason) => `NOT TESTED: ${reason}\n`).join(''));
  assert.equal(stderr, `NOT TESTED: ${noRedis}\nNOT TESTED: ${noEtcd}\n`);
});

test('a missing server is a failure where it is required', async () => {
  const { code, stdout, stderr } = await runProgram(asking('required'));
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.ok(stderr.includes(`TIERLOCK_SERVERS=required, but ${noRedis}`), stderr);
});

interface Scene {
  readonly root?: boolean;
  /** The program that is there already in place of a policy. */
  readonly policy?: string;
  /** What apt-get does, as shell; $bin is the PATH. */
  readonly apt?: string;
}

/** In what state apt-get found the policy, and with which words it was called. */
function get({ root = true, policy, apt = 'gets "$@"' }: Scene): {
  ok: boolean;
  said: string[];
  calls: string[];
  left: string;
} {
  const folder = newFolder();
  const [bin, path, log] = [join(folder, 'bin'), join(folder, 'policy-rc.d'), join(folder, 'calls')];
  mkdirSync(bin);
  const fake = `#!/bin/sh
    bin='${bin}'
    while [ "$1" != install ] && [ "$1" != update ]; do shift; done
    '${path}' some-service start; echo "$? $*" >> '${log}'
    # What can be run is all that a package must bring.
    gets() { case "$*" in
      *redis-server*) /bin/cp "$0" "$bin/redis-server" ;;
      *etcd-server*) /bin/cp "$0" "$bin/etcd" ;;
    esac; }
    ${apt}`;
  writeFileSync(join(bin, 'apt-get'), fake, { mode: 0o755 });
  if (policy !== undefined) writeFileSync(path, policy, { mode: 0o755 });
  process.env['PATH'] = bin;
  const said: string[] = [];
  const ok = getServers({ root, policy: path, say: (line) => said.push(line) });
  return {
    ok,
    said,
    calls: existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [],
    left: existsSync(path) ? readFileSync(path, 'utf8') : '',
  };
}

const words = (what: string): string => `101 install -y --no-install-recommends ${what}`;
const both = [words('redis-server'), words('etcd-server')];
const missing = [`tierlock: NOT TESTED: ${noRedis}`, `tierlock: NOT TESTED: ${noEtcd}`];

test('root gets both, while no service may start', () => {
  const said = ['tierlock: installed redis-server', 'tierlock: installed etcd-server'];
  assert.deepEqual(get({}), { ok: true, said, calls: both, left: '' });
});

test('the lists of packages are renewed when they do not help, and not before', () => {
  const apt = '[ "$1" = update ] && : > "$bin/new"; [ -e "$bin/new" ] && gets "$@"';
  const { ok, calls, left } = get({ apt });
  assert.deepEqual({ ok, calls, left }, { ok: true, calls: [...both, '101 update', ...both], left: '' });
});

test('a server that nobody packs keeps out no other', () => {
  const { ok, said } = get({ apt: 'case "$*" in *redis*) echo E: no such >&2; exit 100;; esac; gets "$@"' });
  const expected = [
    'tierlock: apt-get install fails: E: no such',
    missing[0],
    'tierlock: installed etcd-server',
  ];
  assert.deepEqual({ ok, said }, { ok: true, said: expected });
});

test('without a network it goes on, unless they are required', () => {
  const apt = 'echo E: no network >&2; exit 100';
  const { ok, said, calls, left } = get({ apt });
  assert.deepEqual(said, ['tierlock: apt-get update fails: E: no network', ...missing]);
  assert.deepEqual({ ok, calls, left }, { ok: true, calls: [...both, '101 update'], left: '' });
  process.env['TIERLOCK_SERVERS'] = 'required';
  assert.equal(get({ apt }).ok, false);
});

test('who is not root is told', () => {
  assert.deepEqual(get({ root: false }), { ok: true, said: missing, calls: [], left: '' });
});

test('the policy that a killed run has left goes as well', () => {
  const { calls, left } = get({ policy: denial });
  assert.deepEqual({ calls, left }, { calls: both, left: '' });
});

test('a policy that is there stays, and if it lets services start, nothing is installed', () => {
  const denies = '#!/bin/sh\nexit 101\n';
  const { calls, left } = get({ policy: denies });
  assert.deepEqual({ calls, left }, { calls: both, left: denies });
  const allows = '#!/bin/sh\nexit 0\n';
  const allowed = get({ policy: allows });
  assert.deepEqual({ calls: allowed.calls, left: allowed.left }, { calls: [], left: allows });
  assert.match(allowed.said[0] ?? '', /policy-rc\.d lets services start$/);
});
