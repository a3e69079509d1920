/**
 * Who lives. A thread that joins a block takes one of its life slots, two words:
 *
 *   life word    0 never used | the thread's id | -id, being taken | DEAD
 *   generation   grows with every thread that takes the slot
 *
 * What the thread then holds or waits for is marked with its name: slot and generation in one number. A name lives
 * while its generation is the slot's and the life word has a thread's id. So one store into the life word, which the
 * addon makes on the dying thread itself, is all that a death takes; nothing that the thread held has to be found.
 * Whoever stumbles over a dead name afterwards sees that it is dead, and acts.
 *
 * The life word has the kernel's number of the thread and nothing else: DEAD is what the kernel's own robust list
 * makes of such a word, so that a file mapped by several processes can have its words marked by the kernel.
 *
 * States of a life word, and who may change them:
 *   0, DEAD -> -id   anybody who wants to join, by compareExchange
 *   -id -> id        the thread itself, after it has raised the generation and cleaned the slot's rows
 *   id -> DEAD       the addon at the thread's end; a waiter who has asked the system (`suspect`); `leave`
 *   id, -id -> -id'  somebody else who wants to join, when the system says that the thread has died
 */
import { JOINED } from './memory.js';
import type { Memory } from './memory.js';
import { GENERATION, SEAT_STATE } from './row.js';

export const DEAD = 0x40000000;

// A name in a lock's word: generation (22 bits), slot (8 bits), and two bits that are the lock's own flags.
const SLOT_SHIFT = 2;
const GENERATION_SHIFT = 10;
const GENERATIONS = 0x3fffff;
/** The bits of a word that make a name; none is set if nobody is named. */
export const NAME: number = ~3;

export function slotOf(name: number): number {
  return (name >>> SLOT_SHIFT) & 0xff;
}

export function generationOf(name: number): number {
  return name >>> GENERATION_SHIFT;
}

/** Whether the one who is named still lives, as far as the words tell. */
export function lives(memory: Memory, name: number): boolean {
  const at = memory.life + 2 * slotOf(name);
  const id = Atomics.load(memory.words, at);
  return id > 0 && id !== DEAD && Atomics.load(memory.words, at + 1) === generationOf(name);
}

/** Whether somebody has this life slot now. */
export function slotLives(memory: Memory, slot: number): boolean {
  const id = Atomics.load(memory.words, memory.life + 2 * slot);
  return id > 0 && id !== DEAD;
}

/** Whether what the row says is said by somebody who lives, and not by the last one in his life slot. */
export function rowLives(memory: Memory, slot: number, row: number): boolean {
  const generation = Atomics.load(memory.words, row + GENERATION);
  return slotLives(memory, slot) && Atomics.load(memory.words, memory.life + 2 * slot + 1) === generation;
}

/** The same, after asking the system, which is dear. A death found so is marked for all. */
export function suspect(memory: Memory, slot: number): boolean {
  const at = memory.life + 2 * slot;
  const id = Atomics.load(memory.words, at);
  if (id <= 0 || id === DEAD) return false;
  if (memory.threadIsAlive(id)) return true;
  Atomics.compareExchange(memory.words, at, id, DEAD);
  return false;
}

/** Takes a life slot for the thread with that id and returns its name there; undefined if all are taken. */
export function join(memory: Memory, id: number): number | undefined {
  const { words } = memory;
  const slot = claim(memory, id);
  if (slot === undefined) return undefined;
  const at = memory.life + 2 * slot;
  const generation = ((Atomics.load(words, at + 1) & GENERATIONS) % GENERATIONS) + 1;
  Atomics.store(words, at + 1, generation);
  // What the last one in this slot waited for must not look as if we did. What it held stays in the rows, marked
  // with its generation, until somebody gives it back.
  for (let lock = 0; lock < memory.layout.locks; lock++) {
    Atomics.store(words, memory.row(slot, lock) + SEAT_STATE, 0);
  }
  for (let high = memory.joined; high <= slot; high = memory.joined) {
    Atomics.compareExchange(words, JOINED, high, slot + 1);
  }
  Atomics.store(words, at, id);
  return (generation << GENERATION_SHIFT) | (slot << SLOT_SHIFT);
}

/** Gives the life slot back. Whatever is still held in the name is as good as held by a dead thread. */
export function leave(memory: Memory, name: number): void {
  Atomics.store(memory.words, memory.life + 2 * slotOf(name), DEAD);
}

// Slots that nobody has used come first: those of dead threads may still be named in words. Last come those of threads
// that have died without anybody having noticed.
function claim(memory: Memory, id: number): number | undefined {
  return (
    claimWhere(memory, id, (found) => found === 0) ??
    claimWhere(memory, id, (found) => found === DEAD) ??
    claimWhere(memory, id, (found) => !memory.threadIsAlive(Math.abs(found)))
  );
}

function claimWhere(memory: Memory, id: number, free: (found: number) => boolean): number | undefined {
  for (let slot = 0; slot < memory.layout.threads; slot++) {
    const at = memory.life + 2 * slot;
    const found = Atomics.load(memory.words, at);
    if (free(found) && Atomics.compareExchange(memory.words, at, found, -id) === found) return slot;
  }
  return undefined;
}
