/**
 * The end of a hold (hold.ts): what was climbed to goes to the next task of this thread if that is to climb to the same (it
 * is its legacy, and taken up as soon as the task runs), or is given back, from the top down. What lies in a store takes a
 * while to give back; until then the name is not free here either.
 */
import type { HoldSource, Rare } from './hold-source.js';
import { Waiter } from './line.js';

const endings = new Set<Promise<boolean>>();

/** What of this thread is on its way down to a store. */
export async function comingDown(): Promise<void> {
  await Promise.all(endings);
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
  let ending: Promise<boolean> | void = undefined;
  try {
    ending = rare.climbed?.release(polite);
  } finally {
    if (ending === undefined) give();
  }
  if (ending === undefined) return;
  const end = ending.finally(() => {
    endings.delete(end);
    give();
  });
  rare.ending = end;
  endings.add(end);
}
