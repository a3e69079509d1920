/**
 * The suite that every driver passes, with this one.
 *
 *     node --test http-store.test.mjs
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { conformance } from 'tierlock/conformance';
import { httpStore } from './http-store.mjs';

/** @type {import('node:child_process').ChildProcess} */
let server;
let port = 0;
/** What the suite looks into the store with. @type {import('tierlock').Backend} */
let look;

before(async () => {
  server = spawn(process.execPath, [fileURLToPath(new URL('server.mjs', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = await once(/** @type {import('node:stream').Readable} */ (server.stdout), 'data');
  port = Number(line);
  look = httpStore(port);
});
after(async () => {
  await look.close();
  server.kill('SIGKILL');
});

const keys = async () => (await look.list?.('')) ?? [];

conformance({
  test,
  name: 'http',
  open: () => httpStore(port),
  ttl: 500,
  // Real processes import the driver: some count, one is killed, one is stopped and wakes up late.
  get module() {
    return new URL(`http-store.mjs?port=${port}`, import.meta.url);
  },
  wipe: async () => {
    for (const key of await keys()) await look.break?.(key);
  },
  leftovers: keys,
  faults: {
    silence: async () => void server.kill('SIGSTOP'),
    heal: async () => void server.kill('SIGCONT'),
  },
});
