/** How it is told that a lock is held without the store that was asked for. It is never silent. */
import { channel } from 'node:diagnostics_channel';
import type { Hold } from './hold.js';

const told = channel('tierlock:degraded');

/** The hold goes on without the store. Subscribers of the channel `tierlock:degraded` are told, and so is the process. */
export function degrade(hold: Hold, cause: unknown): void {
  hold.degrade();
  const why = cause instanceof Error ? cause.message : String(cause);
  told.publish({ name: hold.name, cause });
  const message = `the ${hold.noun} '${hold.name}' is held without its store, so other hosts are not kept out: ${why}`;
  process.emitWarning(message, { type: 'LockWarning', code: 'TIERLOCK_DEGRADED' });
}
