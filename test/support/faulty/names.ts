/** Mistakes about names: what looks alike is taken for the same. */
import { naming, one } from './driver.js';
import type { Faulty } from './driver.js';

const CASE = 'names that differ in upper and lower case only are two';
const SEPARATORS = 'names that differ in separators only are two';
const MEANING = 'names that mean something elsewhere mean nothing here';
const SCRIPTS = 'names in any script are names, and count by their characters, not by their looks';
const LONG_NAMES = 'names of 10 kB are told apart by their first and by their last character';

export const nameDrivers: readonly Faulty[] = [
  one(
    'names are cut off',
    LONG_NAMES,
    naming((key) => key.slice(0, 255)),
  ),
  one(
    'names keep their end only',
    LONG_NAMES,
    naming((key) => key.slice(-255)),
  ),
  one(
    'names are folded',
    CASE,
    naming((key) => key.toLowerCase()),
  ),
  one(
    'names are normalised',
    SCRIPTS,
    naming((key) => key.normalize('NFC')),
  ),
  one(
    'separators are all the same',
    SEPARATORS,
    naming((key) => key.replaceAll(/[/\\]/g, '_')),
  ),
  one(
    'separators are decoded',
    SEPARATORS,
    naming((key) => key.replaceAll('%2F', '/')),
  ),
  one(
    'white space counts once',
    SEPARATORS,
    naming((key) => key.replaceAll(/\s+/g, ' ')),
  ),
  one(
    'names end at a NUL',
    MEANING,
    naming((key) => key.split('\0')[0] ?? ''),
  ),
  one(
    'names are paths',
    MEANING,
    naming((key) => key.replaceAll(/\.\.(\/\.\.)*$/g, '')),
  ),
  one(
    'names are trimmed',
    MEANING,
    naming((key) => key.trimEnd()),
  ),
  one(
    'what is no text is replaced',
    'names that are no well-formed text are names, too',
    naming((key) => Buffer.from(key).toString()),
  ),
  one(
    'a part of the record is found under a name of its own',
    'a name that begins with another one is another one',
    naming((key) => key.replace(/:token$/, '')),
  ),
];
