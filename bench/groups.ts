/** Every group, in the order of the report. A new one is a file of its own and a line here. */
import { group as async } from './async.js';
import { group as distributed } from './distributed.js';
import { group as files } from './files.js';
import { group as handoff } from './handoff.js';
import type { Group } from './harness.js';
import { group as named } from './named.js';
import { group as rwlock } from './rwlock.js';
import { group as semaphore } from './semaphore.js';
import { group as thread } from './thread.js';

export const groups: readonly Group[] = [
  async,
  thread,
  rwlock,
  semaphore,
  files,
  named,
  handoff,
  distributed,
];
