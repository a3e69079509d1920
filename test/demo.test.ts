import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demo } from '../src/cli/demo.js';

test('the demo finds mismatches without a lock and none with one, and says so', async () => {
  const lines: string[] = [];
  const [without, withLock] = await demo((line) => lines.push(line), 300);
  assert.ok(without && without.mismatches > 0, 'ten clients on one file must meet');
  assert.deepEqual([withLock?.requests, withLock?.mismatches], [300, 0]);
  assert.match(lines.join('\n'), /none +\d+ \(\d+\.\d %\)[^]*Mutex +0 \(0\.0 %\)/);
});
