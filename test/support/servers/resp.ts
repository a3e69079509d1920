/** Redis' protocol, as much as a test needs that must not depend on a client: one command on one connection. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { HOST } from './ports.js';

export type Reply = string | number | null | readonly Reply[];

export interface Address {
  readonly port: number;
  readonly password?: string | undefined;
}

/** What the server answers; rejects with its error, and when the connection fails or nothing comes within the time. */
export async function redisCommand(
  { port, password }: Address,
  command: readonly (string | number)[],
  timeoutMs = 5000,
): Promise<Reply> {
  const commands = [...(password === undefined ? [] : [['AUTH', password]]), command];
  const socket = connect({ host: HOST, port });
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    socket.write(commands.map(request).join(''));
    for (let text = ''; ;) {
      const [data] = (await Promise.race([
        once(socket, 'data', { signal }),
        once(socket, 'end', { signal }).then(() => Promise.reject(new Error('the server has hung up'))),
      ])) as [Buffer];
      text += data.toString('latin1');
      const replies = parseAll(text, commands.length);
      const bad = replies?.find((reply) => reply instanceof Error);
      if (bad) throw bad;
      if (replies) return replies.at(-1) as Reply;
    }
  } finally {
    socket.destroy();
  }
}

const request = (words: readonly (string | number)[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`).join('')}`;

/** That many replies, or nothing while one is not complete. */
function parseAll(text: string, count: number): (Reply | Error)[] | undefined {
  let at = 0;
  const line = (): string => {
    const end = text.indexOf('\r\n', at);
    if (end < 0) throw incomplete;
    const found = text.slice(at, end);
    at = end + 2;
    return found;
  };
  const next = (): Reply | Error => {
    const [kind, rest] = [text[at], line().slice(1)];
    if (kind === '+') return rest;
    if (kind === '-') return new Error(rest);
    if (kind === ':') return Number(rest);
    const length = Number(rest);
    if (length < 0) return null;
    if (kind === '*') return Array.from({ length }, () => next() as Reply);
    if (at + length + 2 > text.length) throw incomplete;
    at += length + 2;
    return text.slice(at - length - 2, at - 2);
  };
  try {
    return Array.from({ length: count }, next);
  } catch (error) {
    if (error === incomplete) return undefined;
    throw error;
  }
}
const incomplete = new Error('there is more to come');
