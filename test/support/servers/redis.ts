/** Redis servers that know nothing of each other: one, or as many as Redlock asks. In memory, unless `appendonly`. */
import { HOST, withPorts, type Port } from './ports.js';
import { redisCommand } from './resp.js';
import { flags, startAll, type Recipe, type Server } from './server.js';

export interface RedisOptions {
  /** Keeps its data through a restart; each write is on its file before it is answered. Default: false. */
  readonly appendonly?: boolean;
  readonly password?: string;
  /** More for its command line, such as `['--maxmemory', '4mb']`. */
  readonly args?: readonly string[];
}

export async function startRedis(options: RedisOptions = {}): Promise<Server> {
  const [server] = await startRedises(1, options);
  return server as Server;
}

/** That many, all at once. */
export function startRedises(count: number, options: RedisOptions = {}): Promise<Server[]> {
  return withPorts(count, (ports) => startAll(ports.map((port) => redisRecipe(port, options))));
}

export function redisRecipe(port: Port, { appendonly = false, password, args = [] }: RedisOptions): Recipe {
  const address = { port: port.number, password };
  return {
    name: 'redis',
    ports: [port],
    url: `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}${HOST}:${port.number}`,
    command: (folder) => [
      'redis-server',
      ...flags({ port: port.number, bind: HOST, 'protected-mode': 'no', dir: folder, save: '' }),
      ...flags({ appendonly: appendonly ? 'yes' : 'no', appendfsync: 'always' }),
      ...flags({ requirepass: password, masterauth: password }),
      ...args,
    ],
    // While it loads its data it answers with an error.
    answers: async () => (await redisCommand(address, ['PING'], 500)) === 'PONG',
  };
}
