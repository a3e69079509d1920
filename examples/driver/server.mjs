/**
 * The store: a record for each key that is held, in the memory of this process. Whoever asks is answered at once, by HTTP.
 *
 *     node server.mjs 4100
 */
import { createServer } from 'node:http';

/** @type {Map<string, { id: string, token: number, until: number }>} */
const records = new Map();
let tokens = 0;

/** What has lapsed is thrown away by whoever looks. @param {string} key */
function recordOf(key) {
  const record = records.get(key);
  if (record === undefined || record.until > performance.now()) return record;
  records.delete(key);
  return undefined;
}

/** @type {Record<string, (question: any) => unknown>} */
const answers = {
  take({ key, id, ttl }) {
    const record = recordOf(key) ?? { id, token: ++tokens, until: 0 };
    if (record.id !== id) return { taken: true };
    // The same id is the same acquisition: granted again, with its token, and it lasts from now on.
    record.until = performance.now() + ttl;
    records.set(key, record);
    return { token: record.token };
  },
  renew({ key, id, ttl }) {
    const record = recordOf(key);
    if (record === undefined || record.id !== id) return { ours: false };
    record.until = performance.now() + ttl;
    return { ours: true };
  },
  release({ key, id }) {
    return { ours: recordOf(key)?.id === id && records.delete(key) };
  },
  look({ key }) {
    const record = recordOf(key);
    return record === undefined ? null : { ...record, left: record.until - performance.now() };
  },
  remove({ key }) {
    return { held: recordOf(key) !== undefined && records.delete(key) };
  },
  keys() {
    return [...records.keys()].filter((key) => recordOf(key) !== undefined);
  },
};

/** @param {import('node:http').IncomingMessage} request */
async function answerTo(request) {
  const question = Buffer.concat(await request.toArray()).toString();
  return JSON.stringify(answers[request.url?.slice(1) ?? '']?.(JSON.parse(question)) ?? null);
}

const server = createServer((request, response) => {
  answerTo(request).then(
    (answer) => response.end(answer),
    () => response.destroy(), // who asked has gone, or asked nonsense
  );
});
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(/** @type {import('node:net').AddressInfo} */ (server.address()).port);
});
// It ends with whoever has started it.
process.stdin.on('end', () => process.exit()).resume();
