/**
 * Gets the servers that are missing, before the tests (`npm run test:all`): by apt-get where it is there and this is
 * root, else it says how. The packages must not start their services, for the tests use private ports only: while they
 * are installed, the policy of the machine denies that. A policy that was there before is respected, and never changed.
 *
 * A server that cannot be got is no failure, as there may be no network, unless TIERLOCK_SERVERS=required.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { areRequired, isAvailable, isOnPath, programs, saysMissing, serverNames } from './available.js';
import type { ServerName } from './available.js';

export interface Machine {
  readonly root: boolean;
  /** The path of the program that decides which services may start. */
  readonly policy: string;
  readonly say: (line: string) => void;
}

/** The policy while packages are installed. */
export const denial = '#!/bin/sh\n# Written by the tests of tierlock, which remove it again.\nexit 101\n';

/** Whether all that is required is there in the end. */
export function getServers({ root, policy, say }: Machine): boolean {
  const missing = serverNames.filter((name) => !isAvailable(name));
  if (missing.length > 0 && root && isOnPath('apt-get')) {
    const wrong = withoutServices(policy, () => install(missing));
    if (wrong !== undefined) say(`tierlock: ${wrong}`);
  }
  const still = missing.filter((name) => !isAvailable(name));
  for (const name of missing) {
    if (!still.includes(name)) say(`tierlock: installed ${programs[name].packages.join(' ')}`);
    else say(`tierlock: ${areRequired() ? 'REQUIRED' : 'NOT TESTED'}: ${saysMissing(name)}`);
  }
  return still.length === 0 || !areRequired();
}

/** One after the other, because one that is unknown here must not keep out the others. Returns what went wrong. */
function install(names: readonly ServerName[]): string | undefined {
  const each = (): (string | undefined)[] =>
    names
      .filter((name) => !isAvailable(name))
      .map((name) => aptGet('install', '-y', '--no-install-recommends', ...programs[name].packages));
  if (each().every((wrong) => wrong === undefined)) return undefined;
  // The lists may be too old, or never have been there.
  return aptGet('update') ?? each().find((wrong) => wrong !== undefined);
}

/** Returns what went wrong, in its own last words. */
function aptGet(command: string, ...args: readonly string[]): string | undefined {
  // Without a network it shall say so soon, and wait for another apt-get.
  const limits = ['Acquire::Retries=0', 'Acquire::http::Timeout=15', 'DPkg::Lock::Timeout=120'];
  const options = limits.flatMap((limit) => ['-o', limit]);
  const { status, stderr, error } = spawnSync('apt-get', ['-q', ...options, command, ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: 300_000,
  });
  if (status === 0) return undefined;
  return `apt-get ${command} fails: ${error?.message ?? stderr.trim().split('\n').at(-1)}`;
}

/** Runs the body while no service may start, or not at all. Returns what went wrong. */
function withoutServices(policy: string, body: () => string | undefined): string | undefined {
  try {
    writeFileSync(policy, denial, { mode: 0o755, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
      return `no ${policy} can be made: ${String(error)}`;
    // One of ours that a killed run left is as good as new.
    if (readFileSync(policy, 'utf8') !== denial)
      return deniesStarts(policy) ? body() : `${policy} lets services start`;
  }
  // With a handler the signal waits until apt-get has ended, which hears it as well.
  const stop = (): never => process.exit(1);
  for (const signal of signals) process.on(signal, stop);
  try {
    return body();
  } finally {
    rmSync(policy);
    for (const signal of signals) process.off(signal, stop);
  }
}
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const deniesStarts = (policy: string): boolean => spawnSync(policy, ['tierlock', 'start']).status === 101;

if (process.argv[1]?.endsWith('get.js')) {
  const machine = { root: process.getuid?.() === 0, policy: '/usr/sbin/policy-rc.d', say: console.log };
  if (!getServers(machine)) process.exitCode = 1;
}
