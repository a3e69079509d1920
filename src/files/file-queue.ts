/**
 * The queues of this thread for locks on files: one for each lock, whoever asks. So however many tasks wait, those outside
 * see one of them.
 */
import type { Outer } from '../outer.js';
import { Queue } from '../queue.js';
import { RWGuard } from '../rw-guard.js';
import { ALL, KernelFile } from './kernel-file.js';
import type { FileRange } from './range-lock.js';
import { LeasedFile } from './lockfile.js';

/** For the kernel's lock on a range of a file. */
export type FileQueue = Queue<RWGuard, KernelFile>;
/** For a lock file. */
export type LeaseQueue = Queue<RWGuard, LeasedFile>;

class Known<O extends Outer> {
  readonly #queues = new Map<string, WeakRef<Queue<RWGuard, O>>>();
  readonly #goodbye = new FinalizationRegistry<string>((key) => {
    if (this.#queues.get(key)?.deref() === undefined) this.#queues.delete(key);
  });

  get(key: string, kind: string, outer: () => O): Queue<RWGuard, O> {
    const known = this.#queues.get(key)?.deref();
    if (known !== undefined) return known;
    const queue = new Queue<RWGuard, O>(kind, ALL, RWGuard);
    queue.open(outer());
    this.#queues.set(key, new WeakRef(queue));
    this.#goodbye.register(queue, key);
    return queue;
  }
}

const files = new Known<KernelFile>();
const leases = new Known<LeasedFile>();

/** The queue of this thread for that range. */
export function fileQueue(range: FileRange): FileQueue {
  const { kind, start, length, path } = range;
  const key = `${kind}:${start}:${length}:${path}`;
  return files.get(key, `the file lock '${path}'`, () => new KernelFile(range));
}

/** The queue of this thread for the lock file beside that path. */
export function leaseQueue(path: string): LeaseQueue {
  return leases.get(path, `the lock file of '${path}'`, () => new LeasedFile(path));
}
