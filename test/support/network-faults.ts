/** What the conformance suite wants to happen between a driver and its store, by the proxy between them. */
import type { Faults } from '../../src/conformance.js';
import type { LostReply, Proxy } from './proxy.js';

/** `lost` says which requests and answers are meant; the proxy is there once the tests run. */
export function networkFaults(proxy: () => Proxy, lost: LostReply = {}): Faults {
  return {
    silence: async () => proxy().blackhole(),
    refuse: async () => {
      proxy().refuse();
      proxy().cut();
    },
    heal: () => proxy().heal(),
    cut: async () => proxy().cut(),
    loseReply: async () => void proxy().loseReply(lost),
  };
}
