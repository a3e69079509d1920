/** Listens to what is told of locks by name: the channels of this thread, and the warnings of the process. */
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import type { Acquisition } from '../../src/index.js';

const events = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;
const others = ['release', 'lost', 'recovered', 'degraded'] as const;

/** One message, as it was when it came. */
export interface Heard {
  readonly event: (typeof events)[number] | (typeof others)[number];
  /** The same object for all events of one call. */
  readonly of: unknown;
  readonly message: Record<string, unknown>;
}

/** What is told while `fn` runs. */
export async function listen(fn: () => unknown): Promise<Heard[]> {
  const heard: Heard[] = [];
  const hear =
    (event: Heard['event']) =>
    (of: unknown): void =>
      void heard.push({ event, of, message: { ...(of as object) } });
  const tracing = Object.fromEntries(events.map((event) => [event, hear(event)])) as Record<
    (typeof events)[number],
    (message: unknown) => void
  >;
  const plain = others.map((event) => ({ name: `tierlock:${event}`, listener: hear(event) }));
  tracingChannel('tierlock:acquire').subscribe(tracing);
  for (const { name, listener } of plain) subscribe(name, listener);
  try {
    await fn();
  } finally {
    tracingChannel('tierlock:acquire').unsubscribe(tracing);
    for (const { name, listener } of plain) unsubscribe(name, listener);
  }
  return heard;
}

/** In one line each: the event, the name, and what of the rest is asked for. */
export function inShort(heard: readonly Heard[], ...keys: readonly (keyof Acquisition | 'held')[]): string[] {
  return heard.map(({ event, message }) =>
    [event, message['name'], ...keys.map((key) => message[key])].join(' '),
  );
}

/** The warnings of this package while `fn` runs. */
export async function warnings(fn: () => unknown): Promise<{ code: unknown; message: string }[]> {
  const found: { code: unknown; message: string }[] = [];
  const warn = (warning: Error & { code?: unknown }): void => {
    if (warning.name === 'LockWarning') found.push({ code: warning.code, message: warning.message });
  };
  process.on('warning', warn);
  try {
    await fn();
    await new Promise(setImmediate);
  } finally {
    process.off('warning', warn);
  }
  return found;
}
