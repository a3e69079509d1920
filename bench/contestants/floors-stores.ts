/**
 * What the stores themselves charge for a lock with a token: by hand, with nothing around it, no renewal, no wait.
 */
import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';
import { Redis } from 'ioredis';
import { tally } from './contestant.js';
import type { StoreModule } from './stores.js';

const take = `
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return redis.call('INCR', KEYS[2]) end
return 0`;
const give = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

const shaOf = (lua: string): string => createHash('sha1').update(lua).digest('hex');
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A call of etcd's gateway on a connection that is kept. */
function call(agent: Agent, url: URL, path: string, body: string): Promise<string> {
  const { hostname: host, port } = url;
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const asked = request({ method: 'POST', agent, host, port, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text += part));
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(text));
      });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

export const contestants: StoreModule['contestants'] = {
  'floor: two EVALSHAs': {
    async open({ urls, ttl }) {
      const client = new Redis(urls[0] ?? '');
      for (const lua of [take, give]) await client.script('LOAD', lua);
      const [taking, giving, life] = [shaOf(take), shaOf(give), String(ttl)];
      let next = 0;
      return {
        async loop(n) {
          for (let i = 0; i < n; i++) {
            const id = `${process.pid}-${next++}`;
            const token = await client.evalsha(taking, 2, 'bench', 'bench:token', id, life);
            if (token === 0) throw new Error('it was not free');
            tally.entered++;
            await client.evalsha(giving, 1, 'bench', id);
          }
        },
        close: () => client.disconnect(),
      };
    },
  },

  'floor: txn and delete': {
    async open({ urls, ttl }) {
      const agent = new Agent({ keepAlive: true });
      const url = new URL(urls[0] ?? '');
      const ask = (path: string, body: object): Promise<string> =>
        call(agent, url, path, JSON.stringify(body));
      const granted = await ask('/v3/lease/grant', { TTL: Math.ceil(ttl / 1000) });
      const { ID: lease } = JSON.parse(granted) as { ID: string };
      const key = base64('bench');
      return {
        async loop(n) {
          for (let i = 0; i < n; i++) {
            const answer = await ask('/v3/kv/txn', {
              compare: [{ key, target: 'VERSION', result: 'EQUAL', version: '0' }],
              success: [{ request_put: { key, value: base64(String(i)), lease } }],
            });
            const { succeeded } = JSON.parse(answer) as { succeeded?: boolean };
            if (succeeded !== true) throw new Error('it was not free');
            tally.entered++;
            await ask('/v3/kv/deleterange', { key });
          }
        },
        close: () => agent.destroy(),
      };
    },
  },
};
