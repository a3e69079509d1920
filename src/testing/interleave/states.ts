/**
 * The states seen so far, each once, in the order in which they were found, with the state and the choice that led
 * to them. All of it lies in a few number arrays: this is the frontier of the search and its way back as well,
 * at some 40 bytes a state.
 */
export class States {
  count = 0;
  data: Int32Array;
  readonly #width: number;
  #parents: Int32Array;
  #choices: Int32Array;
  /** Open addressing: number of a state plus 1, or 0. */
  #table: Int32Array;

  constructor(width: number) {
    this.#width = width;
    const room = 1024;
    this.data = new Int32Array(room * width);
    this.#parents = new Int32Array(room);
    this.#choices = new Int32Array(room);
    this.#table = new Int32Array(room * 2);
  }

  /** Where a state begins in `data`. */
  offset(state: number): number {
    return state * this.#width;
  }

  /** Keeps the state unless it is known. */
  add(record: Int32Array, parent: number, choice: number): void {
    let slot = hash(record, 0, this.#width) & (this.#table.length - 1);
    for (let known = this.#table[slot] ?? 0; known !== 0; known = this.#table[slot] ?? 0) {
      if (this.#equal(known - 1, record)) return;
      slot = (slot + 1) & (this.#table.length - 1);
    }
    if (this.count === this.#parents.length) this.#grow();
    this.data.set(record, this.offset(this.count));
    this.#parents[this.count] = parent;
    this.#choices[this.count] = choice;
    this.#link(this.count++);
  }

  /** The choices from the first state to this one. */
  path(state: number): number[] {
    const path: number[] = [];
    for (let at = state; at > 0; at = this.#parents[at] ?? 0) path.push(this.#choices[at] ?? 0);
    return path.toReversed();
  }

  #equal(state: number, record: Int32Array): boolean {
    const { data } = this;
    const from = this.offset(state);
    for (let i = 0; i < record.length; i++) if (data[from + i] !== record[i]) return false;
    return true;
  }

  #link(state: number): void {
    const mask = this.#table.length - 1;
    let slot = hash(this.data, this.offset(state), this.#width) & mask;
    while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
    this.#table[slot] = state + 1;
  }

  #grow(): void {
    const room = this.count * 2;
    this.data = copy(this.data, room * this.#width);
    this.#parents = copy(this.#parents, room);
    this.#choices = copy(this.#choices, room);
    this.#table = new Int32Array(room * 2);
    for (let state = 0; state < this.count; state++) this.#link(state);
  }
}

function copy(from: Int32Array, length: number): Int32Array {
  const to = new Int32Array(length);
  to.set(from);
  return to;
}

function hash(numbers: Int32Array, from: number, length: number): number {
  let h = 0x811c9dc5;
  for (let i = from; i < from + length; i++) {
    h = Math.imul(h ^ (numbers[i] ?? 0), 0x9e3779b1);
    h ^= h >>> 15;
  }
  return h >>> 0;
}
