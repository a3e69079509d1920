/** The store that the processes of the conformance suite open: its URL is in the module's own. */
import type { Backend } from '../../src/backend.js';
import { connect } from '../../src/index.js';

export function open(): Backend {
  return connect(new URL(import.meta.url).searchParams.get('store') ?? '');
}

/** This module, for that store. */
export function moduleFor(url: string): URL {
  const module = new URL(import.meta.url);
  module.searchParams.set('store', url);
  return module;
}
