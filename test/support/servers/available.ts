/**
 * Which servers are on this machine. A test of one that is missing is skipped, with one loud line; with
 * TIERLOCK_SERVERS=required, as in CI, it fails instead. With TIERLOCK_SERVERS=off, as in the daily `npm test`, none is
 * started: they take minutes, and belong to `npm run test:all`.
 *
 *     test('...', { skip: requireServer('redis') }, ...)
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export type ServerName = 'redis' | 'etcd';

export interface Program {
  /** What must be on the PATH. */
  readonly command: string;
  /** Of Debian and Ubuntu. */
  readonly packages: readonly string[];
}

export const programs: Record<ServerName, Program> = {
  redis: { command: 'redis-server', packages: ['redis-server'] },
  etcd: { command: 'etcd', packages: ['etcd-server'] },
};

export const serverNames: readonly ServerName[] = Object.keys(programs) as ServerName[];

export const areRequired = (): boolean => process.env['TIERLOCK_SERVERS'] === 'required';

export function isOnPath(command: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export const isAvailable = (name: ServerName): boolean => isOnPath(programs[name].command);

/** What is missing and how to get it, in one line. */
export function saysMissing(name: ServerName): string {
  const { command, packages } = programs[name];
  return `there is no ${command} on the PATH (Debian and Ubuntu: apt-get install ${packages.join(' ')})`;
}

const told = new Set<ServerName>();

/** For `skip` of node:test: false if the server is there, else the reason. */
export function requireServer(name: ServerName): string | false {
  if (process.env['TIERLOCK_SERVERS'] === 'off') return `${name} is tested by 'npm run test:all'`;
  if (isAvailable(name)) return false;
  if (areRequired()) throw new Error(`TIERLOCK_SERVERS=required, but ${saysMissing(name)}`);
  const reason = `NOT TESTED: ${saysMissing(name)}`;
  if (!told.has(name)) console.error(reason);
  told.add(name);
  return reason;
}
