/** The public surface, on one screen. */
export { Condition } from './condition.js';
export type { ConditionHandle } from './condition.js';
export {
  LockBackendError,
  LockDeadlockError,
  LockError,
  LockLostError,
  LockMisuseError,
  LockTimeoutError,
  LockUnsupportedError,
} from './errors.js';
export type { LockErrorInit } from './errors.js';
export type { Backend, BackendRequest, Grant, StoreHolder, Supports, Watch } from './backend.js';
export { etcd } from './backends/etcd.js';
export type { EtcdOptions, EtcdTls } from './backends/etcd-options.js';
export { redis } from './backends/redis.js';
export type { RedisClient } from './backends/redis-clients.js';
export type { RedisOptions } from './backends/redis-options.js';
export { breakLock } from './break-lock.js';
export type { BreakOptions } from './break-lock.js';
export { connect } from './connect.js';
export { configure } from './config.js';
export type { Configuration } from './config.js';
export { detach } from './context.js';
export { Fence } from './fence.js';
export type { FenceOptions } from './fence.js';
export { fencedHttp } from './fenced-http.js';
export type { FencedHttpOptions } from './fenced-http.js';
export { RedisFence } from './fenced-redis.js';
export type { FencedScript, RedisFenceOptions } from './fenced-redis.js';
export { FileLock } from './files/file-lock.js';
export type { SyncGuard } from './guard.js';
export { Hold } from './hold.js';
export { inspect } from './inspect.js';
export type { Inspection, InspectOptions, Participant } from './inspect.js';
export { FairLocks, Semaphores } from './live.js';
export { GuardGroup, lockAll } from './lock-all.js';
export { lock, lockSync, tryLock, tryLockSync } from './lock.js';
export { Guard } from './lock-guard.js';
export type { LockCallOptions } from './lock-options.js';
export { Mutex } from './mutex.js';
export { NamedSemaphore, semaphore } from './named-semaphore.js';
export type { SemaphoreOptions } from './named-semaphore.js';
export type { FileLockOptions, FileWaitOptions, LockOptions, RWLockOptions, WaitOptions } from './options.js';
export { withPrefix } from './prefixed.js';
export type { Prefixed } from './prefixed.js';
export { releaseAll } from './release-all.js';
export type { ReleaseAllOptions } from './release-all.js';
export type { RWGuard } from './rw-guard.js';
export { RWLock } from './rwlock.js';
export { Semaphore } from './semaphore.js';
export { synchronized } from './synchronized.js';
export type { Synchronized, SynchronizedSync } from './synchronized-types.js';
export { Times, watchTimes } from './times.js';
export type { NameTimes, WatchTimesOptions } from './times.js';
export type { Acquisition, Loss, Recovery, Release, TierName, Told } from './trace.js';
export type { LockHandle } from './words/arena.js';
