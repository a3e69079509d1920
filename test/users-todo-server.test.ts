/** The example with the decorator: compiled as its README says, run in two processes, and once more without its lock. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { newFolder } from './support/examples.js';
import { waitUntil } from '../src/testing/wait.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const example = join(root, 'examples', 'todo-server');
// Inside of the package, so that 'tierlock' is this package itself.
const compiled = join(root, 'dist', 'todo-server');
const decorator = / *@synchronized\(.*\n/;

/** Each with the lock that it has then. */
const variants: Record<string, (source: string) => string> = {
  right: (source) => source,
  none: (source) => source.replace(decorator, ''),
  thread: (source) => source.replace(decorator, "  @synchronized('todos')\n"),
};

before(() => {
  rmSync(compiled, { recursive: true, force: true });
  const source = readFileSync(join(example, 'server.mts'), 'utf8');
  for (const [name, change] of Object.entries(variants)) {
    const folder = join(compiled, name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'server.mts'), change(source));
    writeFileSync(join(folder, 'tsconfig.json'), readFileSync(join(example, 'tsconfig.json')));
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const ran = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
    assert.deepEqual([ran.status, ran.stdout, ran.stderr], [0, '', '']);
  }
});

/** Where it listens, in both of its processes. */
async function start(t: TestContext, variant: string): Promise<string> {
  const env = { PROCESSES: '2', PORT: '0', FILE: join(newFolder(t), 'todos'), TIERLOCK_PATH: newFolder(t) };
  const child = spawn(process.execPath, [join(compiled, variant, 'server.mjs')], {
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 60_000,
  });
  const ended = once(child, 'exit');
  t.after(async () => {
    child.kill();
    await ended;
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const listening = (): string[] => said.match(/listens on \d+$/gm) ?? [];
  await waitUntil(() => listening().length === 2, { what: 'both processes listen', timeoutMs: 30_000 });
  return `http://127.0.0.1:${listening()[0]?.split(' ').at(-1)}/todos?index=`;
}

/** How many answers were not what was sent, after so many requests, or as soon as `enough` were not. */
async function wrongAnswers(url: string, requests: number, enough: number): Promise<number> {
  let sent = 0;
  let wrong = 0;
  const more = (): boolean => sent < requests && wrong < enough;
  const client = async (): Promise<void> => {
    while (more()) {
      const body = `todo ${sent++}`;
      const response = await fetch(url + sent, { method: 'PUT', body });
      const text = await response.text();
      assert.equal(response.status, 200, text);
      if (text !== body) wrong++;
    }
  };
  await Promise.all(Array.from({ length: 10 }, client));
  return wrong;
}

test('every client of the example is answered with what it has sent', async (t) => {
  assert.equal(await wrongAnswers(await start(t, 'right'), 300, 1), 0);
});

for (const variant of ['none', 'thread']) {
  test(`it would not be so with another lock: ${variant}`, async (t) => {
    assert.ok((await wrongAnswers(await start(t, variant), 5000, 1)) > 0);
  });
}

test('what it does not know it does not answer', async (t) => {
  const url = await start(t, 'right');
  for (const [wrong, method] of [
    [`${url}x`, 'PUT'],
    [`${url}1`, 'POST'],
  ] as const) {
    const response = await fetch(wrong, { method });
    assert.equal(response.status, 503);
    assert.match(await response.text(), /only PUT \/todos\?index=N is known/);
  }
});
