/** A holder of a lock in a Redis, as a process of its own (taker.ts): what it does late, the resource has to refuse. */
import { request } from 'node:http';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { connect, lock, RedisFence } from '../../src/index.js';
import type { Guard } from '../../src/index.js';

export interface Request {
  readonly url: string;
  readonly name: string;
  readonly ttl: number;
}

let last: Guard | undefined;

export async function take({ url, name, ttl }: Request): Promise<Guard> {
  last = await lock(name, { distributed: connect(url), ttl });
  return last;
}

export const token = (): bigint => last?.token ?? 0n;

/** Without a look at the guard: as code does that was stopped between its look and its write. */
export async function putLate(port: number, path: string): Promise<number | undefined> {
  const headers = { 'lock-token': String(token()) };
  const [response] = await once(
    request({ host: '127.0.0.1', port, path, method: 'PUT', headers }).end(),
    'response',
  );
  response.resume();
  return response.statusCode as number;
}

export async function setLate(url: string, key: string, value: string): Promise<string> {
  const client = new Redis(url);
  try {
    await new RedisFence(client).set(key, value, token());
    return 'written';
  } catch (error) {
    return (error as Error).name;
  } finally {
    client.disconnect();
  }
}

/** What the guard says at the first look, and what its release does. */
export async function lookAndRelease(): Promise<[held: boolean, released: boolean]> {
  const held = last?.held ?? false;
  return [held, (await last?.release()) ?? false];
}
