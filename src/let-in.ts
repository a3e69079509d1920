/** Who is let in again: whoever runs inside of a lock, or has its guard or its owner's name, and says so. */
import { configuration } from './config.js';
import { heldAround } from './context.js';
import { LockDeadlockError, LockMisuseError } from './errors.js';
import { Hold } from './hold.js';
import { holdOf } from './lock-guard.js';
import type { Plan } from './lock-options.js';
import { takenAt } from './refusals.js';
import { ALL, locks } from './registry.js';
import { covers } from './tiers/choose.js';

/** A part of what is held already; undefined if that is not what is asked for, or not how things are. */
export function letIn(key: string, plan: Plan): Hold | undefined {
  const { within, reentrant, shared, owner } = plan;
  if (within === undefined && !reentrant && owner === undefined) return undefined;
  let whole: Hold | undefined;
  if (within !== undefined) whole = shown(key, holdOf(within));
  else if (reentrant) whole = around(key);
  if (owner !== undefined) whole ??= owned(key, owner);
  if (whole === undefined) return undefined;
  if (!shared && whole.mode === 'shared') {
    const message =
      `the lock '${key}' is shared here${takenAt(whole.site)}, and was asked for alone: whoever shares it would wait for himself. Take it ` +
      'alone in the first place, or release it before';
    throw new LockDeadlockError(message, { lock: key });
  }
  const mayLack = whole.degraded && plan.onBackendDown === 'lower';
  if (!covers(whole.tier, key, mayLack ? { ...plan, distributed: undefined } : plan)) {
    const message =
      `the lock '${key}' is held here without { ${plan.external ? 'external' : 'distributed'}: true }, or in another ` +
      'folder or store: others are not kept out. Take it so in the first place';
    throw new LockMisuseError(message, { lock: key });
  }
  const hold = whole.again(shared ? 1 : ALL);
  if (plan.minHold > 0 || plan.maxHold < Infinity) hold.limit(plan.minHold, plan.maxHold);
  if (plan.minHold > 0) hold.keepFor(plan.minHold);
  return hold;
}

function around(key: string): Hold | undefined {
  if (configuration().deadlock === 'off') {
    throw new LockMisuseError(
      "'reentrant' needs to know who runs inside: not with configure({ deadlock: 'off' })",
      { lock: key },
    );
  }
  const queue = locks.find(key);
  return queue && (heldAround(queue) as Hold | undefined);
}

/** By somebody in this thread. */
function owned(key: string, owner: string): Hold | undefined {
  const queue = locks.find(key);
  for (const { whole } of Hold.all()) if (whole.source === queue && whole.owner === owner) return whole;
  return undefined;
}

function shown(key: string, hold: Hold): Hold {
  const { whole } = hold;
  hold.assertHeld();
  if (whole.source === locks.find(key)) return whole;
  throw new LockMisuseError(`'within' must be a guard of the lock '${key}', got one of ${whole.name}`, {
    lock: key,
  });
}
