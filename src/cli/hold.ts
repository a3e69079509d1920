/**
 * `tierlock hold`: a lock for a script or a test, which talks to it by its standard input and output. A line is written
 * the moment something has happened; the end of the input is the wish to give the lock back.
 */
import { LockTimeoutError } from '../errors.js';
import type { Guard } from '../lock-guard.js';
import { command } from './command.js';
import type { Command, Main } from './command.js';
import { Exit, exitOf } from './exits.js';
import type { Ended } from './exits.js';
import { print, visible } from './print.js';
import { Signals } from './signals.js';
import { takingOptions, Wish } from './taking.js';
import type { Taken } from './taking.js';

const spec: Command = {
  name: 'hold',
  usage: '[options] NAME',
  about: `Takes the lock NAME and holds it until standard input ends. Prints a line for each thing that happens:
  ACQUIRED <token>   it is held
  RELEASED           it was given back, and was ours to the end
  TIMEOUT            it was not had in time
  LOST <reason>      it was lost while it was held
  ERROR <message>    anything else`,
  operands: { least: 1, most: 1 },
  wants: 'the NAME of the lock',
  options: takingOptions,
  more: `Exit codes: 0 released, 64 wrong usage, 75 not had in time, 76 lost,
74 the folder or the store cannot be used, 78 not possible here.`,
};

export const main: Main = command(spec, async (args) => {
  const [name = ''] = args.operands;
  const wish = new Wish(name, args);
  const signals = new Signals();
  try {
    const taken = await wish.take(signals.over);
    print(`ACQUIRED ${taken.guard.token}`);
    return await keep(taken, signals);
  } catch (error) {
    if (signals.end !== undefined) return signals.end;
    if (error instanceof LockTimeoutError) {
      print('TIMEOUT');
      return Exit.Timeout;
    }
    print(`ERROR ${oneLine(error)}`);
    return exitOf(error) ?? Exit.Bug;
  } finally {
    await wish.close();
  }
});

async function keep(taken: Taken, signals: Signals): Promise<Ended> {
  const { guard } = taken;
  await endOfInput(AbortSignal.any([guard.signal, signals.over]));
  await taken.untilMayEnd(signals.over);
  // At once, not when the store has answered.
  const told = guard.signal.aborted;
  if (told) print(`LOST ${reasonOf(guard)}`);
  if (await guard.release()) {
    print('RELEASED');
    return signals.end ?? Exit.Ok;
  }
  if (!told) print(`LOST ${reasonOf(guard)}`);
  return Exit.Lost;
}

/** Also if `over` aborts. */
async function endOfInput(over: AbortSignal): Promise<void> {
  const { stdin } = process;
  const ended = new Promise<void>((resolve) => {
    for (const event of ['end', 'close', 'error'] as const) stdin.once(event, () => resolve());
    if (over.aborted) resolve();
    else over.addEventListener('abort', () => resolve(), { once: true });
  });
  stdin.resume();
  await ended;
  stdin.destroy();
}

function reasonOf({ signal }: Guard): string {
  return signal.aborted ? oneLine(signal.reason) : 'when it was released, its store had it no more';
}

function oneLine(error: unknown): string {
  return visible(error instanceof Error ? error.message : String(error));
}
