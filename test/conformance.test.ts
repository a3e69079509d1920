/** Every store's driver passes the conformance suite: one that has no row here fails. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { file } from '../src/backends/file.js';
import { keysIn, memory } from '../src/backends/memory.js';
import { conformance } from '../src/conformance.js';
import type { ConformanceOptions } from '../src/conformance.js';
import { temporary } from './support/temporary.js';

const { top } = temporary();

/** By the file in src/backends. */
const rows: Record<string, () => Omit<ConformanceOptions, 'test' | 'name'>> = {
  memory: () => ({
    open: () => memory('conformance'),
    leftovers: () => keysIn('conformance'),
    wipe: async () => {
      for (const key of keysIn('conformance')) await memory('conformance').break?.(key);
    },
    ttl: 100,
  }),
  file: () => ({
    open: () => file(join(top, 'file')),
    leftovers: () => file(join(top, 'file')).list?.('') ?? [],
    module: new URL(`./support/file-store.js?folder=${join(top, 'file')}`, import.meta.url),
  }),
};

test('every file in src/backends is tested here', () => {
  const files = readdirSync(fileURLToPath(new URL('../../src/backends/', import.meta.url)));
  assert.deepEqual(files.map((name) => name.replace(/\.ts$/, '')).toSorted(), Object.keys(rows).toSorted());
});

for (const [name, row] of Object.entries(rows)) conformance({ test, name, ...row() });
