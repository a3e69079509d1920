/**
 * Which locks a command is about: those of a folder of this host, or those of a store. Never both for a name that is to be
 * taken: `--url` takes what `lock(name, { distributed: true })` takes, without it what `lock(name, { external: true })` does.
 */
import { existsSync } from 'node:fs';
import type { Backend } from '../backend.js';
import { connect } from '../connect.js';
import { whichPlace } from '../files/place.js';
import { UsageError } from './args.js';
import type { Args, Option } from './args.js';

export const urlOption: Option = {
  long: 'url',
  value: 'U',
  text: 'the locks of a store: redis://..., etcd://..., file:///folder\n(default: TIERLOCK_URL, if that is set)',
};

export const pathOption: Option = {
  long: 'lock-path',
  value: 'DIR',
  text: 'the locks of that folder of this host\n(default: TIERLOCK_PATH, OSLO_LOCK_PATH, /tmp/tierlock-UID)',
};

export const whereOptions: readonly Option[] = [urlOption, pathOption];

/** For the functions of the library. */
export type Where =
  | { readonly external: true; readonly lockPath?: string }
  | { readonly distributed: Backend };

/** The one place in which a name is taken. */
export function whereOf(args: Args): Where {
  if (args.has('url') && args.has('lock-path'))
    throw new UsageError('--url and --lock-path are two places: say one of them');
  const store = storeOf(args);
  return store === undefined ? folderOf(args) : { distributed: store };
}

/** The store that is meant, if one is. */
export function storeOf(args: Args): Backend | undefined {
  const url = args.text('url') ?? (args.has('lock-path') ? undefined : urlOfEnvironment());
  return url === undefined ? undefined : open(url);
}

export function urlOfEnvironment(): string | undefined {
  const url = process.env['TIERLOCK_URL'];
  return url === '' ? undefined : url;
}

export function open(url: string): Backend {
  try {
    return connect(url);
  } catch (error) {
    // What is no URL at all. There may be a password in it, so it is not shown.
    if (error instanceof TypeError) throw new UsageError(`the URL of the store is wrong: ${error.message}`);
    throw error;
  }
}

export function folderOf(args: Args): { external: true; lockPath?: string } {
  const lockPath = args.text('lock-path');
  if (lockPath === '') throw new UsageError('--lock-path needs the path of a folder');
  return lockPath === undefined ? { external: true } : { external: true, lockPath };
}

/** The folder, if it is there: to look at it should not make it. */
export function folderThere(args: Args): { external: true; lockPath?: string } | undefined {
  const where = folderOf(args);
  return existsSync(whichPlace(where).path) ? where : undefined;
}

/** Ends what was opened for it. */
export async function close(where: Where): Promise<void> {
  if ('distributed' in where) await where.distributed.close();
}
