/** A question that is answered with yes or no at the terminal. */
import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { UsageError } from './args.js';

/** Whether the answer is yes. Where there is nobody to ask, the caller must have said so before. */
export async function agreed(question: string): Promise<boolean> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY)
    throw new UsageError('there is no terminal to ask at: say --yes to do it without being asked');
  const asking = createInterface({ input: stdin, output: stderr });
  try {
    // ^C and ^D close it, which may leave the question open.
    const closed = once(asking, 'close').then(() => '');
    const answer = await Promise.race([asking.question(`${question} [y/N] `).catch(() => ''), closed]);
    return /^y(?:es)?$/i.test(answer.trim());
  } finally {
    asking.close();
  }
}
