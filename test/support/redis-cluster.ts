/** A Redis Cluster of three nodes without replicas: each has a third of the slots. */
import { startRedises } from './servers/redis.js';
import { redisCommand } from './servers/resp.js';
import { HOST } from './servers/ports.js';
import type { Server } from './servers/server.js';
import { waitUntil } from '../../src/testing/wait.js';

export async function startCluster(): Promise<readonly Server[]> {
  const nodes = await startRedises(3, {
    args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'],
  });
  for (const [i, node] of nodes.entries()) {
    const [first, last] = [Math.ceil((i * 16_384) / 3), Math.ceil(((i + 1) * 16_384) / 3) - 1];
    await redisCommand(node, ['CLUSTER', 'ADDSLOTSRANGE', first, last]);
    for (const other of nodes) await redisCommand(node, ['CLUSTER', 'MEET', HOST, other.port]);
  }
  for (const node of nodes) {
    const isUp = async (): Promise<boolean> => {
      const info = String(await redisCommand(node, ['CLUSTER', 'INFO']));
      return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3');
    };
    await waitUntil(isUp, { what: 'the cluster is up', timeoutMs: 30_000 });
  }
  return nodes;
}
