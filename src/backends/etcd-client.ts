/**
 * Calls to etcd's JSON gateway over node:http: at which endpoint, and who asks.
 *
 * One endpoint is used until it fails, then the next one. All turn away from it together, and what streams from it ends,
 * because it may never say anything again. A call that surely did not arrive goes on to the next endpoint by itself, and
 * so does one that may be done twice (`again`). Any other rejects; `isUnknown` then says that it may be done, or will be.
 *
 * Idle connections do not keep a program alive; calls do, for as long as their deadlines last.
 */
import { Agent as HttpAgent, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { closed, EtcdError, hopeless, isUnknown, Unreachable } from './etcd-errors.js';
import { contentOf, Exchange } from './etcd-exchange.js';
import type { EtcdSettings } from './etcd-options.js';

export interface CallOptions {
  /** Which one it is about, for errors. */
  readonly lock: string;
  /** How long an endpoint may take, in ms. */
  readonly deadline: number;
  /** It may be done twice. */
  readonly again: boolean;
}

interface Endpoint {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly streams: Set<Exchange>;
}

interface Call {
  readonly path: string;
  readonly body: string;
  readonly token: string | undefined;
  readonly deadline: number;
}

// A thousand calls at a time wait for each other rather than to open a thousand connections.
const MAX_CONNECTIONS = 64;

export class EtcdClient {
  readonly #settings: EtcdSettings;
  readonly #endpoints: readonly Endpoint[];
  readonly #secure: boolean;
  #agents: { readonly calls: HttpAgent; readonly streams: HttpAgent } | undefined;
  #current = 0;
  #token: Promise<string> | undefined;
  #closed = false;

  constructor(settings: EtcdSettings) {
    this.#settings = settings;
    this.#secure = settings.tls !== undefined;
    this.#endpoints = settings.endpoints.map(({ host, port }) => ({
      url: `${this.#secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
      host,
      port,
      streams: new Set<Exchange>(),
    }));
  }

  /** The answer. */
  async call<T>(path: string, body: object, options: CallOptions): Promise<T> {
    const text = JSON.stringify(body);
    return this.#anywhere(options, async (endpoint, token) => {
      const call = { path, body: text, token, deadline: options.deadline };
      const { ended } = this.#exchange(endpoint, call, this.#open().calls);
      const answer = await ended;
      return contentOf(endpoint.url, answer.status, answer.text) as T;
    });
  }

  /**
   * An answer that does not end, of messages. `first` looks at the first one, and may throw; `next` gets all others.
   * `ended` is called once, if the stream ends after the first one.
   */
  async stream<T>(
    path: string,
    body: object,
    options: Omit<CallOptions, 'again'>,
    hear: {
      readonly first: (message: T, url: string) => void;
      readonly next: (message: T) => void;
      readonly ended: () => void;
    },
  ): Promise<Exchange> {
    const text = JSON.stringify(body);
    return this.#anywhere({ ...options, again: true }, (endpoint, token) => {
      const call = { path, body: text, token, deadline: options.deadline };
      return new Promise((resolve, reject) => {
        let begun = false;
        const exchange = this.#exchange(endpoint, call, this.#open().streams, (line) => {
          try {
            const message = contentOf(endpoint.url, 200, line) as T;
            if (begun) return hear.next(message);
            hear.first(message, endpoint.url);
            begun = true;
            resolve(exchange);
          } catch (error) {
            reject(error);
            exchange.close();
          }
        });
        endpoint.streams.add(exchange);
        const end = exchange.ended.then(({ status, text: said }) => {
          if (said !== '') contentOf(endpoint.url, status, said);
          throw new Unreachable(endpoint.url, true, new Error('the stream ended'));
        });
        end.catch((error: unknown) => {
          endpoint.streams.delete(exchange);
          if (begun) hear.ended();
          else reject(error);
        });
      });
    });
  }

  close(): void {
    this.#closed = true;
    for (const { streams } of this.#endpoints) for (const stream of streams) stream.close();
    this.#agents?.calls.destroy();
    this.#agents?.streams.destroy();
  }

  /** Asks one endpoint after the other. */
  async #anywhere<T>(
    options: CallOptions,
    ask: (endpoint: Endpoint, token: string | undefined) => Promise<T>,
    isNamed: boolean = this.#settings.user !== undefined,
  ): Promise<T> {
    const { lock, again } = options;
    let mayAuthenticate = isNamed;
    // Once more than there are, for a connection that was half dead.
    for (let left = this.#endpoints.length; ; left--) {
      if (this.#closed) throw closed(lock);
      const known = isNamed ? (this.#token ??= this.#authenticate(options)) : undefined;
      const token = await known;
      const endpoint = this.#endpoints[this.#current] as Endpoint;
      try {
        return await ask(endpoint, token);
      } catch (error) {
        if (this.#closed) throw closed(lock);
        if (mayAuthenticate && error instanceof EtcdError && error.tokenMayBeOld) {
          // It has done nothing.
          mayAuthenticate = false;
          if (this.#token === known) this.#token = undefined;
          continue;
        }
        const isDown = error instanceof Unreachable || isUnknown(error);
        if (isDown) this.#turnFrom(endpoint);
        if (!isDown || left === 0 || (isUnknown(error) && !again)) throw hopeless(error, lock) ?? error;
      }
    }
  }

  #turnFrom(endpoint: Endpoint): void {
    if (this.#endpoints[this.#current] === endpoint) {
      this.#current = (this.#current + 1) % this.#endpoints.length;
    }
    for (const stream of endpoint.streams) stream.close();
  }

  /** A token, or the empty text if etcd asks nobody who he is. */
  async #authenticate({ lock, deadline }: CallOptions): Promise<string> {
    const { user, password } = this.#settings;
    const body = JSON.stringify({ name: user, password });
    try {
      const ask = async (endpoint: Endpoint): Promise<string> => {
        const call = { path: '/v3/auth/authenticate', body, token: undefined, deadline };
        const { status, text } = await this.#exchange(endpoint, call, this.#open().calls).ended;
        return (contentOf(endpoint.url, status, text) as { token?: string }).token ?? '';
      };
      return await this.#anywhere({ lock, deadline, again: true }, ask, false);
    } catch (error) {
      if (error instanceof EtcdError && error.authIsOff) return '';
      this.#token = undefined;
      throw error;
    }
  }

  #exchange(endpoint: Endpoint, call: Call, agent: HttpAgent, tellLine?: (line: string) => void): Exchange {
    const { url, host, port } = endpoint;
    const { path, body, token, deadline } = call;
    const secure = this.#secure;
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...(token && { authorization: token }),
    };
    const request = secure ? requestHttps : requestHttp;
    const options = { method: 'POST', agent, host, port, path, headers };
    return new Exchange(request(options), body, { url, deadline, secure }, tellLine);
  }

  #open(): { readonly calls: HttpAgent; readonly streams: HttpAgent } {
    if (this.#agents !== undefined) return this.#agents;
    const tls = this.#settings.tls?.();
    const agent = (maxSockets: number): HttpAgent => {
      const options = { keepAlive: true, maxSockets, scheduling: 'lifo' } as const;
      return tls === undefined ? new HttpAgent(options) : new HttpsAgent({ ...options, ...tls });
    };
    return (this.#agents = { calls: agent(MAX_CONNECTIONS), streams: agent(Infinity) });
  }
}
