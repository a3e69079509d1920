/**
 * A real Chromium without a window, told what to do over a pipe: JSON messages that end with a zero. It gets a folder of
 * its own, asks no network for anything by itself, and is ended with its children.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { isOnPath } from './servers/available.js';

type Fields = Record<string, unknown>;

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Fields;
  readonly result?: Fields;
  readonly error?: { readonly message: string };
}

/** False if it is there, or could be got by apt-get, as root; else why its tests are skipped. Says so in one line. */
export function requireChromium(): string | false {
  const root = process.getuid?.() === 0;
  if (!isOnPath('chromium') && root && isOnPath('apt-get')) {
    const args = ['install', '-y', '-q', '--no-install-recommends', 'chromium'];
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    spawnSync('apt-get', args, { env, stdio: 'ignore', timeout: 300_000 });
  }
  if (isOnPath('chromium')) return false;
  const reason = 'NOT TESTED: there is no chromium on the PATH (Debian: apt-get install chromium)';
  console.error(reason);
  return reason;
}

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--hide-scrollbars',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  '--remote-debugging-pipe',
];

export class Chromium {
  /** What it tells by itself, by the names of the methods. */
  readonly events: EventEmitter = new EventEmitter();
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'tierlock-chromium-'));
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #answers: Map<number, (message: Message) => void> = new Map();
  #last = 0;
  #session: string | undefined;

  private constructor() {
    this.#child = spawn('chromium', [...flags, `--user-data-dir=${this.#folder}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      // A group of its own, so that its children can be ended with it.
      detached: true,
    });
    this.#ended = this.#end();
    let text = '';
    (this.#child.stdio[4] as Readable).setEncoding('utf8').on('data', (part: string) => {
      const messages = (text + part).split('\0');
      text = messages.pop() ?? '';
      for (const message of messages) this.#hear(JSON.parse(message) as Message);
    });
    // Broken by its end, which the answers tell.
    this.#child.stdio[3]?.on('error', () => undefined);
  }

  /** With one page, which is told of by `events`. */
  static async start(): Promise<Chromium> {
    const browser = new Chromium();
    const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: true });
    browser.#session = String(sessionId);
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await browser.send(`${domain}.enable`);
    return browser;
  }

  async send(method: string, params: Fields = {}): Promise<Fields> {
    const id = ++this.#last;
    const answered = new Promise<Message>((resolve) => this.#answers.set(id, resolve));
    const message = { id, method, params, ...(this.#session !== undefined && { sessionId: this.#session }) };
    (this.#child.stdio[3] as Writable).write(`${JSON.stringify(message)}\0`);
    const { result = {}, error } = await answered;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  async #end(): Promise<void> {
    await once(this.#child, 'exit');
    for (const answer of this.#answers.values()) answer({ error: { message: 'chromium has ended' } });
  }

  #hear(message: Message): void {
    if (message.id === undefined) this.events.emit(message.method ?? '', message.params);
    else {
      this.#answers.get(message.id)?.(message);
      this.#answers.delete(message.id);
    }
  }

  async open(url: string): Promise<void> {
    const loaded = once(this.events, 'Page.loadEventFired');
    await this.send('Page.navigate', { url });
    await loaded;
  }

  /** The value of an expression in the page. */
  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as Fields)['value'];
  }

  /** By how wide a screen, in which scheme of colours. */
  async look(width: number, scheme: 'light' | 'dark'): Promise<void> {
    const size = { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 };
    await this.send('Emulation.setDeviceMetricsOverride', size);
    const features = [{ name: 'prefers-color-scheme', value: scheme }];
    await this.send('Emulation.setEmulatedMedia', { features });
  }

  /** All of the page, as a PNG. */
  async screenshot(): Promise<Buffer> {
    const { cssContentSize } = await this.send('Page.getLayoutMetrics');
    const clip = { ...(cssContentSize as Fields), scale: 1 };
    const { data } = await this.send('Page.captureScreenshot', { clip, captureBeyondViewport: true });
    return Buffer.from(String(data), 'base64');
  }

  async close(): Promise<void> {
    if (this.#child.pid !== undefined && this.#child.exitCode === null)
      process.kill(-this.#child.pid, 'SIGKILL');
    await this.#ended;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 });
  }
}
