/** How to reach etcd, and who asks: by options or by a URL. Nothing is read or opened before the first call. */
import { readFileSync } from 'node:fs';
import type { SecureContextOptions } from 'node:tls';
import { LockBackendError } from '../errors.js';

/**
 * For TLS, as node:tls takes them: contents, no paths.
 *
 * @example
 * import { etcd } from 'tierlock';
 * import type { EtcdTls } from 'tierlock';
 *
 * const tls: EtcdTls = { ca: '-----BEGIN CERTIFICATE-----\n...' };
 * const store = etcd({ endpoints: ['10.0.0.1:2379'], tls });
 * console.log(store.name); // etcd
 * await store.close();
 */
export interface EtcdTls {
  /** Who vouches for the servers. */
  readonly ca?: SecureContextOptions['ca'];
  /** Who we are. */
  readonly cert?: SecureContextOptions['cert'];
  readonly key?: SecureContextOptions['key'];
  readonly passphrase?: string;
  /** The name that the servers' certificate has, if it is not the one they are called by. */
  readonly servername?: string;
  /** `false` trusts anybody. */
  readonly rejectUnauthorized?: boolean;
}

/**
 * How to reach an etcd.
 *
 * @example
 * import { etcd } from 'tierlock';
 * import type { EtcdOptions } from 'tierlock';
 *
 * const options: EtcdOptions = { endpoints: ['etcd1:2379', 'etcd2:2379', 'etcd3:2379'], prefix: 'shop/locks' };
 * const store = etcd(options);
 * console.log(store.supports.token); // durable
 * await store.close();
 */
export interface EtcdOptions {
  /** `host:port`, or a URL of http or https. Default: `127.0.0.1:2379`. */
  readonly endpoints?: readonly string[];
  readonly user?: string;
  readonly password?: string;
  /** `true`: by the system's certificates. */
  readonly tls?: EtcdTls | boolean;
  /** What the keys in etcd begin with, before a slash. Default: `tierlock`. */
  readonly prefix?: string;
  /** How long one endpoint may take to answer, in ms; less for a short ttl. Then the next one is asked. Default: 1500. */
  readonly timeout?: number;
  /**
   * Whether a holder hears at once that his record is deleted, and not only at the next renewal, where nobody of this
   * client waits for the same key. That costs a connection for each key that is held, and two calls more. Default: false.
   */
  readonly watchHeld?: boolean;
}

export interface EtcdSettings {
  readonly endpoints: readonly { readonly host: string; readonly port: number }[];
  readonly user: string | undefined;
  readonly password: string;
  /** Undefined without TLS. */
  readonly tls: (() => EtcdTls) | undefined;
  readonly prefix: string;
  readonly timeout: number;
  readonly watchHeld: boolean;
}

const PORT = 2379;
const known: Readonly<Record<keyof EtcdOptions, string>> = {
  endpoints: 'object',
  user: 'string',
  password: 'string',
  tls: 'object',
  prefix: 'string',
  timeout: 'number',
  watchHeld: 'boolean',
};

export function settingsOf(from: EtcdOptions | string): EtcdSettings {
  return typeof from === 'string' ? ofUrl(from) : ofOptions(from);
}

function ofOptions(options: EtcdOptions): EtcdSettings {
  for (const [name, value] of Object.entries(options)) {
    const type = (known as Record<string, string>)[name];
    if (type === undefined) throw new TypeError(`etcd has no option '${name}'`);
    const fits =
      typeof value === type || value === undefined || (name === 'tls' && typeof value === 'boolean');
    if (!fits || value === null) throw new TypeError(`option '${name}' of etcd must be a ${type}`);
  }
  const {
    endpoints = [`127.0.0.1:${PORT}`],
    user,
    password = '',
    tls,
    timeout = 1500,
    watchHeld = false,
  } = options;
  if (!Array.isArray(endpoints) || endpoints.length === 0) {
    throw new TypeError("option 'endpoints' of etcd must be a list of at least one");
  }
  if (!(timeout > 0)) throw new RangeError(`option 'timeout' of etcd must be more than 0, but is ${timeout}`);
  const secure = endpoints.map((endpoint) => endpoint.startsWith('https:') || (tls ?? false) !== false);
  if (secure.some((one) => one !== secure[0])) {
    throw new TypeError("option 'endpoints' of etcd must be all of https, or none");
  }
  const material = typeof tls === 'object' ? tls : {};
  return {
    endpoints: endpoints.map(endpointOf),
    user,
    password,
    tls: secure[0] === true ? () => material : undefined,
    prefix: prefixOf(options.prefix ?? 'tierlock'),
    timeout,
    watchHeld,
  };
}

// Of a prefix and a key together it must be seen where the one ends: see etcd-records.ts.
function prefixOf(prefix: string): string {
  const bare = prefix.replace(/\/$/, '');
  if (bare.includes('//') || bare.endsWith('/')) {
    throw new TypeError(`the prefix of etcd must not have two slashes in a row, as '${prefix}' has`);
  }
  return bare;
}

function endpointOf(endpoint: string): { host: string; port: number } {
  const [, v6, name, port] =
    /^(?:https?:\/\/)?(?:\[([0-9a-f:.]+)\]|([^\s:/@?#[\]]+))(?::(\d+))?\/?$/i.exec(endpoint) ?? [];
  const host = v6 ?? name;
  if (host === undefined)
    // What is before an @ may be a password.
    throw new TypeError(`'${endpoint.replace(/^.*@/, '')}' is no endpoint of etcd: write host:port`);
  return { host, port: Number(port ?? PORT) };
}

// URL does not know lists of hosts.
const shape =
  /^(?<scheme>etcds?):\/\/(?:(?<who>[^@/?#]*)@)?(?<hosts>[^@/?#]*)(?:\/(?<prefix>[^?#]*))?(?:\?(?<query>[^#]*))?$/i;

function ofUrl(url: string): EtcdSettings {
  const { scheme, who, hosts, prefix, query } = shape.exec(url)?.groups ?? {};
  if (scheme === undefined) {
    throw new TypeError('the URL of an etcd is etcd://user:password@host:port,host:port/prefix');
  }
  const [user, password] = (who ?? '').split(':').map(decodeURIComponent);
  const files: Partial<Record<'ca' | 'cert' | 'key', string>> = {};
  const more: { timeout?: number; watchHeld?: boolean } = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === 'timeout') more.timeout = Number(value);
    else if (name === 'watchHeld') more.watchHeld = value === 'true';
    else if (name === 'ca' || name === 'cert' || name === 'key') files[name] = value;
    else throw new TypeError(`the URL of an etcd has no parameter '${name}'`);
  }
  const settings = ofOptions({
    ...(hosts && { endpoints: hosts.split(',') }),
    ...(user && { user }),
    ...(password && { password }),
    ...(prefix && { prefix: decodeURIComponent(prefix) }),
    ...more,
  });
  return { ...settings, tls: scheme.toLowerCase() === 'etcds' ? () => readAll(files) : undefined };
}

function readAll(files: Readonly<Record<string, string>>): EtcdTls {
  return Object.fromEntries(
    Object.entries(files).map(([name, path]) => {
      try {
        return [name, readFileSync(path)];
      } catch (error) {
        const message = `cannot read '${path}', the ${name} of etcd's URL: ${(error as Error).message}`;
        throw new LockBackendError(message, { lock: 'etcd', cause: error });
      }
    }),
  );
}
