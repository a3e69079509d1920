/** Ten clients that PUT random todos as fast as they are answered, and compare each answer with what they have sent. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import type { Column } from './service.js';
import type { Visit } from './visits.js';

export const CLIENTS = 10;

export interface Load {
  readonly port: number;
  readonly column: Column;
  readonly signal: AbortSignal;
  /** Asked before each request: whether there shall be one more. */
  readonly more: (sent: number, wrong: number) => boolean;
}

export interface Outcome {
  readonly requests: number;
  /** Answers that were not what their client had sent. */
  readonly mismatches: number;
  readonly perSecond: number;
  /** Who was inside when, in the order of the answers. */
  readonly visits: readonly Visit[];
}

export async function load({ port, column, signal, more }: Load): Promise<Outcome> {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const visits: Visit[] = [];
  let sent = 0;
  let mismatches = 0;
  // If one fails, the others shall end, too.
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const client = async (): Promise<void> => {
    while (!either.aborted && more(sent, mismatches)) {
      sent++;
      const visit = await putRandom(port, agent, column, either);
      visits.push(visit);
      if (visit.wrong) mismatches++;
    }
  };
  const started = performance.now();
  try {
    await Promise.all(Array.from({ length: CLIENTS }, client));
    signal.throwIfAborted();
  } finally {
    over.abort();
    agent.destroy();
  }
  return { requests: sent, mismatches, perSecond: (sent * 1000) / (performance.now() - started), visits };
}

async function putRandom(port: number, agent: Agent, column: Column, signal: AbortSignal): Promise<Visit> {
  const index = Math.floor(Math.random() * 1000);
  const todo = `todo ${index} ${randomUUID()}\n`;
  const path = `/todos?index=${index}`;
  const headers = { column, 'content-length': todo.length };
  const outgoing = request({ host: '127.0.0.1', port, agent, method: 'PUT', path, headers, signal });
  // One that comes after the answer's beginning, when nobody waits for it any more, ends the answer as well.
  outgoing.on('error', () => undefined).end(todo);
  const [response] = await once(outgoing, 'response');
  const text = Buffer.concat(await response.toArray()).toString();
  if (response.statusCode !== 200) throw new Error(`the service answered ${response.statusCode}: ${text}`);
  const [who, entered, left] = String(response.headers.visit).split(' ');
  return { who: String(who), entered: Number(entered), left: Number(left), wrong: text !== todo };
}
