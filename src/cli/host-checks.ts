/** Whether this Node, the addon and the lock folder do what locks need, proven with two processes. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { loadAddon } from '../addon.js';
import { openFolder } from '../files/folder.js';
import { whichPlace } from '../files/place.js';
import { lock } from '../lock.js';
import { Exit } from './exits.js';
import { fail, failure, ok } from './findings.js';
import type { Finding } from './findings.js';
import { checkAccess, checkOwnFolders, checkPrivate, checkUsers } from './folder-checks.js';

interface Folder {
  readonly lockPath?: string;
}

export async function checkHost(where: Folder): Promise<Finding[]> {
  const found = [checkNode(), checkAddon()];
  if (found.some(({ status }) => status === 'fail')) return found;
  let path: string;
  let own: boolean;
  try {
    ({ path, own } = whichPlace(where));
    const { via } = openFolder(where);
    found.push(ok('folder', `${path}, a local file system${via === undefined ? '' : `; locks by ${via}`}`));
  } catch (error) {
    return [...found, failure('folder', error)];
  }
  found.push(checkAccess(path), checkUsers(path), checkPrivate(path));
  if (own) found.push(checkOwnFolders(path));
  return [...found, await checkExclusion(where)];
}

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return ok('node', process.version);
  return fail('node', process.version, 'tierlock needs Node 20.19 or later');
}

function checkAddon(): Finding {
  try {
    return ok('addon', `loaded, version ${loadAddon().version}, ${process.platform}-${process.arch}`);
  } catch (error) {
    return failure('addon', error);
  }
}

/** Another process does not get what this one holds, and does when it is given back. */
async function checkExclusion(where: Folder): Promise<Finding> {
  const name = `tierlock doctor ${randomUUID()}`;
  try {
    const guard = await lock(name, { external: true, ...where });
    let inside: number | null;
    try {
      inside = await tryElsewhere(name, where);
    } finally {
      await guard.release();
    }
    const after = await tryElsewhere(name, where);
    openFolder(where).remove('lock', name);
    if (inside === Exit.No && after === Exit.Ok)
      return ok('exclusion', 'two processes exclude each other there');
    const seen = `a second process ended with ${inside} while the lock was held, and with ${after} afterwards`;
    return fail('exclusion', seen, 'the locks of this file system do not hold: choose another folder');
  } catch (error) {
    return failure('exclusion', error);
  }
}

async function tryElsewhere(name: string, { lockPath }: Folder): Promise<number | null> {
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const path = lockPath === undefined ? [] : ['--lock-path', lockPath];
  const line = [main, 'run', '--nonblock', ...path, name, '--', process.execPath, '-e', ''];
  const env = { ...process.env, TIERLOCK_URL: '' };
  const child = spawn(process.execPath, line, { stdio: ['ignore', 'ignore', 'inherit'], env });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}
