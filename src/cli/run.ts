/**
 * `tierlock run`: a program that runs while a lock is held, as flock(1) does it. The program has nothing of the lock: it
 * is this process that holds it, and stays until the program has ended. So it passes on the signals that it is sent, and
 * if the lock is lost, it ends the program.
 */
import { LockTimeoutError } from '../errors.js';
import { UsageError } from './args.js';
import type { Args } from './args.js';
import { command } from './command.js';
import type { Command, Main } from './command.js';
import { codeOf, Exit } from './exits.js';
import type { Ended } from './exits.js';
import { complain } from './print.js';
import { Program } from './program.js';
import { Signals } from './signals.js';
import { takingOptions, Wish } from './taking.js';
import type { Taken } from './taking.js';

const GRACE_MS = 5000;

const spec: Command = {
  name: 'run',
  usage: '[options] NAME [--] PROGRAM [ARGUMENT...]\n       tierlock run [options] NAME -c COMMAND',
  about: `Takes the lock NAME, runs PROGRAM, and gives the lock back when that has ended.
PROGRAM finds LOCK_NAME and LOCK_TOKEN in its environment.`,
  operands: { least: 1, most: 1 },
  program: true,
  wants: 'the NAME of the lock',
  options: [
    ...takingOptions,
    {
      long: 'conflict-exit-code',
      short: 'E',
      value: 'N',
      text: 'the exit code if it is not had in time (default: 1)',
    },
    { long: 'command', short: 'c', value: 'COMMAND', text: 'run that line in $SHELL, or /bin/sh' },
    { long: 'kill-after', value: 'S', text: 'if the lock is lost: from SIGTERM to SIGKILL (default: 5)' },
    { long: 'close', short: 'o', text: 'nothing: a lock is never inherited (for those who are used to it)' },
    { long: 'verbose', text: 'say what happens, on standard error' },
  ],
  more: `Exit codes: that of PROGRAM, or 128 and the number of the signal that has ended it;
1 not had in time (see -E), 64 wrong usage, 69 PROGRAM could not be started,
74 the folder or the store cannot be used, 76 the lock was lost, 78 not possible here.`,
};

export const main: Main = command(spec, async (args) => {
  const program = programOf(args);
  const conflict = args.whole('conflict-exit-code', 255) ?? Exit.No;
  const grace = args.ms('kill-after') ?? GRACE_MS;
  const tell = args.has('verbose') ? (text: string) => complain('run', text) : () => undefined;
  const [name = ''] = args.operands;
  const wish = new Wish(name, args);
  const signals = new Signals();
  const began = performance.now();
  try {
    const taken = await wish.take(signals.over);
    tell(
      `got '${name}' after ${((performance.now() - began) / 1000).toFixed(3)} s, token ${taken.guard.token}`,
    );
    return await work(program, taken, signals, grace);
  } catch (error) {
    if (signals.end !== undefined) return signals.end;
    if (!(error instanceof LockTimeoutError)) throw error;
    tell(error.message);
    return conflict;
  } finally {
    await wish.close();
  }
});

function programOf(args: Args): readonly string[] {
  const line = args.text('command');
  if (line !== undefined) {
    if (args.program.length > 0)
      throw new UsageError('-c COMMAND and PROGRAM are two programs: say one of them');
    return [process.env['SHELL'] || '/bin/sh', '-c', line];
  }
  if (args.program.length === 0) throw new UsageError('PROGRAM is missing: what to run');
  return args.program;
}

/** Runs it under the lock, to the end of both. */
async function work(
  program: readonly string[],
  taken: Taken,
  signals: Signals,
  grace: number,
): Promise<Ended> {
  const { guard } = taken;
  let ended: Ended | undefined;
  try {
    if (signals.end === undefined) ended = await runUnder(program, taken, signals, grace);
    await taken.untilMayEnd(signals.over);
  } finally {
    if (!(await guard.release())) ended = lost(taken, ended);
  }
  return ended ?? signals.end ?? Exit.Bug;
}

function lost({ guard }: Taken, ended: Ended | undefined): Ended {
  if (!guard.signal.aborted)
    complain('run', `the lock '${guard.name}' was lost: its store had it no more at the end`);
  if (ended !== undefined) complain('run', `the program ended with ${ended}`);
  return Exit.Lost;
}

async function runUnder(
  line: readonly string[],
  { guard }: Taken,
  signals: Signals,
  grace: number,
): Promise<Ended> {
  let timer: NodeJS.Timeout | undefined;
  let stop: (() => void) | undefined;
  try {
    const program = new Program(line, {
      ...process.env,
      LOCK_NAME: guard.name,
      LOCK_TOKEN: String(guard.token),
    });
    signals.passTo(program);
    stop = () => {
      complain('run', `${(guard.signal.reason as Error).message}: ending the program`);
      program.tell('SIGTERM');
      // One that is stopped would not hear it.
      program.tell('SIGCONT');
      timer = setTimeout(() => program.tell('SIGKILL'), grace);
    };
    if (guard.signal.aborted) stop();
    else guard.signal.addEventListener('abort', stop, { once: true });
    const { code, signal } = await program.ended;
    if (signal === null) return code ?? Exit.Bug;
    // If it was ours as well, whoever has started us sees that it was meant so.
    return signals.heard(signal) ? signal : codeOf(signal);
  } catch (error) {
    complain('run', `'${line[0]}' could not be started: ${(error as Error).message}`);
    return Exit.NotStarted;
  } finally {
    signals.passTo(undefined);
    if (stop !== undefined) guard.signal.removeEventListener('abort', stop);
    clearTimeout(timer);
  }
}
