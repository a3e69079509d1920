/** Which tiers above the thread's are asked for, as one. */
import type { Backend } from '../backend.js';
import { folderOf } from '../backends/file.js';
import { storeFor } from '../connect.js';
import { LockMisuseError } from '../errors.js';
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
  if (!external) return upper;
  const lower = new ProcessTier(name, asked);
  if (folderOf(store) === lower.folder.path) refuseTwice(name);
  return new Stack(lower, upper);
}

/** One file for both: who had the lower one would wait for himself at the upper one. */
function refuseTwice(name: string): never {
  const message =
    `'${name}' was asked for with external: true and in a store of files, which are in the same folder: that is one lock. ` +
    'Leave external out, or use another folder';
  throw new LockMisuseError(message, { lock: name });
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

/** Whether it was the store whose error that is, and not what lies below it. */
export function isOfStore(error: unknown, tier: Tier): boolean {
  return tier instanceof DistributedTier || (tier instanceof Stack && !tier.endedBelow(error));
}

/** What is left of it where the store cannot be reached. */
export function withoutStore(tier: Tier): Tier | undefined {
  return tier instanceof Stack ? (tier.lower as Tier) : undefined;
}
