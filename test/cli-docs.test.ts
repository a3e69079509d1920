/**
 * Every `sh` block of docs/cli.md is run by a shell, in the order of the page, with `tierlock` on its PATH; what it prints must
 * be what its comments say: those behind a command, and lines that are nothing but a comment.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { after, before, test } from 'node:test';
import { program } from './support/cli.js';
import { requireServer } from './support/servers/available.js';
import { startRedis } from './support/servers/redis.js';
import type { Server } from './support/servers/server.js';
import { temporary } from './support/temporary.js';

const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, code = '']) => code);
const redis = 'redis://localhost:6379';
const needsRedis = (code: string): boolean => code.includes(redis);
const missing = requireServer('redis');

const { newFolder } = temporary();
const bin = newFolder();
const folder = newFolder();
symlinkSync(program, join(bin, 'tierlock'));

let server: Server | undefined;
before(async () => {
  if (missing === false) server = await startRedis();
});
after(() => server?.close());

test('there are examples', () => {
  assert.ok(blocks.length >= 8);
  assert.equal(blocks.filter(needsRedis).length, 1);
});

for (const [i, code] of blocks.entries()) {
  test(`example ${i + 1} of the page prints what it says`, { skip: needsRedis(code) && missing }, () => {
    const expected = [...code.matchAll(/(?:^| )# (.*)$/gm)].map(([, text]) => text);
    const nothing = expected.filter((text) => text !== 'nothing is printed');
    const ran = spawnSync('sh', ['-c', code.replaceAll(redis, server?.url ?? redis)], {
      encoding: 'utf8',
      env: {
        ...process.env,
        NODE_TEST_CONTEXT: undefined,
        TIERLOCK_URL: undefined,
        TIERLOCK_PATH: folder,
        SHELL: '/bin/sh',
        PATH: [bin, process.env['PATH']].join(delimiter),
      },
      timeout: 120_000,
    });
    assert.equal(ran.stderr, '');
    assert.deepEqual(
      ran.stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.trimEnd())
        .filter(Boolean),
      nothing,
    );
  });
}

test('all commands and options of the program are on the page', () => {
  for (const name of ['run', 'hold', 'ls', 'show', 'break', 'clean', 'doctor']) {
    const { stdout } = spawnSync(program, [name, '--help'], { encoding: 'utf8' });
    assert.match(page, new RegExp(`^## .*\\b${name}\\b`, 'm'));
    const options = [...stdout.matchAll(/^ {2}.*?(--[a-z-]+)/gm)].map(([, option = '']) => option);
    assert.ok(options.length >= 2);
    for (const option of options) assert.ok(page.includes(option), `${name} ${option}`);
  }
});
