/** Which errors of Redis and of its clients asking again does not help against, and what does. */
import { LockBackendError } from '../errors.js';

// Anything else may pass: a lost connection, READONLY after a failover, LOADING, CLUSTERDOWN, MASTERDOWN, TRYAGAIN, BUSY.
const advice: readonly (readonly [RegExp, string])[] = [
  [/\bNOAUTH\b/, 'Redis wants a password: give it to the client, or in the URL'],
  [/\bWRONGPASS\b|invalid password|invalid username-password/, 'Redis refuses the user name or password'],
  [
    /\bNOPERM\b/,
    'the user may not do that in Redis: allow EVALSHA, EVAL, SUBSCRIBE and what the scripts use, with all keys and ' +
      'channels of the prefix',
  ],
  [/\bWRONGTYPE\b/, 'a key of the prefix is used by something else: choose another prefix'],
  [/\bMISCONF\b/, 'Redis cannot save its data and takes no writes: repair its disk, or its configuration'],
  [/\bOOM\b/, 'Redis has used up its maxmemory: give it more, and use the policy noeviction'],
  [/\bCROSSSLOT\b/, "the prefix or the client's keyPrefix spreads a lock over several slots: leave out '{}'"],
  [/unknown command .?eval/i, 'this server runs no Lua scripts'],
  [/DB index is out of range/, 'there is no such database in Redis'],
  [
    /\bcertificate\b/,
    "the server's certificate is not trusted: start Node with NODE_EXTRA_CA_CERTS=ca.pem, or hand over a client that " +
      'has its certificate authority',
  ],
  [/The client is closed/, 'the client is not connected: await client.connect() first'],
];

/** What is thrown for it. */
export function judge(error: unknown, lock: string): unknown {
  const message = error instanceof Error ? error.message : String(error);
  const found = advice.find(([pattern]) => pattern.test(message));
  return found ? new LockBackendError(`${found[1]} (${message})`, { lock, cause: error }) : error;
}
