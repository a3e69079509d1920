/** Who holds what and who waits for it: a look at the names in use, which takes nothing and changes nothing. */
import { existsSync, readdirSync } from 'node:fs';
import { loadAddon } from './addon.js';
import { askStore } from './ask-store.js';
import type { Backend } from './backend.js';
import { storeFor } from './connect.js';
import { KernelFile } from './files/kernel-file.js';
import { Hold } from './hold.js';
import { checkName, readPlan } from './lock-options.js';
import type { LockCallOptions, Plan } from './lock-options.js';
import { keyOf, ofKey } from './named.js';
import { checkKeys } from './options.js';
import { alone, locks, semaphores } from './registry.js';
import type { LockQueue, SemaphoreQueue } from './registry.js';
import { partyOf } from './request.js';
import { folderAt, ProcessTier } from './tiers/process.js';
import { openSlot } from './words/names.js';
import { presence } from './words/presence.js';
import type { Present } from './words/presence.js';
import { READ } from './words/readers.js';
import { threadId } from './words/thread.js';

/**
 * Somebody who has to do with a name.
 *
 * @example
 * import { inspect, lock } from 'tierlock';
 * import type { Participant } from 'tierlock';
 *
 * await using guard = await lock('orders');
 * const [found] = await inspect('orders');
 * const holders: readonly Participant[] = found?.holders ?? [];
 * console.log(holders[0]?.pid === process.pid, holders[0]?.token === guard.token); // true true
 */
export interface Participant {
  readonly tier: 'thread' | 'process' | 'distributed';
  /** Of a holder in a store; undefined where it is this host, or nobody knows. */
  readonly host?: string | undefined;
  /** Undefined if nobody knows: somebody who does not use this package has locked the file. */
  readonly pid: number | undefined;
  /** The kernel's number of the thread; the main thread has that of its process. Undefined if nobody knows. */
  readonly thread: number | undefined;
  /** What is held, or waited for; how many permits of a semaphore. Undefined if nobody knows. */
  readonly mode: 'exclusive' | 'shared' | number | undefined;
  /** Where it is recorded: of a file, of those who wait, and of a holder in a thread that watches (docs/sight.md). */
  readonly since: Date | undefined;
  /**
   * Of a holder in this thread, or in another one that watches, of a file, or in a store: there it is the store's own, without
   * the ten lowest bits.
   */
  readonly token: bigint | undefined;
}

/**
 * What is known of a name.
 *
 * @example
 * import { inspect, lock } from 'tierlock';
 * import type { Inspection } from 'tierlock';
 *
 * await using guard = await lock('orders');
 * const found: Inspection | undefined = (await inspect('orders'))[0];
 * console.log(found?.kind, found?.holders.length, found?.waiting); // lock 1 0
 */
export interface Inspection {
  readonly name: string;
  readonly kind: 'lock' | 'semaphore';
  readonly holders: readonly Participant[];
  /** One for each other thread in which anybody waits; their tasks are not counted from here. */
  readonly waiters: readonly Participant[];
  /** How many tasks of this thread wait. */
  readonly waiting: number;
  /**
   * How the one of this thread who has got past the others waits for the file: by a thread of the addon, or, where as many
   * wait as may (see `configure`) or it has only just begun to wait, by a try now and then. Undefined if none does.
   */
  readonly waitsBy: 'thread' | 'tries' | undefined;
}

/**
 * Who holds a name and who waits for it, in this process, and in others if they hold its file or its record in a store; or
 * all names that begin with `prefix` and are in use in this process, or have a holder in the lock folder, or in the store.
 * `options` says which folder and which store: see `lock`.
 *
 * @example
 * import { inspect, lock } from 'tierlock';
 *
 * await using guard = await lock('orders');
 * const found = await inspect('orders');
 * console.log(found[0]?.holders[0]?.mode); // exclusive
 */
export async function inspect(name?: string, options: InspectOptions = {}): Promise<Inspection[]> {
  checkKeys(options, ['external', 'distributed', 'prefix', 'lockPath', 'via']);
  const plan = readPlan(options);
  const keys = new Set<string>();
  if (name === undefined) {
    for (const key of namesInUse()) if (ofKey(key).key.startsWith(plan.prefix)) keys.add(key);
  } else {
    checkName(name);
    for (const kind of kinds) keys.add(keyOf(kind, plan.prefix + name));
  }
  if (name === undefined && plan.external) for (const key of namesInFolder(plan)) keys.add(key);
  const store = plan.distributed && storeFor(plan.distributed, name ?? 'inspect');
  if (name === undefined && store !== undefined)
    for (const [kind, key] of await namesInStore(store, plan.prefix)) keys.add(keyOf(kind, key));
  const looks = [...keys].toSorted().map(async (key) => look(key, plan, await storeHoldersOf(store, key)));
  const found = await Promise.all(looks);
  return found.filter(({ holders, waiters, waiting }) => holders.length + waiters.length + waiting > 0);
}

/**
 * Which folder is looked at, if any.
 *
 * @example
 * import { inspect } from 'tierlock';
 * import type { InspectOptions } from 'tierlock';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 *
 * const options: InspectOptions = { external: true, lockPath: join(tmpdir(), 'tierlock-example') };
 * console.log((await inspect('nobody holds this', options)).length); // 0
 */
export type InspectOptions = Pick<
  LockCallOptions,
  'external' | 'distributed' | 'prefix' | 'lockPath' | 'via'
>;

const kinds = ['lock', 'semaphore'] as const;

/** By their kinds, like those of the block. */
function* namesInUse(): Generator<string> {
  if (alone()) {
    for (const { noun, key } of [...locks, ...semaphores]) yield keyOf(noun, key);
    return;
  }
  const addon = loadAddon();
  openSlot(keyOf('look', '')).close(); // there may be no block yet
  for (let slot = 0; ; slot++) {
    const key = addon.nameAt(slot);
    if (key === null) return;
    if (key !== undefined && kinds.some((kind) => kind === ofKey(key).kind)) yield key;
  }
}

function* namesInFolder(plan: Plan): Generator<string> {
  const folder = folderAt(plan);
  for (const file of readdirSync(folder.path)) {
    const named = folder.nameOf(file);
    if (named?.complete === true && named.key.startsWith(plan.prefix)) yield keyOf(named.kind, named.key);
  }
}

const none: Promise<string[]> = Promise.resolve([]);

/** The kinds and names that are held there. */
async function namesInStore(store: Backend, prefix: string): Promise<[string, string][]> {
  if (store.list === undefined) return [];
  const asked = kinds.map((kind) => askStore(store, prefix, store.list?.(`${kind}:${prefix}`) ?? none));
  const found = await Promise.all(asked);
  return found.flat().map((key) => {
    const at = key.indexOf(':');
    return [key.slice(0, at), key.slice(at + 1)];
  });
}

async function storeHoldersOf(store: Backend | undefined, key: string): Promise<Participant[]> {
  if (store?.inspect === undefined) return [];
  const { kind, key: name } = ofKey(key);
  const found = await askStore(store, name, store.inspect(`${kind}:${name}`));
  return found.map(({ id, token, shared, units }) => {
    const { host, pid, thread } = partyOf(id) ?? {};
    const mode = kind === 'semaphore' ? units : shared ? 'shared' : 'exclusive';
    return { tier: 'distributed', host, pid, thread, mode, since: undefined, token };
  });
}

function look(key: string, plan: Plan, inStore: readonly Participant[]): Inspection {
  const { kind: found, key: name } = ofKey(key);
  const kind = found as Inspection['kind'];
  const queue = kind === 'lock' ? locks.find(name) : semaphores.find(name);
  const own = ownHolds(name, kind);
  const present = alone() ? inThisThread(queue) : inThreads(key, kind);
  const holders = present.filter(({ holds }) => holds !== undefined).map((one) => holder(one, kind, own));
  const file = plan.external && kind === 'lock' ? new ProcessTier(name, plan) : undefined;
  if (file !== undefined) holders.push(...fileHolders(file));
  holders.push(...inStore);
  const waiters = present.filter(({ thread, waits }) => waits !== undefined && thread !== threadId);
  return {
    name,
    kind,
    holders,
    waiters: waiters.map((one) => waiter(one, kind)),
    waiting: queue?.length ?? 0,
    waitsBy: file?.queue.outer?.waitsBy,
  };
}

function inThreads(key: string, kind: string): Present[] {
  const slot = openSlot(key);
  try {
    return kind === 'lock' ? presence(slot.place, true, 0) : presence(slot.place, false, 1);
  } finally {
    slot.close();
  }
}

/** Where there are no words. */
function inThisThread(queue: LockQueue | SemaphoreQueue | undefined): Present[] {
  if (queue === undefined || queue.free === queue.capacity) return [];
  const all = queue.noun === 'lock' && queue.free === 0;
  const holds = all ? 'exclusive' : queue.capacity - queue.free;
  return [{ thread: threadId, holds, taken: undefined, waits: undefined, wants: 0 }];
}

function ownHolds(name: string, kind: string): Hold[] {
  return [...Hold.all()].filter((hold) => hold.name === name && hold.noun === kind && hold === hold.whole);
}

function holder({ thread, holds, taken }: Present, kind: string, own: readonly Hold[]): Participant {
  const mode = holds === 'exclusive' || kind === 'semaphore' ? (holds ?? 0) : 'shared';
  // Several of this thread are one participant, and have a token each.
  const mine = thread === threadId && own.length === 1 ? own[0] : undefined;
  const since = mine?.note === undefined ? taken?.since : new Date(mine.note.since);
  return { tier: 'thread', pid: process.pid, thread, mode, since, token: mine?.token ?? taken?.token };
}

function waiter({ thread, waits = 0, wants }: Present, kind: string): Participant {
  const since = new Date(Date.now() - waits);
  const mode = kind === 'semaphore' ? wants : wants === READ ? 'shared' : 'exclusive';
  return { tier: 'thread', pid: process.pid, thread, mode, since, token: undefined };
}

function fileHolders({ entry, queue }: ProcessTier): Participant[] {
  const found = entry.holders();
  if (found.length > 0)
    return found.map(({ pid, thread, mode, since, token }) => ({
      tier: 'process',
      pid,
      thread,
      mode,
      since,
      token,
    }));
  // Whoever does not use this package writes no records. Of flock nothing can be learnt without locking the file.
  const { outer } = queue;
  const asks = outer instanceof KernelFile && outer.kind === 'ofd' && queue.free === queue.capacity;
  if (!asks || !existsSync(entry.path)) return [];
  const pid = outer.holder();
  if (pid === 0) return [];
  const unknown = { thread: undefined, mode: undefined, since: undefined, token: undefined };
  return [{ tier: 'process', pid: pid > 0 ? pid : undefined, ...unknown }];
}
