/**
 * The words of a lock that is found by its name. It is not made by anybody who could say whether it is fair, so whoever
 * uses it may ask for that: then it is, for all who use the name, until nobody does.
 */
import { RWLockWords } from './rwlock.js';
import { CONFIG } from './seat.js';
import type { Place } from './seat.js';

export class NamedRWLockWords extends RWLockWords {
  constructor(place: Place) {
    super(place, false);
  }

  override get fair(): boolean {
    return Atomics.load(this.words, this.at + CONFIG) === 1;
  }

  makeFair(): void {
    Atomics.store(this.words, this.at + CONFIG, 1);
  }
}
