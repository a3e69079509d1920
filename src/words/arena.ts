/**
 * Where shared locks lie, and how another thread finds one: a handle is a block's SharedArrayBuffer and the number of
 * a slot in it. What comes in as a handle is not trusted before its words say the same.
 *
 * A thread joins a block when it first has to do with a lock in it, and leaves when nothing of its own refers to the
 * block any more. Views of one block are one `Block` in a thread, although every message that carries a
 * SharedArrayBuffer makes a new object of it: the block's random number tells.
 */
import { randomFillSync } from 'node:crypto';
import { types } from 'node:util';
import { Member } from './member.js';
import {
  ARENA,
  header,
  IDENTITY,
  LAYOUT_VERSION,
  LOCKS,
  MAGIC,
  MAGIC_VALUE,
  Memory,
  THREADS,
  USED,
  VERSION,
} from './memory.js';
import { CONFIG } from './seat.js';
import type { Place } from './seat.js';

/** The kinds of locks, as the words name them: 1, 2, ... */
const KINDS = ['mutex', 'rwlock', 'semaphore', 'condition'] as const;
export type Kind = (typeof KINDS)[number];

/**
 * Names a lock that is shared between the worker threads of a process: post it, or give it along in `workerData`, and
 * join the lock there with the `from` of its class.
 *
 * @example
 * import { Mutex } from 'tierlock';
 * import type { LockHandle } from 'tierlock';
 *
 * const mutex = new Mutex();
 * const handle: LockHandle = structuredClone(mutex.handle); // as a message to a worker does
 * const same = Mutex.from(handle);
 * using guard = same.tryLock();
 * console.log(mutex.locked); // true
 */
export interface LockHandle {
  /** What kind of lock it is. */
  readonly tierlock: string;
  readonly memory: SharedArrayBuffer;
  readonly slot: number;
}

// Words of a lock's slot that are written once, before anybody else sees the lock.
const KIND = 2;

/** A block as this thread sees it. */
export class Block {
  readonly memory: Memory;
  readonly buffer: SharedArrayBuffer;
  readonly #member: Member;
  /** What this thread has made of the locks in it: one object each. */
  readonly locks: Map<number, unknown> = new Map();

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.memory = new Memory(new Int32Array(buffer));
    this.#member = new Member(this.memory);
    goodbye.register(this, this.#member);
  }

  place(lock: number): Place {
    return { ...this.#member.place(lock), member: this };
  }
}

// Nothing of this thread refers to the block any more: it holds no lock in it and cannot take any.
const goodbye = new FinalizationRegistry<Member>((member) => member.leave());

const blocks = new Map<string, WeakRef<Block>>();
/** Where new locks of this thread go. */
let current: Block | undefined;

/** A new lock's place in memory that other threads can be told of. */
export function allocate(kind: Kind, config: number): { block: Block; lock: number; handle: LockHandle } {
  const block = roomy();
  const { memory, buffer } = block;
  const lock = Atomics.add(memory.words, USED, 1);
  const at = memory.slot(lock);
  Atomics.store(memory.words, at + CONFIG, config);
  Atomics.store(memory.words, at + KIND, KINDS.indexOf(kind) + 1);
  return { block, lock, handle: Object.freeze({ tierlock: kind, memory: buffer, slot: lock }) };
}

function roomy(): Block {
  if (current !== undefined && Atomics.load(current.memory.words, USED) < ARENA.locks) return current;
  const buffer = new SharedArrayBuffer(Memory.size(ARENA) * 4);
  const words = new Int32Array(buffer);
  words.set(header(ARENA));
  randomFillSync(words, IDENTITY, 4);
  return (current = known(buffer));
}

/** The lock that a handle names, if it is one of that kind. Throws for all that is not a handle of it. */
export function find(handle: unknown, kind: Kind): { block: Block; lock: number; config: number } {
  const { memory: buffer, slot } = checkHandle(handle, kind);
  const block = known(buffer);
  const { memory } = block;
  const at = memory.slot(slot);
  if (Atomics.load(memory.words, at + KIND) !== KINDS.indexOf(kind) + 1) {
    throw bad(
      kind,
      'the memory that it names has no such lock: it was overwritten, or the handle was made up',
    );
  }
  return { block, lock: slot, config: Atomics.load(memory.words, at + CONFIG) };
}

function checkHandle(handle: unknown, kind: Kind): LockHandle {
  if (typeof handle !== 'object' || handle === null)
    throw bad(kind, `it is ${handle === null ? 'null' : typeof handle}`);
  const { tierlock, memory, slot } = handle as Partial<LockHandle>;
  if (typeof tierlock !== 'string' || !KINDS.includes(tierlock as Kind))
    throw bad(kind, 'it is not a handle of any lock');
  if (tierlock !== kind) throw bad(kind, `it is the handle of a ${tierlock}`);
  if (!types.isSharedArrayBuffer(memory)) {
    throw bad(
      kind,
      'it has lost its memory. A handle can only be posted to worker threads of its own process (or given along in ' +
        "'workerData'); it cannot be written down or sent to another process",
    );
  }
  checkMemory(memory, kind);
  if (typeof slot !== 'number' || !Number.isInteger(slot) || slot < 0 || slot >= ARENA.locks) {
    throw bad(kind, `it names slot ${String(slot)}, and there are ${ARENA.locks}`);
  }
  return { tierlock, memory, slot };
}

function checkMemory(buffer: SharedArrayBuffer, kind: Kind): void {
  if (buffer.byteLength < 4 * 16) throw bad(kind, `its memory has only ${buffer.byteLength} bytes`);
  const words = new Int32Array(buffer, 0, 16);
  if (words[MAGIC] !== (MAGIC_VALUE | 0)) throw bad(kind, 'its memory was not made by this package');
  if (words[VERSION] !== LAYOUT_VERSION) {
    throw bad(
      kind,
      `its memory has layout ${words[VERSION]}, this copy of tierlock has layout ${LAYOUT_VERSION}: use one version ` +
        'of the package in all threads',
    );
  }
  if (
    words[LOCKS] !== ARENA.locks ||
    words[THREADS] !== ARENA.threads ||
    buffer.byteLength !== Memory.size(ARENA) * 4
  ) {
    throw bad(kind, 'its memory has a wrong size');
  }
}

function bad(kind: Kind, why: string): TypeError {
  return new TypeError(`'handle' must be the handle of a ${kind}: ${why}`);
}

function known(buffer: SharedArrayBuffer): Block {
  const identity = new Int32Array(buffer, IDENTITY * 4, 4).join();
  const block = blocks.get(identity)?.deref() ?? new Block(buffer);
  if (blocks.get(identity)?.deref() !== block) {
    for (const [key, reference] of blocks) if (reference.deref() === undefined) blocks.delete(key);
    blocks.set(identity, new WeakRef(block));
  }
  return block;
}
