/**
 * One connection through the proxy: two sockets, and between them a line of things to do for each way: to connect, to
 * pass on data, an end or a reset. Each thing waits until it is due and its way is open, and for those before it.
 * Nothing bounds the lines, so this is no place for large data.
 */
import { Socket } from 'node:net';

/** `up` is from the client to the server. */
export type Way = 'up' | 'down';
export type Side = 'client' | 'server';

export interface Data {
  readonly way: Way;
  readonly bytes: Buffer;
  /** The number of the connection, from 1, in the order in which they were taken. */
  readonly connection: number;
  /** The number of the request in its connection, from 1: data up after data down begins the next. */
  readonly turn: number;
}

/** Whatever is not `pass` drops the data; `lose` resets that side as well and does not tell the other. */
export type Verdict = 'pass' | 'drop' | 'cut' | 'lose client' | 'lose server';
export type Hook = (data: Data) => Verdict;

/** What is common to all connections of a proxy. */
export interface Weather {
  /** In ms. */
  readonly delays: Record<Way, number>;
  /** Nothing goes that way. */
  readonly held: Record<Way, boolean>;
  hook: Hook | undefined;
}

export class Link {
  /** Resolves when both sockets are closed. */
  readonly ended: Promise<unknown>;
  readonly #number: number;
  readonly #weather: Weather;
  readonly #sockets: Readonly<Record<Side, Socket>>;
  readonly #lines: Readonly<Record<Way, Line>>;
  #lost: Side | undefined;
  #turn = 0;
  #latest: Way = 'down';

  constructor(number: number, client: Socket, target: { host: string; port: number }, weather: Weather) {
    const server = new Socket({ allowHalfOpen: true });
    this.#number = number;
    this.#weather = weather;
    this.#sockets = { client, server };
    this.#lines = { up: new Line('up', weather), down: new Line('down', weather) };
    this.#lines.up.add(() => void server.connect(target));
    this.ended = Promise.all([this.#join('client', 'up', server), this.#join('server', 'down', client)]);
  }

  /** Resets both sides. */
  cut(): void {
    for (const line of Object.values(this.#lines)) line.clear();
    for (const socket of Object.values(this.#sockets)) reset(socket);
  }

  /** Resets that side. The other stays open, and what it says is not heard. */
  lose(side: Side): void {
    if (this.#lost !== undefined) return this.cut();
    this.#lost = side;
    for (const line of Object.values(this.#lines)) line.clear();
    reset(this.#sockets[side]);
  }

  /** The weather is good again: what was held goes on. Whoever is alone is told at last. */
  heal(): void {
    if (this.#lost !== undefined) this.cut();
    for (const line of Object.values(this.#lines)) line.go();
  }

  /** What comes from that side goes that way to the other. Resolves when the socket is closed. */
  #join(side: Side, way: Way, to: Socket): Promise<void> {
    const from = this.#sockets[side];
    const line = this.#lines[way];
    const add = (action: () => void): void => {
      if (this.#lost === undefined) line.add(action);
    };
    from.setNoDelay();
    from.on('data', (bytes: Buffer) => add(() => this.#pass(way, bytes, to)));
    from.once('end', () => {
      add(() => to.end());
      if (this.#lost !== undefined) from.destroy();
    });
    // Reset by its peer, or never connected.
    from.once('error', () => add(() => reset(to)));
    return new Promise((resolve) => from.once('close', () => resolve()));
  }

  #pass(way: Way, bytes: Buffer, to: Socket): void {
    if (way === 'up' && this.#latest === 'down') this.#turn++;
    this.#latest = way;
    const data = { way, bytes, connection: this.#number, turn: this.#turn };
    const verdict = this.#weather.hook?.(data) ?? 'pass';
    if (verdict === 'pass') to.write(bytes);
    else if (verdict === 'cut') this.cut();
    else if (verdict === 'lose client') this.lose('client');
    else if (verdict === 'lose server') this.lose('server');
  }
}

/** A socket that is just being shut down cannot be reset: Node leaves it open then, and never exits. */
export function reset(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}

/** Things to do, in their order, each when it is due and the way is open. */
class Line {
  readonly #way: Way;
  readonly #weather: Weather;
  #things: { readonly due: number; readonly action: () => void }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(way: Way, weather: Weather) {
    this.#way = way;
    this.#weather = weather;
  }

  add(action: () => void): void {
    this.#things.push({ due: performance.now() + this.#weather.delays[this.#way], action });
    this.go();
  }

  clear(): void {
    this.#things = [];
  }

  go(): void {
    clearTimeout(this.#timer);
    for (let [next] = this.#things; next && !this.#weather.held[this.#way]; [next] = this.#things) {
      const ms = next.due - performance.now();
      if (ms > 0) {
        this.#timer = setTimeout(() => this.go(), ms);
        return;
      }
      this.#things.shift();
      next.action();
    }
  }
}
