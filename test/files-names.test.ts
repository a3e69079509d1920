/** How names become files, and files names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileOf, nameOf, osloFileOf } from '../src/files/file-names.js';
import { random } from '../src/testing/random.js';

test('simple names stay readable', () => {
  assert.equal(fileOf('lock', 'orders'), 'orders.lock');
  assert.equal(fileOf('semaphore', 'orders'), 'orders.semaphore');
  assert.equal(fileOf('lock', 'order:42', 'shop-'), 'shop-order:42.lock');
  assert.equal(fileOf('lock', 'a.b-c_d'), 'a.b-c_d.lock');
});

test('what a file system takes in its own way is escaped', () => {
  assert.equal(fileOf('lock', ''), '%.lock');
  assert.equal(fileOf('lock', '.'), '%2E.lock');
  assert.equal(fileOf('lock', '..'), '%2E..lock');
  assert.equal(fileOf('lock', '.tierlock'), '%2Etierlock.lock');
  assert.equal(fileOf('lock', '-rf'), '%2Drf.lock');
  assert.equal(fileOf('lock', 'a/b\\c'), 'a%2Fb%5Cc.lock');
  assert.equal(fileOf('lock', 'a\0'), 'a%00.lock');
  assert.equal(fileOf('lock', 'a\n'), 'a%0A.lock');
  assert.equal(fileOf('lock', '100%'), '100%25.lock');
  assert.equal(fileOf('lock', '€'), '%E2%82%AC.lock');
});

test('names that look alike are different names', () => {
  const composed = '\u00e9';
  const alike = [
    composed,
    composed.normalize('NFD'),
    'e',
    '\ud83d',
    '\ude00',
    '😀',
    '\ufffd',
    'A',
    'a',
    'x.lock',
    'x',
  ];
  const files = alike.flatMap((name) => [fileOf('lock', name), fileOf('semaphore', name)]);
  assert.equal(new Set(files).size, files.length);
});

// Pieces that are dangerous beside each other: escapes, ends, halves of characters, lengths around the limits.
const pieces = [
  'a',
  'Z',
  '0',
  '.',
  '-',
  '%',
  '~',
  '%~',
  '/',
  '\0',
  ' ',
  'é',
  'e\u0301',
  '€',
  '😀',
  '\ud83d',
  '\ude00',
]
  .concat(['.lock', '.semaphore', '%2E', '%25', '\ufffd', 'x'.repeat(40), '€'.repeat(15), '\u{10ffff}'])
  .concat(['0123456789abcdef0123456789abcdef', '\ud800', '\udfff', '_', '\u00ed\u00a0\u0080']);

test('no two names share a file, and the way back is exact', () => {
  const pick = random(11);
  const names = new Map<string, string>();
  for (let i = 0; i < 50_000; i++) {
    const name = Array.from({ length: pick(9) }, () => pieces[pick(pieces.length)]).join('');
    const kind = pick(2) === 0 ? 'lock' : 'semaphore';
    const file = fileOf(kind, name);
    assert.equal(fileOf(kind, name), file);
    assert.match(file, /^(?:%|[\w,+=@:])[\w,+=@:.%~-]*\.(?:lock|semaphore)$/);
    assert.ok(file.length <= 210, file);
    const key = `${kind} ${name}`;
    assert.equal(names.get(file) ?? key, key, 'two names, one file');
    names.set(file, key);
    const back = nameOf(file) ?? assert.fail(`no way back from ${file}`);
    assert.equal(back.kind, kind);
    if (back.complete) assert.equal(back.key, name);
    else assert.ok(name.startsWith(back.key) && back.key.length >= 12 && file.length > 180);
  }
});

test('a long name keeps its beginning, and its end counts', () => {
  const long = 'x'.repeat(201);
  assert.equal(fileOf('lock', long.slice(1)), `${long.slice(1)}.lock`);
  assert.match(fileOf('lock', long), /^x{160}%~[0-9a-f]{32}\.lock$/);
  assert.notEqual(fileOf('lock', `${long}a`), fileOf('lock', `${long}b`));
  assert.deepEqual(nameOf(fileOf('lock', long)), { kind: 'lock', key: 'x'.repeat(160), complete: false });
});

test('what no name is called has no way back', () => {
  const strange = [
    '',
    '.lock',
    'a',
    'a.txt',
    '.a.lock',
    '-a.lock',
    'a%.lock',
    'a%2e.lock',
    'a%41.lock',
    '%%.lock',
  ]
    .concat([
      'é.lock',
      'a b.lock',
      '%FF.lock',
      '%C0%80.lock',
      `a%~${'0'.repeat(32)}.lock`,
      `${'a'.repeat(201)}.lock`,
    ])
    .concat([
      '%~.lock',
      '%ED%A0%BD%ED%B8%80.lock',
      '.tierlock',
      'a.LOCK',
      'a.lock\n',
      `%~${'0'.repeat(32)}.lock`,
    ]);
  for (const file of strange) assert.equal(nameOf(file), undefined, file);
});

test("oslo's own naming", () => {
  assert.equal(osloFileOf('lock', 'orders'), 'orders');
  assert.equal(osloFileOf('lock', 'orders', 'nova'), 'nova-orders');
  assert.equal(osloFileOf('lock', 'orders', 'nova-'), 'nova-orders');
  assert.equal(osloFileOf('lock', 'a/b/c', 'nova'), 'nova-a_b_c');
  assert.equal(osloFileOf('lock', '', 'nova'), 'nova-');
  assert.throws(() => osloFileOf('semaphore', 'a'), /lockPath of its own/);
  for (const name of ['', '.', '..', 'a\0', '\ud800', 'x'.repeat(256)]) {
    assert.throws(() => osloFileOf('lock', name), { name: 'LockMisuseError', message: /cannot be the name/ });
  }
  assert.throws(() => osloFileOf('lock', 'a', '../b'), /another folder/);
  assert.throws(() => osloFileOf('lock', '.tierlock'), /page/);
});
