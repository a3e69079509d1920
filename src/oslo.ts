/** `tierlock/oslo`: oslo_concurrency.lockutils, and the locks of fasteners, for programs that share files with those. */
export { FairLocks, InternalSemaphore, Semaphores } from './oslo/containers.js';
export { InterProcessLock, InterProcessReaderWriterLock } from './oslo/inter-process.js';
export type { AcquireOptions } from './oslo/inter-process.js';
export {
  AcquireLockFailedException,
  externalLock,
  internalFairLock,
  internalLock,
  lock,
  lockWithPrefix,
  removeExternalLockFile,
  removeExternalLockFileWithPrefix,
} from './oslo/lock.js';
export { getLockPath, setDefaults } from './oslo/lock-path.js';
export type { OsloLockOptions } from './oslo/options.js';
export { ReaderWriterLock } from './oslo/reader-writer.js';
export { synchronized, synchronizedWithPrefix } from './oslo/synchronized.js';
