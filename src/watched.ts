/**
 * The grants of names, as those see them who watch: by the channels (trace.ts), or by `configure({ slowWait, debug })`. Then
 * what has the short ways of a lock that nobody watches goes the long way, and each grant leaves a note on its hold.
 *
 * Invariants
 * - Every call that asks for a name is told, with its end; nothing is told twice.
 * - A release is told if and only if its grant was noted: grants that came before anybody watched are not.
 */
import { callSite } from './call-site.js';
import { configuration, noted } from './config.js';
import type { Hold } from './hold.js';
import { locks } from './registry.js';
import { acquiring, releasing } from './trace.js';
import type { Acquisition, Note, TierName, Told } from './trace.js';
import { clearTaken, writeTaken } from './words/taken.js';

/** Which tiers are asked for. */
interface Tiers {
  readonly external: boolean;
  readonly distributed: unknown;
}

export function isWatched(): boolean {
  return noted || acquiring.hasSubscribers || releasing.hasSubscribers;
}

/** One who asks. */
export class Asking implements Acquisition {
  readonly name: string;
  readonly kind: Told['kind'];
  readonly mode: Told['mode'];
  tiers: readonly TierName[];
  nested = false;
  waited: number | undefined = undefined;
  token: bigint | undefined = undefined;
  error?: unknown;
  readonly #since = performance.now();
  readonly #site = configuration().debug === true ? callSite() : undefined;

  constructor(name: string, mode: Told['mode'], { external, distributed }: Tiers) {
    this.name = name;
    this.kind = typeof mode === 'number' ? 'semaphore' : 'lock';
    this.mode = mode;
    const tiers: TierName[] = ['thread'];
    if (external) tiers.push('process');
    if (distributed !== undefined) tiers.push('distributed');
    this.tiers = tiers;
  }

  /** Node puts the guard here, which is for whoever has asked. */
  set result(_: unknown) {}

  note(hold: Hold): void {
    if (hold.degraded) this.tiers = this.tiers.filter((tier) => tier !== 'distributed');
    this.nested = hold !== hold.whole;
    this.waited = performance.now() - this.#since;
    this.token = hold.token;
    if (!this.nested) hold.note = new Noted(hold, this.tiers, this.#site);
  }
}

class Noted implements Note {
  readonly since: number = Date.now();
  readonly granted: number = performance.now();
  readonly tiers: readonly TierName[];
  readonly site: string | undefined;
  /** The words that say it to other threads. */
  readonly #place: Parameters<typeof clearTaken>[0] | undefined;

  constructor(hold: Hold, tiers: readonly TierName[], site: string | undefined) {
    this.tiers = tiers;
    this.site = site;
    const alone = hold.noun === 'lock' && hold.mode === 'exclusive';
    this.#place = alone ? locks.find(hold.name)?.outer?.place : undefined;
    if (this.#place !== undefined) writeTaken(this.#place, this.since, hold.token);
  }

  end(): void {
    if (this.#place !== undefined) clearTaken(this.#place);
  }
}

/** Takes it, and tells of it. */
export function watch<H extends Hold | null>(asking: Asking, take: () => Promise<H>): Promise<H> {
  const takeAndNote = async (): Promise<H> => {
    const hold = await take();
    if (hold !== null) asking.note(hold);
    return hold;
  };
  return acquiring.tracePromise(takeAndNote, asking);
}

export function watchSync<H extends Hold | null>(asking: Asking, take: () => H): H {
  const takeAndNote = (): H => {
    const hold = take();
    if (hold !== null) asking.note(hold);
    return hold;
  };
  return acquiring.traceSync(takeAndNote, asking);
}
