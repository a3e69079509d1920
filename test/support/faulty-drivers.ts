/**
 * Drivers with one mistake each, of the kinds that have been made in real ones. Whoever changes the conformance suite sees
 * here whether it still notices them.
 */
import type { Faulty } from './faulty/driver.js';
import { endDrivers } from './faulty/end.js';
import { exclusionDrivers } from './faulty/exclusion.js';
import { lapseDrivers } from './faulty/lapse.js';
import { lookDrivers } from './faulty/looks.js';
import { nameDrivers } from './faulty/names.js';
import { releaseDrivers } from './faulty/release.js';
import { wakeDrivers } from './faulty/wake.js';

/** What else they break. */
const more: Readonly<Record<string, readonly string[]>> = {
  'it grants what is held': [
    'of a counter that many write nothing gets lost',
    'all who wait have their turn',
    'lock() waits for a holder on another host, and keeps others out then',
    'tryLock() is null while another host holds it, and leaves nothing behind',
    'a time-out comes when the time is up and not before, says who holds it, and leaves nothing behind',
    'tasks that take turns let another host in',
  ],
  'it forgets nothing': [
    'a request that is forgotten while it is asked is forgotten once both are answered',
    'a time-out comes when the time is up and not before, says who holds it, and leaves nothing behind',
    'an abort ends a wait at once with its own reason, and leaves nothing behind',
    'lock() that is aborted at the tick of the grant has it or leaves it free: release first',
    'lock() that is aborted at the tick of the grant has it or leaves it free: abort first',
  ],
  'every release says yes': [
    'two releases at once give back once',
    'a late reader gives back nothing of those who read now',
    'a late release gives back no permits of others',
  ],
  'it tells once': ['who waits for more permits than are left is told of each that comes back'],
  'a grant that comes after the abort is kept': [
    'an abort at the tick of the grant leaves it granted or free: release first',
  ],
  'keys stay': ['what has lapsed leaves nothing in the store'],
  'readers exclude each other': ['readers on two hosts read beside each other, and a writer waits for both'],
  'there is no token': ['the token of a guard begins with that of the store'],
  'the owner is not looked at': ['who presents the same owner as a holder on another host is let in'],
  'a permit more is given out': ['semaphore() shares its permits with other hosts'],
  'units are not counted': [
    'semaphore() waits for permits of another host, and gets them when they come back',
  ],
  'other numbers of permits are not noticed': [
    'semaphore() says that it is a mistake if another host has another number of permits',
  ],
  'a renewal does nothing': [
    'what is held for longer than its time to live is renewed, and still held',
    'what is renewed by hand lasts so long from then on',
  ],
  'a renewal brings back what has lapsed': [
    'a renewal of what nobody else has taken is a loss, too, once it has lapsed',
  ],
  'it lapses early': ['what is not renewed is not held any more when another host comes in'],
  'a wipe is not noticed': ['whose record is wiped is told, and his release frees nobody'],
  'nothing is broken': ['from whom it is broken is told, and his release frees nobody'],
};

const all: readonly Faulty[] = [
  ...exclusionDrivers,
  ...nameDrivers,
  ...releaseDrivers,
  ...lapseDrivers,
  ...wakeDrivers,
  ...lookDrivers,
  ...endDrivers,
];

export const drivers: readonly Faulty[] = Array.from(all, ({ mistake, breaks, make }) => ({
  mistake,
  breaks: [...breaks, ...(more[mistake] ?? [])],
  make,
}));
