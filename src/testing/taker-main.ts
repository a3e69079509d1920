/**
 * The inside of a taker: imports the module whose URL it was given, takes and releases by it as it is told.
 *
 * It must not outlive its parent, not even while its event loop is blocked by a synchronous lock. So a second thread
 * keeps an eye on the control line, a pipe that the parent holds: when the line closes, the process is killed. The
 * same line ends a `busy` that has no limit. Nothing is obeyed before that thread watches: what a taker does may keep it
 * from ever starting, by using up all files that the process may open, for example.
 */
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { START, toWire, type ToChild, type ToParent } from './taker-protocol.js';
import { turn } from './settled.js';

interface Held {
  release(): boolean | Promise<boolean>;
  readonly token?: bigint;
}

interface Strategy {
  take(request: unknown): Promise<Held | null>;
  readonly [name: string]: unknown;
}

const module = process.argv[2] ?? '';
const here = fileURLToPath(import.meta.url);

function watch(idle: Int32Array): void {
  const line = new Socket({ fd: 4 });
  line.on('data', () => {
    Atomics.store(idle, 0, 1);
    Atomics.notify(idle, 0);
  });
  line.on('error', () => undefined);
  line.on('close', () => process.kill(process.pid, 'SIGKILL'));
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
  parentPort?.postMessage('watches');
}

const tell = (message: ToParent): Promise<void> =>
  new Promise((resolve) => process.send?.(message, () => resolve()));

async function main(idle: Int32Array): Promise<void> {
  process.on('disconnect', () => process.exit());
  process.on('uncaughtExceptionMonitor', (error) => void tell({ kind: 'crash', error: toWire(error) }));

  const strategy: Strategy = await import(module);
  if (typeof strategy.take !== 'function') throw new TypeError(`${module} exports no function 'take'`);
  const held = new Map<number, Held>();

  const obey = async (command: ToChild): Promise<unknown> => {
    const { id, name } = command;
    switch (name) {
      case 'take': {
        const pending = strategy.take(command.request);
        void tell({ kind: 'began', id });
        const result = await pending;
        const at = process.hrtime.bigint();
        if (!result) return null;
        held.set(id, result);
        return { at, token: result.token };
      }
      case 'release': {
        const hold = held.get(command.take);
        if (!hold) throw new Error('this taker does not hold what it should release');
        return hold.release();
      }
      case 'run': {
        const run = strategy[command.function];
        if (typeof run !== 'function')
          throw new TypeError(`${module} exports no function '${command.function}'`);
        return run(...command.args);
      }
      case 'ping':
        // Whatever is ready goes first: tasks, the poll for I/O, and one job of the thread pool.
        await turn(2);
        await stat(here);
        await turn(2);
        break;
      case 'busy':
        Atomics.store(idle, 0, 0);
        await tell({ kind: 'began', id });
        Atomics.wait(idle, 0, 0, command.ms);
        break;
      case 'exit':
        process.exit(command.code);
        break;
      case 'throw':
        setImmediate(() => {
          throw new Error(command.message);
        });
        break;
    }
    return null;
  };
  process.on('message', (command: ToChild) => {
    const { id } = command;
    void obey(command).then(
      (value) => tell({ kind: 'done', id, value }),
      (error: unknown) => tell({ kind: 'failed', id, error: toWire(error) }),
    );
  });
  await tell({ kind: 'done', id: START, value: null });
}

if (isMainThread) {
  const idle = new Int32Array(new SharedArrayBuffer(4));
  const watcher = new Worker(new URL(import.meta.url), { workerData: idle });
  await once(watcher, 'message');
  watcher.unref();
  await main(idle);
} else {
  watch(workerData);
}
