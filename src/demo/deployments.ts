/** The rows of the matrix: in how many processes and threads the service runs, and what must be seen in each column. */
import type { Column } from './service.js';

export const titles: Readonly<Record<Column, string>> = {
  none: 'no lock',
  thread: 'thread',
  process: 'process',
  distributed: 'distributed',
};

export interface Deployment {
  readonly id: string;
  readonly label: string;
  /** Started one by one, or by `cluster`, which has them listen on one port. */
  readonly processes: number;
  readonly cluster: boolean;
  /** Worker threads in each. 0: the handlers run in the thread of the server. */
  readonly threads: number;
  readonly sync: boolean;
  /** Each process has lock files of its own, as two hosts have, and a proxy goes round them. */
  readonly apart: boolean;
  /** The columns in which wrong answers must be seen; in all others there must be none. */
  readonly wrong: readonly Column[];
  readonly why: string;
}

const one = { processes: 1, cluster: false, threads: 0, sync: false, apart: false };

export const deployments: readonly Deployment[] = [
  {
    ...one,
    id: 'sync',
    label: 'one synchronous handler',
    sync: true,
    wrong: [],
    why:
      'Nothing comes between a write and a read that one thread does in one go: it needs no lock, but serves nobody else ' +
      'meanwhile. (n/a: a thread that is blocked cannot talk to a store.)',
  },
  {
    ...one,
    id: 'async',
    label: 'async handlers',
    wrong: ['none'],
    why: 'One thread is not one handler at a time: at each await the next one comes in. The thread lock is enough.',
  },
  {
    ...one,
    id: 'threads',
    label: 'a pool of 4 threads',
    threads: 4,
    wrong: ['none'],
    why:
      'The threads of a process share the memory that the thread lock lives in, so it is enough. The process lock can ' +
      'replace it, as it takes that one first; but it costs more.',
  },
  {
    ...one,
    id: 'cluster',
    label: 'a cluster of 4',
    processes: 4,
    cluster: true,
    wrong: ['none', 'thread'],
    why:
      'Each process has a thread lock of its own, in its own memory: four are let in at once. The process lock is the ' +
      "kernel's, one for all of them.",
  },
  {
    ...one,
    id: 'cluster-threads',
    label: 'a cluster of 2 x 2 threads',
    processes: 2,
    cluster: true,
    threads: 2,
    wrong: ['none', 'thread'],
    why:
      'The thread lock keeps apart the threads of a process, not the processes. The process lock does both: it can replace ' +
      'the thread lock, never the other way round.',
  },
  {
    ...one,
    id: 'proxy',
    label: '2 services and a proxy',
    processes: 2,
    apart: true,
    wrong: ['none', 'thread', 'process'],
    why:
      'As if on two hosts: each has its own folder of lock files, so their process locks never meet. Only a store that both ' +
      'ask keeps them apart.',
  },
];

/** A blocked thread cannot talk to a store, so there is no such lock for synchronous code. */
export function isPossible({ sync }: Deployment, column: Column): boolean {
  return !(sync && column === 'distributed');
}

/** What the row teaches, and which pool its threads were of. */
export function whyOf({ why }: Deployment, pool: string | undefined): string {
  return pool === undefined ? why : `${why} (Pool: ${pool}.)`;
}
