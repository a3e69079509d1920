/** Every store's driver passes the conformance suite: one that has no row here fails. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { memory, keysIn } from '../src/backends/memory.js';
import { conformance } from '../src/conformance.js';

/** Which test file has the row of a driver. Its other parts are called `driver-part.ts`. */
const rows: Readonly<Record<string, string>> = {
  memory: 'conformance',
  file: 'conformance-file',
  redis: 'conformance-redis',
  etcd: 'conformance-etcd',
};

test('every driver in src/backends has its row, which runs the suite', () => {
  const files = readdirSync(fileURLToPath(new URL('../../src/backends/', import.meta.url)));
  const drivers = new Set(files.map((file) => file.replace(/(-.*)?\.ts$/, '')));
  assert.deepEqual([...drivers].toSorted(), Object.keys(rows).toSorted());
  for (const file of Object.values(rows)) {
    const source = readFileSync(fileURLToPath(new URL(`./${file}.test.js`, import.meta.url)), 'utf8');
    assert.match(source, /^ *conformance\(/m, file);
  }
});

conformance({
  test,
  name: 'memory',
  open: () => memory('conformance'),
  leftovers: () => keysIn('conformance'),
  wipe: async () => {
    for (const key of keysIn('conformance')) await memory('conformance').break?.(key);
  },
  ttl: 100,
});
