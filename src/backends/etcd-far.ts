/**
 * Who waits far behind hears of one record only, of the one that is so many places before his (`Place.scout`): whatever
 * etcd tells somebody costs it as much as a call, and a release that is told to fifty would cost fifty.
 *
 *     far      that record is there, as far as anyone here knows: nobody is told anything
 *     coming   it has gone, or nobody knows: the stream of the key is opened, again and again until it stands
 *     near     he has been told to look, and hears of what happens from now on like all others: see etcd-watch.ts
 *
 * That is right whenever he comes near, since he looks then. It is in time if those who are left before him take longer
 * than a stream to open; else he holds a little later than he could.
 */
import type { Watch } from '../backend.js';
import type { EtcdClient } from './etcd-client.js';
import { KeyStream } from './etcd-stream.js';
import type { Watcher } from './etcd-place.js';

interface FarEvents {
  /** Opens the one that hears of all. */
  near(): Promise<Watch>;
  closed(): void;
}

const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 2000;

export class FarWatch implements Watch {
  readonly #watcher: Watcher;
  readonly #scout: string;
  readonly #events: FarEvents;
  readonly #stream: KeyStream;
  #near: Watch | undefined;
  #isComing = false;
  #closed = false;
  #told = false;
  #wake: (() => void) | undefined;
  #leave: (() => void) | undefined;
  #pause: NodeJS.Timeout | undefined;

  constructor(
    watcher: Watcher,
    scout: string,
    client: EtcdClient,
    options: { readonly lock: string; readonly deadline: number },
    events: FarEvents,
  ) {
    this.#watcher = watcher;
    this.#scout = scout;
    this.#events = events;
    this.#stream = new KeyStream(client, { key: scout }, options, {
      deleted: () => this.come(),
      // That closes it.
      interrupted: () => this.come(),
      reopened: () => undefined,
      broken: () => false,
      ended: () => undefined,
    });
  }

  get id(): string {
    return this.#watcher.id;
  }

  /** Resolves when it tells if that one goes; or when he is not far any more, and will be told. */
  async open(): Promise<void> {
    // Whoever has asked twice closes the one that comes too late, and it may be told for the other one until then.
    const coming = new Promise<void>((resolve) => (this.#leave = resolve));
    try {
      await Promise.race([this.#stream.open(), coming]);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** He has looked, and has a place: maybe another one. */
  placed(): void {
    if (this.#watcher.place()?.waitsFor(this.#scout) !== true) this.come();
  }

  tell(): void {
    this.#told = true;
    this.#wake?.();
  }

  come(): void {
    if (this.#isComing) return;
    this.#isComing = true;
    this.#endFar();
    void this.#come();
  }

  async #come(): Promise<void> {
    for (let pause = FIRST_PAUSE; !this.#closed; pause = Math.min(LONGEST_PAUSE, 2 * pause)) {
      try {
        const near = await this.#events.near();
        if (this.#closed) return near.close();
        this.#near = near;
        return this.tell();
      } catch {
        if (this.#closed) return;
        // Who waits looks for himself now and then, and finds out why.
        await new Promise((resolve) => (this.#pause = setTimeout(resolve, pause * (0.5 + Math.random()))));
      }
    }
  }

  async changed(): Promise<void> {
    if (!this.#told && this.#near !== undefined) return this.#near.changed();
    if (!this.#told) {
      this.#stream.ref();
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#stream.unref();
    }
    this.#told = false;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#endFar();
    clearTimeout(this.#pause);
    this.#near?.close();
    this.#events.closed();
  }

  #endFar(): void {
    this.#leave?.();
    this.#stream.close();
  }
}
