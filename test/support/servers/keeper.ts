/**
 * No server outlives the thread that started it, nor does its folder, however that thread ends: a small shell waits
 * for the end of a pipe, which the system closes for whoever cannot. It is in a session of its own, so that what is
 * sent to the whole group of processes passes it by.
 *
 * Each server has a folder in the one folder of the thread, and a link `pid` there, which it makes itself before it
 * becomes the server. A link is there with its contents or not at all. So the keeper moves the folder away first:
 * whoever made the link before that is killed, and whoever comes later fails to make it and becomes nothing.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { accessSync, closeSync, constants, mkdirSync, openSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const keeper = `
while read -r _; do :; done
mv "$1" "$1.ended" || exit
for link in "$1.ended"/*/pid; do
  if [ -L "$link" ]; then kill -KILL "$(readlink "$link")"; fi
done
# What is being killed may still be busy with a file.
for try in 1 2 3 4 5 6 7 8 9; do
  rm -rf "$1.ended" && exit
  sleep 0.1
done
`;

/**
 * A node of etcd makes files of 64 MB before it writes, two of them; there are some clusters of three at a time. A container has
 * as little as 64 MB of such memory.
 */
const ROOM = 2 * 2 ** 30;

let top: string | undefined;
let folders = 0;

/** A new folder, in memory where the system has a place and room for that. */
export function newFolder(name: string): string {
  const folder = join(topFolder(), `${name}-${folders++}`);
  mkdirSync(folder);
  return folder;
}

/** Runs the command in the folder; what it prints goes to the file `log` there. It does not keep this process alive. */
export function spawnKept(folder: string, command: readonly string[]): ChildProcess {
  const log = openSync(join(folder, 'log'), 'a');
  const child = spawn('/bin/sh', ['-c', 'ln -s $$ "$0/pid" && exec "$@"', folder, ...command], {
    cwd: folder,
    // Nothing in the environment shall change what a server does.
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.once('exit', () => rmSync(join(folder, 'pid'), { force: true }));
  child.unref();
  return child;
}

function topFolder(): string {
  if (top !== undefined) return top;
  top = join(isRoomy('/dev/shm') ? '/dev/shm' : tmpdir(), `tierlock-servers-${randomUUID()}`);
  // Before the folder, so that there is never one without.
  const child = spawn('/bin/sh', ['-c', keeper, 'keeper', top], {
    cwd: '/',
    detached: true,
    // Also where a test has changed its own.
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  const { stdin } = child;
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
  mkdirSync(top, { mode: 0o700 });
  return top;
}

function isRoomy(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= ROOM;
  } catch {
    return false;
  }
}
