/** A key is any text, and two keys are never the same record, however much they look alike. */
import assert from 'node:assert/strict';
import type { Hold, Case, World } from './world.js';

/** Takes all at once, which shows that no two are one; and each keeps its name out elsewhere, so it is always the same. */
async function apart(t: World, names: readonly string[]): Promise<void> {
  const [a, b] = await t.hosts();
  const prefix = `lock:${t.name()} `;
  const holds: Hold[] = [];
  for (const name of names) holds.push(await t.take(a, prefix + name));
  for (const name of names) await t.refused(b, prefix + name);
  for (const hold of holds) assert.equal(await hold.release(), true);
  for (const name of names) await t.free(b, prefix + name);
}

const long = 'x'.repeat(10_000);

export const names: readonly Case[] = [
  {
    promise: 'names in any script are names, and count by their characters, not by their looks',
    run: (t) =>
      apart(t, [
        'заказы',
        '注文',
        '🔒',
        '🔓',
        '\u00e9',
        'e\u0301',
        'ﬁ',
        'fi',
        'İ',
        'ı',
        'ß',
        'ss',
        '\u200b',
        '',
      ]),
  },
  {
    promise: 'names that differ in upper and lower case only are two',
    run: (t) => apart(t, ['orders', 'Orders', 'ORDERS', 'ärger', 'ÄRGER']),
  },
  {
    promise: 'names that differ in separators only are two',
    run: (t) =>
      apart(t, [
        'a/b',
        'a:b',
        'a_b',
        'a-b',
        'a.b',
        'a b',
        'a  b',
        'ab',
        'a\\b',
        'a|b',
        'a%2Fb',
        'a\tb',
        'a\nb',
        'a/b/',
      ]),
  },
  {
    promise: 'names that mean something elsewhere mean nothing here',
    run: (t) =>
      apart(t, [
        '..',
        '../..',
        '/',
        '*',
        '?',
        '[a]',
        '{a}',
        '{b}',
        '%',
        '%s',
        "'",
        '"',
        '`',
        '$1',
        '',
        'a',
        '\0',
        'a\0b',
        '--',
        ';',
        ' ',
      ]),
  },
  {
    promise: 'names that are no well-formed text are names, too',
    run: (t) => apart(t, ['\ud800', '\udc00', '\ufffd', '\ud800x']),
  },
  {
    promise: 'names of 10 kB are told apart by their first and by their last character',
    run: (t) => apart(t, [long, `${long}x`, `${long}y`, `y${long}`, `${long.slice(1)}y`]),
  },
  {
    promise: 'a name that begins with another one is another one',
    run: (t) => apart(t, ['a', 'aa', 'a:', 'a:token', 'a:queue', 'a:lock', 'a lock:a']),
  },
];
