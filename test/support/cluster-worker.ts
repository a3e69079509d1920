/** A worker of a cluster that does a job once a period, if it is the first (users-cluster.test.ts). */
import { tryLock } from '../../src/index.js';

export interface Order {
  readonly name: string;
  readonly lockPath: string;
  readonly minHold: number;
  /** Tries again after so many ms, until the end. Default: tries once. */
  readonly every?: number;
}

/** One try. The job was begun between two readings of the clock of the host; null if another one was first. */
export type Report = { readonly before: bigint; readonly after: bigint } | null;

async function tryJob({ name, lockPath, minHold }: Order): Promise<Report> {
  const before = process.hrtime.bigint();
  const guard = await tryLock(name, { external: true, lockPath, minHold });
  if (guard === null) return null;
  const after = process.hrtime.bigint();
  await guard.release();
  return { before, after };
}

process.on('message', (order: Order) => {
  const once = async (): Promise<void> => void process.send?.(await tryJob(order));
  void once();
  if (order.every !== undefined) setInterval(() => void once(), order.every);
});
process.send?.('ready');
