/** Watches, or spoils, the system calls of another process, by strace (which must be there, and be allowed to). */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** Why it cannot be used here, or false. */
export function noStrace(): string | false {
  const { status } = spawnSync('strace', ['-qq', '-e', 'trace=none', 'true']);
  return status === 0 ? false : 'there is no strace here, or it may not trace';
}

export interface Trace extends AsyncDisposable {
  /** What it has seen so far. */
  lines(): string[];
  /** Lets the process go on alone. */
  stop(): Promise<void>;
}

/** Attaches to all threads of the process. Resolves when none of their calls can escape any more. */
export async function trace(pid: number, ...options: readonly string[]): Promise<Trace> {
  const child = spawn('strace', ['-f', '-p', String(pid), ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const gone = once(child, 'close');
  // "Process 4711 attached" is the last that it does before it lets them run.
  const attached = new Promise<void>((resolve, reject) => {
    child.stderr.on('data', () => output.includes('attached') && resolve());
    void gone.then(() => reject(new Error(`strace has ended: ${output}`)));
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await gone;
  };
  await attached;
  return { lines: () => output.split('\n').slice(0, -1), stop, [Symbol.asyncDispose]: stop };
}
