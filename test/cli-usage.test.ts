/** The command line itself: what is wrong with it is said in one line. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse, UsageError } from '../src/cli/args.js';
import type { Syntax } from '../src/cli/args.js';
import { cli } from './support/cli.js';

const syntax: Syntax = {
  operands: { least: 1, most: 1 },
  wants: 'the NAME',
  program: true,
  options: [
    { long: 'shared', short: 's', text: '' },
    { long: 'alone', short: 'xe', text: '' },
    { long: 'wait', short: 'w', value: 'S', text: '' },
    { long: 'help', short: 'h', text: '' },
  ],
};

test('options may stand before and behind the name, in all usual ways', () => {
  for (const line of [
    ['-s', '-w', '5', 'name', 'prog', '-s'],
    ['-sw5', 'name', 'prog', '-s'],
    ['name', '--shared', '--wait=5', 'prog', '-s'],
    ['name', '--wait', '5', '-s', '--', 'prog', '-s'],
    ['-s', '--wait', '5', '--', 'name', 'prog', '-s'],
    ['-s', '--wait', '5', '--', 'name', '--', 'prog', '-s'],
  ]) {
    const args = parse(line, syntax);
    assert.deepEqual(
      [args.operands, args.program, args.has('shared'), args.ms('wait')],
      [['name'], ['prog', '-s'], true, 5000],
      line.join(' '),
    );
  }
  assert.deepEqual(parse(['-', 'prog'], syntax).operands, ['-']);
  assert.deepEqual(parse(['--', '--'], syntax).operands, ['--']);
  assert.equal(parse(['-s', '-x', 'n'], syntax).last('shared', 'alone'), 'alone');
  assert.equal(parse(['-e', '-s', 'n'], syntax).last('shared', 'alone'), 'shared');
  assert.equal(parse(['n'], syntax).last('shared', 'alone'), undefined);
  assert.deepEqual(parse(['-w1', '-w', '2', 'n'], syntax).all('wait'), ['1', '2']);
  assert.equal(parse(['-w=', 'n'], syntax).text('wait'), '=');
  assert.equal(parse(['--wait=', 'n'], syntax).text('wait'), '');
  // Who asks for help need not know what else there has to be.
  assert.ok(parse(['-h'], syntax).has('help'));
});

test('numbers are numbers', () => {
  const ms = (text: string): number | undefined => parse(['--wait', text, 'n'], syntax).ms('wait');
  assert.deepEqual(['0', '1.5', '.5', '2.'].map(ms), [0, 1500, 500, 2000]);
  for (const wrong of ['', '-1', '1s', '1e3', 'Infinity', 'NaN', '.', '0x1', ' 1'])
    assert.throws(() => ms(wrong), UsageError, wrong);
  const whole = (text: string): number | undefined => parse(['--wait', text, 'n'], syntax).whole('wait', 255);
  assert.deepEqual(['0', '255'].map(whole), [0, 255]);
  for (const wrong of ['', '-1', '256', '1.5', 'x']) assert.throws(() => whole(wrong), UsageError, wrong);
});

const wrong: readonly [line: readonly string[], says: RegExp][] = [
  [['frobnicate'], /unknown command 'frobnicate' \(see tierlock --help\)/],
  [['toString'], /unknown command 'toString'/],
  [['ls', '--long'], /ls: unknown option '--long' \(see tierlock ls --help\)/],
  [['ls', '-sz'], /ls: unknown option '-s'/],
  [['ls', 'job'], /ls: 'job' is too much/],
  [['show'], /show: the NAME is missing/],
  [['run'], /run: the NAME of the lock is missing/],
  [['run', 'job'], /run: PROGRAM is missing/],
  [['run', 'job', '-c', 'true', 'true'], /run: -c COMMAND and PROGRAM/],
  [['run', '', 'true'], /run: 'name' must not be empty/],
  [['run', '--timeout'], /run: --timeout needs a value: --timeout S/],
  [['run', '-w'], /run: -w needs a value: -w S/],
  [['run', '--shared=yes', 'job', 'true'], /run: --shared takes no value/],
  [
    ['run', '--kill-after', 'soon', 'job', 'true'],
    /--kill-after takes a number of seconds, like 1.5, not 'soon'/,
  ],
  [['run', '-E', '256', 'job', 'true'], /--conflict-exit-code takes a whole number from 0 to 255, not '256'/],
  [['run', '--ttl', '5', 'job', 'true'], /--ttl is for locks in a store/],
  [['run', '--url', 'memory:', '--ttl', '0.1', 'job', 'true'], /'ttl' must be/],
  [['run', '--url', 'memory:', '--lock-path', '/tmp', 'job', 'true'], /--url and --lock-path/],
  [['run', '--url', 'localhost', 'job', 'true'], /the URL of the store is wrong: 'url' must be a URL/],
  [['hold', '--lock-path', '', 'job'], /--lock-path needs the path of a folder/],
  [['break', '--url', 'memory:'], /break: the NAME of the lock is missing/],
  [['clean', '--url', 'memory:'], /lapses by itself/],
];

test('what is wrong is said in one line', async () => {
  for (const [line, says] of wrong) {
    const { end, stdout, stderr } = await cli(line);
    assert.deepEqual([end, stdout, stderr.split('\n').length], [64, '', 2], line.join(' '));
    assert.match(stderr, /^tierlock/);
    assert.match(stderr, says);
  }
});

test('each command tells what it does', async () => {
  const { end, stdout: all } = await cli(['--help']);
  assert.equal(end, 0);
  assert.equal((await cli(['help'])).stdout, all);
  // Without anything it is the same, but wrong.
  assert.deepEqual(await cli([]), { end: 64, stdout: '', stderr: all });
  const names = [...all.matchAll(/^ {2}(\w+) /gm)].map(([, name = '']) => name);
  assert.deepEqual(names, ['run', 'hold', 'ls', 'show', 'break', 'clean', 'doctor', 'demo']);
  // That of the demo is its own.
  for (const name of names.filter((each) => each !== 'demo')) {
    const help = await cli([name, '--help']);
    assert.deepEqual([help.end, help.stderr], [0, '']);
    assert.match(help.stdout, new RegExp(`^Usage: tierlock ${name} [^]*--help[^]*Exit codes: `));
    assert.ok(help.stdout.split('\n').every((text) => text.length <= 120));
    assert.equal((await cli(['help', name])).stdout, help.stdout);
    assert.equal((await cli([name, '-h'])).stdout, help.stdout);
  }
});

test('it knows its version', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  assert.deepEqual(await cli(['--version']), { end: 0, stdout: `${version}\n`, stderr: '' });
});
