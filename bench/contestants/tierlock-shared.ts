/**
 * Ourselves between threads. Every lock is made shared by its handle, which is read before anybody uses it: the
 * figures are never those of a lock that only one thread knows.
 */
import { Condition, Mutex, RWLock, Semaphore } from '../../src/index.js';
import type { LockHandle } from '../../src/index.js';
import { enter, tally } from './contestant.js';
import type { Access, SharedModule } from './shared.js';

function waiting(mutex: Mutex): Access {
  return {
    async loop(n) {
      for (let i = 0; i < n; i++) {
        const guard = await mutex.lock();
        tally.entered++;
        guard.release();
      }
    },
    async turns(n, section) {
      for (let i = 0; i < n; i++) {
        const guard = await mutex.lock();
        section();
        guard.release();
      }
    },
    async hold() {
      const guard = await mutex.lock();
      return () => void guard.release();
    },
  };
}

function blocking(mutex: Mutex): Access {
  const turns = (n: number, section: () => void): void => {
    for (let i = 0; i < n; i++) {
      const guard = mutex.lockSync();
      section();
      guard.release();
    }
  };
  return {
    loop(n) {
      for (let i = 0; i < n; i++) {
        const guard = mutex.lockSync();
        tally.entered++;
        guard.release();
      }
    },
    turns,
    // A mutex in the place of a lock with two modes.
    reads: turns,
    writes: turns,
    hold() {
      const guard = mutex.lockSync();
      return () => void guard.release();
    },
  };
}

function reading(lock: RWLock): Access {
  return {
    loop(n) {
      for (let i = 0; i < n; i++) {
        const guard = lock.readSync();
        tally.entered++;
        guard.release();
      }
    },
    reads(n, section) {
      for (let i = 0; i < n; i++) {
        const guard = lock.readSync();
        section();
        guard.release();
      }
    },
    writes(n, section) {
      for (let i = 0; i < n; i++) {
        const guard = lock.writeSync();
        section();
        guard.release();
      }
    },
  };
}

function permits(semaphore: Semaphore): Access {
  return {
    loop(n) {
      for (let i = 0; i < n; i++) {
        const guard = semaphore.acquireSync();
        tally.entered++;
        guard.release();
      }
    },
    turns(n, section) {
      for (let i = 0; i < n; i++) {
        const guard = semaphore.acquireSync();
        section();
        guard.release();
      }
    },
  };
}

export const contestants: SharedModule['contestants'] = {
  tierlock: { make: () => new Mutex().handle, open: (handle: LockHandle) => blocking(Mutex.from(handle)) },
  'tierlock: fair': {
    make: () => new Mutex({ fair: true }).handle,
    open: (handle: LockHandle) => blocking(Mutex.from(handle)),
  },
  'tierlock: runSync': {
    make: () => new Mutex().handle,
    open(handle: LockHandle): Access {
      const mutex = Mutex.from(handle);
      return {
        loop(n) {
          for (let i = 0; i < n; i++) mutex.runSync(enter);
        },
      };
    },
  },
  'tierlock: await': {
    make: () => new Mutex().handle,
    open: (handle: LockHandle) => waiting(Mutex.from(handle)),
  },
  // Never leaves its thread, so it needs no handle.
  'tierlock: await, unshared': { make: () => undefined, open: () => waiting(new Mutex()) },

  'tierlock: RWLock': {
    make: () => new RWLock().handle,
    open: (handle: LockHandle) => reading(RWLock.from(handle)),
  },
  'tierlock: RWLock, readMostly': {
    make: () => new RWLock({ readMostly: true }).handle,
    open: (handle: LockHandle) => reading(RWLock.from(handle)),
  },
  'tierlock: RWLock, writeSync': {
    make: () => new RWLock().handle,
    open(handle: LockHandle): Access {
      const lock = RWLock.from(handle);
      return {
        loop(n) {
          for (let i = 0; i < n; i++) {
            const guard = lock.writeSync();
            tally.entered++;
            guard.release();
          }
        },
      };
    },
  },

  'tierlock: Semaphore': {
    make: () => new Semaphore(2).handle,
    open: (handle: LockHandle) => permits(Semaphore.from(handle)),
  },
  'tierlock: notify': {
    make: () => undefined,
    open(): Access {
      const condition = new Condition(new Mutex());
      // Read, so that others might wait for it.
      void condition.handle;
      return {
        loop(n) {
          for (let i = 0; i < n; i++) {
            condition.notify();
            tally.entered++;
          }
        },
      };
    },
  },
};
