/**
 * Where named locks lie, and how a thread finds one: the addon keeps a block of memory for the whole process, whichever
 * threads and copies of the package are in it, and gives each name a slot there, from its first use to its last. The
 * block grows by chunks, laid out as in memory.ts; a thread joins each of them once, and stays.
 *
 * A new name's slot is all zeroes, so zeroes must be a lock that nobody has used. The rows are not cleared. What a
 * slot's earlier name has left in them does no harm:
 * - Of the living: whoever closes the name holds nothing of it and does not wait for it. So its row is Idle and says
 *   that it holds nothing; and nobody is still about to change the row, because whoever works on a lock has its name
 *   open, and a slot gets a new name only when all have closed the old one.
 * - Of the dead: their life slots say so, and whoever takes over the life slot clears the seats in its rows. What a
 *   dead thread has held in a row is marked with its generation; see each lock.
 *
 * A name keeps its slot, although nobody uses it any more, if the lock's word is not 0: then somebody has died holding
 * it and nobody has been told yet. Whoever opens the name next finds the mark of the dead, as if he had waited for it.
 * So the word of a lock that nobody holds must be 0 when nobody uses it.
 */
import { loadAddon } from '../addon.js';
import type { Addon } from '../addon.js';
import { MappedMemory } from './mapped.js';
import { header, Memory } from './memory.js';
import type { Layout } from './memory.js';
import type { Place } from './seat.js';

// About a megabyte a chunk, of which a thread touches one page: its rows.
const CHUNK: Layout = { locks: 64, threads: 256, stride: 16 };

/** The words of the first chunk's header that count the grants of the whole process, 64 bits. */
const GRANTS = 12;

// So many slots are known for good to a thread that has used them. To make them again takes as long as to lock.
const KNOWN = 1024;

let block: Addon | undefined;
const slots: NamedSlot[] = [];
let grants: BigInt64Array | undefined;
let alone = 0n;
const chunks: MappedMemory[] = [];

/** One use of a name by this thread. */
export class NamedSlot {
  readonly place: Place;
  readonly number: number;

  constructor(place: Place, number: number) {
    this.place = place;
    this.number = number;
  }

  /** Once, and only when this thread neither holds anything of it nor waits. */
  close(): void {
    block?.closeName(this.number, true);
  }
}

/** A number greater than any that a thread of this process was given before. Only while a name is open. */
export function nextGrant(): bigint {
  // Nobody has found a name in the block: there is none, and this thread is alone.
  if (block === undefined) return ++alone;
  return Atomics.add((grants ??= openGrants()), 0, 1n) + 1n;
}

function openGrants(): BigInt64Array {
  return new BigInt64Array((block ??= openBlock()).chunk(0), GRANTS * 4, 1);
}

/** The slot of that name, the same for everybody in this process until all have closed it. */
export function openSlot(key: string): NamedSlot {
  const addon = (block ??= openBlock());
  const number = addon.openName(key);
  return slots[number] ?? newSlot(addon, number);
}

function newSlot(addon: Addon, number: number): NamedSlot {
  const n = Math.floor(number / CHUNK.locks);
  try {
    const memory = (chunks[n] ??= new MappedMemory(addon, new Int32Array(addon.chunk(n)), CHUNK));
    const slot = new NamedSlot(memory.member.place(number % CHUNK.locks), number);
    if (number < KNOWN) slots[number] = slot;
    return slot;
  } catch (error) {
    addon.closeName(number);
    throw error;
  }
}

function openBlock(): Addon {
  const addon = loadAddon();
  const { locks, stride } = CHUNK;
  const firstSlot = new Memory(new Int32Array(0), CHUNK).slot(0);
  addon.openBlock(locks, stride * 4, firstSlot * 4, Memory.size(CHUNK) * 4, header(CHUNK));
  return addon;
}
