/**
 * The end of a hold (hold.ts): what was climbed to goes to the next task of this thread if that is to climb to the same (it
 * is its legacy, and taken up as soon as the task runs), or is given back, from the top down. What lies in a store takes a
 * while to give back; until then the name is not free here either.
 */
import type { HoldSource, Rare } from './hold-source.js';
import { Waiter } from './line.js';

const ending = new Set<Rare>();

/** What of this thread is on its way down to a store. */
export async function comingDown(): Promise<void> {
  await Promise.all(Array.from(ending, async (rare) => rare.ending));
}

export function comeDown<G>(rare: Rare, source: HoldSource<G>): void {
  const { climbed, heirs, bound, units } = rare;
  if (heirs === undefined || units < source.capacity) {
    giveBack(rare, false, () => source.give(units));
    return;
  }
  const heir = heirs.heir(units, bound);
  const suits = climbed !== undefined && heir instanceof Waiter && heir.tier === climbed.tier;
  if (suits && !heirs.fair && climbed.mayPass()) {
    heirs.legacy = climbed;
    heirs.passTo(heir, units);
    return;
  }
  giveBack(rare, suits, () => {
    // Where it has taken a while, he may have gone.
    if (heir === undefined || heirs.first !== heir) heirs.giveAway(units);
    else heirs.passTo(heir, units);
  });
}

/** Whatever happens above: those below must not wait for ever. */
function giveBack(rare: Rare, polite: boolean, give: () => void): void {
  let released: Promise<boolean> | void = undefined;
  try {
    released = rare.climbed?.release(polite);
  } finally {
    if (released === undefined) give();
  }
  if (released === undefined) return;
  ending.add(rare);
  rare.ending = endWith(rare, released, give);
}

async function endWith(rare: Rare, released: Promise<boolean>, give: () => void): Promise<boolean> {
  try {
    return await released;
  } finally {
    ending.delete(rare);
    give();
  }
}
