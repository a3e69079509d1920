/**
 * A primary and its replica, watched by sentinels, which make the replica the primary about a second after the primary
 * has died. What the primary had answered and the replica had not heard by then is lost: that is what it is for.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../../../src/testing/wait.js';
import { HOST, withPorts, type Port } from './ports.js';
import { redisRecipe } from './redis.js';
import { redisCommand } from './resp.js';
import { startAll, type Recipe, type Server } from './server.js';

const NAME = 'tierlock';

export interface SentinelOptions {
  /** Default: 1. A majority of them must see that the primary is gone. */
  readonly sentinels?: 1 | 3;
  /** For so many ms a server may be silent before a sentinel thinks that it is gone. Default: 300. */
  readonly downAfter?: number;
  /** In ms. Until a failover that hangs is begun anew, and a new primary may fail. Default: 2000. */
  readonly failoverTimeout?: number;
}

export class Sentinels implements AsyncDisposable {
  /** By which clients ask for the primary. */
  readonly name: string = NAME;
  readonly sentinels: readonly Server[];
  /** As they were at the start. */
  readonly primary: Server;
  readonly replica: Server;

  constructor(primary: Server, replica: Server, sentinels: readonly Server[]) {
    this.primary = primary;
    this.replica = replica;
    this.sentinels = sentinels;
  }

  /** Which one is the primary, as that sentinel says. */
  async current(sentinel: Server | undefined = this.sentinels[0]): Promise<Server> {
    const port = await primaryPort(sentinel?.port ?? 0, this.name);
    return port === this.replica.port ? this.replica : this.primary;
  }

  async close(): Promise<void> {
    await Promise.all([...this.sentinels, this.primary, this.replica].map((server) => server.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Resolves when all sentinels know each other and the replica, and the replica has what the primary has. */
export async function startSentinel(options: SentinelOptions = {}): Promise<Sentinels> {
  const count = options.sentinels ?? 1;
  return withPorts(2 + count, async (ports) => {
    const [first, second, ...others] = ports as [Port, Port, ...Port[]];
    // It would wait 5 seconds for more replicas to come.
    const servers = await startAll([
      redisRecipe(first, { args: ['--repl-diskless-sync-delay', '0'] }),
      redisRecipe(second, { args: ['--replicaof', `${HOST} ${first.number}`] }),
    ]);
    const [primary, replica] = servers as [Server, Server];
    try {
      await waitUntil(() => isLinked(replica), { what: 'the replica has what the primary has' });
      // Not earlier: a sentinel asks for replicas when it starts, and then for a long time no more.
      servers.push(...(await startAll(others.map((port) => sentinelRecipe(port, first, options)))));
      const group = new Sentinels(primary, replica, servers.slice(2));
      await waitUntil(() => knowAll(group), { what: 'the sentinels know everybody', timeoutMs: 30_000 });
      return group;
    } catch (error) {
      await Promise.all(servers.map((server) => server.close()));
      throw error;
    }
  });
}

function sentinelRecipe(port: Port, primary: Port, options: SentinelOptions): Recipe {
  const { sentinels = 1, downAfter = 300, failoverTimeout = 2000 } = options;
  return {
    name: 'sentinel',
    ports: [port],
    url: `redis://${HOST}:${port.number}`,
    command: (folder) => {
      const path = join(folder, 'sentinel.conf');
      // It keeps what it knows in this file.
      writeFileSync(
        path,
        `port ${port.number}\nbind ${HOST}\nprotected-mode no\ndir "${folder}"\n` +
          `sentinel monitor ${NAME} ${HOST} ${primary.number} ${Math.floor(sentinels / 2) + 1}\n` +
          `sentinel down-after-milliseconds ${NAME} ${downAfter}\n` +
          `sentinel failover-timeout ${NAME} ${failoverTimeout}\n`,
      );
      return ['redis-server', path, '--sentinel'];
    },
    answers: async () => {
      if (!(await primaryPort(port.number, NAME))) return false;
      // They would look for each other every 2 seconds. Before Redis 7 that is how it stays.
      const faster = ['PUBLISH-PERIOD', '100', 'INFO-PERIOD', '200', 'ASK-PERIOD', '100'];
      await redisCommand({ port: port.number }, ['SENTINEL', 'DEBUG', ...faster]).catch(() => undefined);
      return true;
    },
  };
}

async function primaryPort(sentinel: number, name: string): Promise<number> {
  const command = ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name];
  const reply = await redisCommand({ port: sentinel }, command);
  return Array.isArray(reply) ? Number(reply[1]) : 0;
}

async function isLinked(replica: Server): Promise<boolean> {
  return String(await redisCommand(replica, ['INFO', 'replication'])).includes('master_link_status:up');
}

async function knowAll({ name, sentinels }: Sentinels): Promise<boolean> {
  const count = async (sentinel: Server, what: string): Promise<number> => {
    const reply = await redisCommand(sentinel, ['SENTINEL', what, name]);
    return Array.isArray(reply) ? reply.length : 0;
  };
  const counts = sentinels.map(async (each) => [
    await count(each, 'REPLICAS'),
    await count(each, 'SENTINELS'),
  ]);
  return (await Promise.all(counts)).every(
    ([replicas, others]) => replicas === 1 && others === sentinels.length - 1,
  );
}
