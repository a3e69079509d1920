/**
 * A TCP proxy before a server, whose network a test can spoil:
 *
 *     await using proxy = await startProxy(redis);
 *     proxy.blackhole('down');      // answers do not come back; those that were held do after heal()
 *
 * `up` is from the client to the server, `down` back. Nothing is lost as long as connections live, as with TCP itself:
 * what a delay or a blackhole holds goes on later, ends of connections too. It runs in the thread of the test, so a
 * call that blocks this thread blocks it as well.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { claimPort, HOST, type Port } from './servers/ports.js';
import { Link, type Hook, type Side, type Way, type Weather } from './link.js';

export type { Data, Hook, Side, Verdict, Way } from './link.js';

export interface Target {
  readonly host: string;
  readonly port: number;
}

export interface LostReply {
  readonly request?: (bytes: Buffer) => boolean;
  readonly reply?: (bytes: Buffer) => boolean;
  /** Whose side is reset: `client` leaves the server with a session of nobody. Default: both. */
  readonly gone?: 'client' | 'both';
}

export class Proxy implements AsyncDisposable {
  readonly host: string = HOST;
  readonly port: number;
  readonly #claim: Port;
  readonly #target: Target;
  readonly #links = new Set<Link>();
  readonly #weather: Weather = {
    delays: { up: 0, down: 0 },
    held: { up: false, down: false },
    hook: undefined,
  };
  #server: Server | undefined;
  #count = 0;

  constructor(target: Target, claim: Port) {
    this.#target = target;
    this.#claim = claim;
    this.port = claim.number;
  }

  /** `host:port`, for URLs. */
  get address(): string {
    return `${this.host}:${this.port}`;
  }

  /** How many there are; one counts until both of its sides are closed. */
  get connections(): number {
    return this.#links.size;
  }

  /** Takes new connections. */
  async accept(): Promise<void> {
    if (this.#server) return;
    const server = createServer({ allowHalfOpen: true }, (client) => this.#connect(client));
    this.#server = server;
    server.listen({ host: HOST, port: this.port, exclusive: true });
    await once(server, 'listening');
    server.unref();
  }

  /** From now on nobody listens here; what is connected stays. */
  refuse(): void {
    const server = this.#server;
    this.#server = undefined;
    // It would call back only when the last connection has ended, but stops listening at once.
    server?.close();
  }

  /** Resets all connections, at both sides. */
  cut(): void {
    for (const link of this.#links) link.cut();
  }

  /** What comes from now on goes on so many ms later, in its order. */
  delay(ms: number, way?: Way): void {
    for (const each of waysOf(way)) this.#weather.delays[each] = ms;
  }

  /** Connections are taken, and nothing goes that way; without a way, neither. */
  blackhole(way?: Way): void {
    for (const each of waysOf(way)) this.#weather.held[each] = true;
  }

  /** Resets that side of all connections. The other is not told: its connection stays open, and nobody is there. */
  halfOpen(gone: Side): void {
    for (const link of this.#links) link.lose(gone);
  }

  /** Is asked about all data before it goes on; replaces the one before. */
  onData(hook: Hook | undefined): void {
    this.#weather.hook = hook;
  }

  /**
   * Lets the next request through and loses its answer, once: swallows it and cuts the connection. Resolves then. A
   * request is data up, an answer data down after that on the same connection; the functions tell which ones, by
   * default any.
   */
  loseReply({ request, reply, gone }: LostReply = {}): Promise<void> {
    return new Promise((resolve) => {
      let asked: number | undefined;
      this.onData(({ way, bytes, connection }) => {
        if (way === 'up') {
          if (request?.(bytes) ?? true) asked ??= connection;
          return 'pass';
        }
        if (connection !== asked) return 'pass';
        if (!(reply?.(bytes) ?? true)) return 'drop';
        this.onData(undefined);
        resolve();
        return gone === 'client' ? 'lose client' : 'cut';
      });
    });
  }

  /** Everything is as at the start. What was held goes on; a connection with one side only ends. */
  async heal(): Promise<void> {
    this.delay(0);
    this.onData(undefined);
    for (const way of waysOf()) this.#weather.held[way] = false;
    for (const link of this.#links) link.heal();
    await this.accept();
  }

  async close(): Promise<void> {
    this.refuse();
    this.cut();
    this.#claim.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #connect(client: Socket): void {
    const link = new Link(++this.#count, client, this.#target, this.#weather);
    this.#links.add(link);
    void link.ended.then(() => this.#links.delete(link));
  }
}

const waysOf = (way?: Way): readonly Way[] => (way ? [way] : ['up', 'down']);

export async function startProxy(target: Target): Promise<Proxy> {
  assert.notEqual(target.port, 0);
  const proxy = new Proxy(target, await claimPort());
  await proxy.accept();
  return proxy;
}
