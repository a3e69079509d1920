/** Which store a URL means, and which one `{ distributed: true }` means. */
import type { Backend } from './backend.js';
import { memory } from './backends/memory.js';
import { configuration } from './config.js';
import { LockUnsupportedError } from './errors.js';
import { wrongType } from './options.js';

type Open = (url: URL) => Backend;

const openers: Readonly<Record<string, Open>> = {
  'memory:': ({ pathname }) => memory(decodeURIComponent(pathname)),
};

/**
 * The store that a URL means. Nothing is opened before it is used first.
 *
 *     memory:                      in this thread, for tests and first tries; `memory:shop` is another one
 *
 * @example
 * import { connect, lock } from 'tierlock';
 *
 * await using store = connect('memory:');
 * await using guard = await lock('orders', { distributed: store });
 * console.log(guard.held); // true
 */
export function connect(url: string | URL): Backend {
  if (typeof url !== 'string' && !(url instanceof URL)) throw wrongType('url', 'a URL', url);
  const parsed = parse(url);
  const open = openers[parsed.protocol];
  if (open !== undefined) return open(parsed);
  const message = `no store for '${parsed.protocol}//': known are ${Object.keys(openers).join(', ')}`;
  throw new LockUnsupportedError(message, { lock: 'connect' });
}

function parse(url: string | URL): URL {
  try {
    return new URL(url);
  } catch {
    // Not the URL itself: there may be a password in it.
    throw new TypeError("'url' must be a URL, like redis://localhost:6379");
  }
}

/** One for each URL in a thread, for as long as it runs. */
const connected = new Map<string, Backend>();

/** What is meant by `{ distributed: true }`, or the store itself. */
export function storeFor(distributed: true | Backend, key: string): Backend {
  if (distributed !== true) return distributed;
  const { backend } = configuration();
  if (backend === undefined) {
    const message =
      `'${key}' was asked for with { distributed: true }, and no store is set: call configure({ backend: 'redis://...' }) ` +
      'before, in the main thread before its workers start, or say { distributed: connect(...) }';
    throw new LockUnsupportedError(message, { lock: key });
  }
  if (typeof backend !== 'string') return backend;
  let store = connected.get(backend);
  if (store === undefined) connected.set(backend, (store = connect(backend)));
  return store;
}
