/**
 * What `npm test` prints: a line for each file, and last, where nobody has to look for it, what failed
 * and the numbers. Node's own reporters print a line or four for each of thousands of tests, and bury a failure under them.
 */
import { relative } from 'node:path';
import { inspect } from 'node:util';

/** The part of the runner's events that is read here; Node 20 to 26 agree on it. */
interface Outcome {
  readonly name: string;
  readonly nesting: number;
  readonly file?: string;
  readonly line?: number;
  readonly skip?: boolean | string;
  readonly todo?: boolean | string;
  readonly details: { readonly duration_ms: number; readonly error?: Error & { failureType?: string } };
}
export type RunnerEvent =
  | { readonly type: 'test:pass' | 'test:fail'; readonly data: Outcome }
  | { readonly type: 'test:stdout' | 'test:stderr'; readonly data: { readonly message: string } }
  | {
      readonly type: 'test:diagnostic';
      readonly data: { readonly nesting: number; readonly message: string };
    };

const LINES_OF_A_FAILURE = 60;

/** The tests of one file, which come one after the other. */
interface Part {
  readonly file: string;
  passed: number;
  skipped: number;
  failed: number;
  ms: number;
}

const lineOf = ({ file, passed, skipped, failed, ms }: Part): string =>
  `${failed > 0 ? 'not ok' : 'ok'} - ${file}: ${passed} passed` +
  `${skipped > 0 ? `, ${skipped} skipped` : ''}${failed > 0 ? `, ${failed} FAILED` : ''} (${(ms / 1000).toFixed(1)} s)\n`;

/** The titles that lead to a test, its place, and the error as Node shows it, with its cause and stack. */
function failureOf(path: readonly string[], { file, line, details }: Outcome): string {
  const { error } = details;
  const lines = inspect(error?.cause ?? error, { depth: 4 }).split('\n');
  // Some errors carry all that a process printed; the other failures are to be seen as well.
  const shown = lines.slice(0, LINES_OF_A_FAILURE).join('\n    ');
  return `not ok - ${path.join(' > ')}\n    ${file ?? ''}:${line ?? ''} after ${details.duration_ms.toFixed(0)} ms\n    ${shown}\n`;
}

export default async function* reporter(events: AsyncIterable<RunnerEvent>): AsyncGenerator<string> {
  const failures: string[] = [];
  const numbers: string[] = [];
  let part: Part | undefined;
  /** Inner failures come before the test that they are in, which is where their titles begin. */
  let inner: { path: string[]; outcome: Outcome }[] = [];
  for await (const event of events) {
    if (event.type === 'test:stdout' || event.type === 'test:stderr') yield event.data.message;
    if (event.type === 'test:diagnostic' && event.data.nesting === 0) {
      numbers.push(`# ${event.data.message}\n`);
    }
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const outcome = event.data;
    const failed = event.type === 'test:fail' && outcome.todo === undefined;
    if (failed) {
      for (const one of inner) one.path.unshift(outcome.name);
      // "1 subtest failed" says nothing that the inner ones do not.
      if (outcome.details.error?.failureType !== 'subtestsFailed' || inner.length === 0) {
        inner.push({ path: [outcome.name], outcome });
      }
    }
    if (outcome.nesting > 0) continue;
    failures.push(...inner.map(({ path, outcome: one }) => failureOf(path, one)));
    yield* inner.map(({ path }) => `not ok - ${path.join(' > ')}\n`);
    inner = [];
    const file = relative(process.cwd(), outcome.file ?? outcome.name);
    if (part !== undefined && part.file !== file) yield lineOf(part);
    if (part?.file !== file) part = { file, passed: 0, skipped: 0, failed: 0, ms: 0 };
    part.ms += outcome.details.duration_ms;
    if (failed) part.failed++;
    else if (outcome.skip === undefined) part.passed++;
    else part.skipped++;
  }
  if (part !== undefined) yield lineOf(part);
  if (failures.length > 0) yield `\nWhat failed:\n\n${failures.join('\n')}\n`;
  yield* numbers;
}
