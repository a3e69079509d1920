/**
 * Counts marked places above a given one in O(log n): a Fenwick tree that grows with its highest place. The history
 * checker asks it how many later requests have already been granted.
 */
export class Ranks {
  #tree: Int32Array = new Int32Array(1024);
  #marked = 0;

  add(place: number): void {
    if (place + 1 >= this.#tree.length) this.#grow(place + 2);
    this.#marked++;
    this.#mark(place, 1);
  }

  /** How many marked places are greater than `place`. */
  above(place: number): number {
    let upTo = 0;
    for (let i = Math.min(place + 1, this.#tree.length - 1); i > 0; i -= i & -i) upTo += this.#tree[i] ?? 0;
    return this.#marked - upTo;
  }

  #mark(place: number, by: number): void {
    const tree = this.#tree;
    for (let i = place + 1; i < tree.length; i += i & -i) tree[i] = (tree[i] ?? 0) + by;
  }

  /** In a tree of twice the size only the new node of the middle covers old places: it holds all of them. */
  #grow(least: number): void {
    let size = this.#tree.length;
    while (size < least) size *= 2;
    const old = this.#tree;
    this.#tree = new Int32Array(size);
    this.#tree.set(old);
    for (let i = old.length; i < size; i *= 2) this.#tree[i] = this.#marked;
  }
}
