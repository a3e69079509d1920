/**
 * The queues of this thread for the kernel's locks on files: one for each range of a file, whoever asks. So however many
 * tasks wait, the kernel sees one of them.
 */
import { Queue } from '../queue.js';
import { RWGuard } from '../rw-guard.js';
import { ALL, KernelFile } from './kernel-file.js';
import type { FileRange } from './kernel-file.js';

export type FileQueue = Queue<RWGuard, KernelFile>;

const queues = new Map<string, WeakRef<FileQueue>>();
const goodbye = new FinalizationRegistry<string>((key) => {
  if (queues.get(key)?.deref() === undefined) queues.delete(key);
});

/** The queue of this thread for that range. */
export function fileQueue(range: FileRange): FileQueue {
  const key = `${range.kind}:${range.start}:${range.length}:${range.path}`;
  const known = queues.get(key)?.deref();
  if (known !== undefined) return known;
  const queue: FileQueue = new Queue(`the file lock '${range.path}'`, ALL, RWGuard);
  queue.open(new KernelFile(range));
  queues.set(key, new WeakRef(queue));
  goodbye.register(queue, key);
  return queue;
}
