/** Where the program is that calls us: the first line of the stack that is neither ours nor Node's. */
import { fileURLToPath } from 'node:url';

/** Our calls may lie deep inside of each other, where decorators, prefixes and listeners meet. */
const DEPTH = 50;

// What is compiled, and, where Node is told to read source maps, what it was compiled from.
const here = new URL('./', import.meta.url);
const sources = new URL('../../src/', here);
const own = [here, sources].flatMap(({ href }) => [href, fileURLToPath(href)]);

/** Undefined if the program has nothing on the stack: it was called by a timer of ours, say. */
export function callSite(): string | undefined {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = DEPTH;
  const { stack = '' } = new Error('where');
  Error.stackTraceLimit = before;
  const line = stack.split('\n').find(isOfProgram);
  return line?.trim().replace(/^at (?:async )?/, '');
}

function isOfProgram(line: string): boolean {
  if (!/^\s*at /.test(line) || line.includes('node:') || line.includes('<anonymous>)')) return false;
  return !own.some((path) => line.includes(path));
}
