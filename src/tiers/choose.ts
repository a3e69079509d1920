/** Which tiers above the thread's are asked for, as one. */
import type { Backend } from '../backend.js';
import { storeFor } from '../connect.js';
import { DistributedTier } from './distributed.js';
import type { StoreOptions } from './distributed.js';
import { ProcessTier } from './process.js';
import type { ProcessTierOptions } from './process.js';
import { Stack } from './stack.js';
import type { Tier } from './tier.js';

/** What is asked for. */
export interface Asked extends ProcessTierOptions, StoreOptions {
  readonly external: boolean;
  readonly distributed: true | Backend | undefined;
}

type Above = ProcessTier | DistributedTier | Stack<ProcessTier, DistributedTier>;

/** The tier for that name; `known` if that is one for the same. Undefined if none is asked for. */
export function tierFor(name: string, asked: Asked, known: object | undefined): Tier | undefined {
  const { external, distributed } = asked;
  if (distributed === undefined && !external) return undefined;
  const last = known as Above | undefined;
  if (distributed === undefined) {
    return last instanceof ProcessTier && last.suits(asked) ? last : new ProcessTier(name, asked);
  }
  const store = storeFor(distributed, name);
  if (last !== undefined && suits(last, asked, store)) return last;
  const upper = new DistributedTier(name, store, asked);
  return external ? new Stack(new ProcessTier(name, asked), upper) : upper;
}

function suits(tier: Above, asked: Asked, store: Backend): boolean {
  if (tier instanceof Stack) {
    return asked.external && tier.lower.suits(asked) && tier.upper.suits(store, asked);
  }
  return tier instanceof DistributedTier && !asked.external && tier.suits(store, asked);
}

/** Whether who holds that tier keeps out all whom such a call is to keep out. */
export function covers(tier: Tier | undefined, name: string, asked: Asked): boolean {
  const { external, distributed } = asked;
  const lower = tier instanceof Stack ? tier.lower : tier;
  const upper = tier instanceof Stack ? tier.upper : tier;
  if (external && !(lower instanceof ProcessTier && lower.suits(asked))) return false;
  if (distributed === undefined) return true;
  return upper instanceof DistributedTier && upper.backend === storeFor(distributed, name);
}

/** What is left of it where the store cannot be reached. */
export function withoutStore(tier: Tier): Tier | undefined {
  return tier instanceof Stack ? (tier.lower as Tier) : undefined;
}
