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

export const drivers: readonly Faulty[] = [
  ...exclusionDrivers,
  ...nameDrivers,
  ...releaseDrivers,
  ...lapseDrivers,
  ...wakeDrivers,
  ...lookDrivers,
  ...endDrivers,
];
