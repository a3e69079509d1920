/**
 * The transactions by which a record comes to be, and what they tell.
 *
 * Who waits puts his record in any case, unless it is there: free or not costs one call. Who does not wait puts it only
 * where it will hold: an exclusive one among no records, a reader among no writers, and one who wants permits among
 * records whose permits leave him enough, none of which has changed since he counted.
 */
import type { BackendRequest } from '../backend.js';
import { holdersOf, recordOf, valueOf } from './etcd-records.js';
import type { EtcdRecord, KeyValue, Names, Range } from './etcd-records.js';

// etcd takes 128 operations in a transaction, unless it is told otherwise.
export const BATCH = 100;

export interface TxnAnswer {
  readonly header: { readonly revision: string };
  readonly succeeded?: boolean;
  readonly responses?: readonly { readonly response_range?: { readonly kvs?: readonly KeyValue[] } }[];
}

/** What was so at one moment. */
export interface View {
  readonly revision: bigint;
  /** The record of the request. */
  readonly own: EtcdRecord | undefined;
  /** Those of the others that matter to it, in the order of their tokens; it may be one of them. */
  readonly queue: readonly EtcdRecord[];
}

const isEmpty = (range: Range): object => ({ ...range, target: 'VERSION', result: 'EQUAL', version: '0' });

const read = (range: Range): object => ({ request_range: range });

const inOrder = (range: Range): object => ({ ...range, sort_target: 'CREATE', sort_order: 'ASCEND' });

/** Whoever is before us: one record tells, unless permits must be counted. */
function reads({ permits, shared }: BackendRequest, { own, all, writers }: Names): object[] {
  const queue = permits > 1 ? inOrder(all) : { ...inOrder(shared ? writers : all), limit: '1' };
  return [read({ key: own }), { request_range: queue }];
}

/** Only looks. */
export const looking = (request: BackendRequest, names: Names): object => ({
  success: reads(request, names),
});

/** Puts the record. `counted`: the revision as of which there were permits enough. */
export function putting(
  request: BackendRequest,
  names: Names,
  lease: string,
  counted: bigint | undefined,
): object {
  const { own, all, otherPermits, noReaders } = names;
  const put = { request_put: { key: own, value: valueOf(request), lease } };
  let compare: object[];
  if (request.waits) compare = [{ key: own }, ...otherPermits].map(isEmpty);
  else if (request.shared) compare = noReaders.map(isEmpty);
  else if (counted === undefined) compare = [isEmpty(all)];
  else compare = [{ ...all, target: 'MOD', result: 'LESS', mod_revision: String(counted + 1n) }];
  const looks = reads(request, names);
  return { compare, success: [put, ...looks], failure: looks };
}

/** Hangs a record that is there on another lease: it keeps its place. */
export function moving(request: BackendRequest, name: string, token: bigint, lease: string): object {
  return {
    compare: [{ key: name, target: 'CREATE', result: 'EQUAL', create_revision: String(token) }],
    success: [{ request_put: { key: name, value: valueOf(request), lease } }],
  };
}

export function viewOf({ header, responses = [] }: TxnAnswer): View {
  const [own = [], queue = []] = responses
    .flatMap(({ response_range }) => (response_range === undefined ? [] : [response_range]))
    .map(({ kvs = [] }) => kvs.map(recordOf));
  return { revision: BigInt(header.revision), own: own[0], queue };
}

/** Whether a record that is there holds. */
export function holds(request: BackendRequest, own: EtcdRecord, queue: readonly EtcdRecord[]): boolean {
  if (request.permits > 1) return holdersOf(queue).some(({ name }) => name === own.name);
  const [first] = queue;
  return first === undefined || first.name === own.name || (request.shared && own.token < first.token);
}
