/** Ourselves by name: `lock(name)` as users write it, in a thread, and up to a file. */
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configure, FileLock, lock, synchronized } from '../../src/index.js';
import { type Contestants, enter, tally } from './contestant.js';

const lockPath = mkdtempSync(join(tmpdir(), 'tierlock-bench-'));
process.on('exit', () => rmSync(lockPath, { recursive: true, force: true }));
configure({ lockPath });

const soon = Promise.resolve();
const external = Object.freeze({ external: true });
const file = new FileLock(join(lockPath, 'file'));

async function loop(n: number): Promise<void> {
  for (let i = 0; i < n; i++) {
    const guard = await lock('name');
    tally.entered++;
    void guard.release();
  }
}

function ignore(): void {}

const tracing = tracingChannel('tierlock:acquire');
let listens = false;

/** From now on somebody listens to every grant and every release: each contestant has a process of its own. */
function listen(): void {
  if (listens) return;
  listens = true;
  tracing.asyncEnd.subscribe(ignore);
  subscribe('tierlock:release', ignore);
}

let heard = false;
/** Somebody has listened, and does not any more. */
async function hearOnce(): Promise<void> {
  if (heard) return;
  heard = true;
  listen();
  await (await lock('name')).release();
  tracing.asyncEnd.unsubscribe(ignore);
  unsubscribe('tierlock:release', ignore);
}

/** Inside of a lock, so that there is a context on both sides of a comparison. */
function inContext(loopInside: (n: number) => Promise<void>): (n: number) => Promise<void> {
  return (n) => lock('context', () => loopInside(n));
}

async function section(): Promise<void> {
  enter();
}

class Service {
  @synchronized('name')
  async section(): Promise<void> {
    enter();
  }
}

const service = new Service();

/** `n` sections by so many tasks, each of which waits once inside. */
function crowd(tasks: number, options?: { external: true }): (n: number) => Promise<void> {
  return async (n) => {
    let left = n;
    const task = async (): Promise<void> => {
      while (left-- > 0) {
        const guard = await lock('name', options);
        tally.entered++;
        await soon;
        void guard.release();
      }
    };
    await Promise.all(Array.from({ length: tasks }, task));
  };
}

export const contestants: Contestants = {
  'lock(name)': { loop },
  'lock(name): listened to': {
    loop(n) {
      listen();
      return loop(n);
    },
  },
  'lock(name): nobody listens any more': {
    async loop(n) {
      await hearOnce();
      await loop(n);
    },
  },
  'lock(name): by hand, in a context': {
    loop: inContext(async (n) => {
      for (let i = 0; i < n; i++) {
        const guard = await lock('name');
        try {
          await section();
        } finally {
          await guard.release();
        }
      }
    }),
  },
  'lock(name): with fn, in a context': {
    loop: inContext(async (n) => {
      for (let i = 0; i < n; i++) await lock('name', section);
    }),
  },
  'lock(name): synchronized, in a context': {
    loop: inContext(async (n) => {
      for (let i = 0; i < n; i++) await service.section();
    }),
  },
  'lock(name): external': {
    async loop(n) {
      for (let i = 0; i < n; i++) {
        const guard = await lock('name', external);
        tally.entered++;
        void guard.release();
      }
    },
  },
  'lock(name): and a FileLock': {
    async loop(n) {
      for (let i = 0; i < n; i++) {
        const outer = await lock('name');
        const guard = await file.lock();
        tally.entered++;
        guard.release();
        void outer.release();
      }
    },
  },
  'lock(name): 50 tasks': { loop: crowd(50) },
  'lock(name): 50 tasks, external': { loop: crowd(50, { external: true }) },
};
