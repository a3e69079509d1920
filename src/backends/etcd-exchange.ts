/**
 * One request to one endpoint, and the answer, which may not end. Whatever goes wrong is told once, by `ended`; until the
 * first line of the answer (of an endless one) or its end (of any other) there is a deadline.
 */
import type { ClientRequest } from 'node:http';
import { EtcdError, Unreachable } from './etcd-errors.js';

export class Exchange {
  /** The whole answer, or the empty text if its lines were told. */
  readonly ended: Promise<{ readonly status: number; readonly text: string }>;
  readonly #request: ClientRequest;
  readonly #deadline: NodeJS.Timeout;
  #last: NodeJS.Immediate | undefined;
  // Before that nothing of it can have arrived.
  #sent = false;

  constructor(
    request: ClientRequest,
    body: string,
    { url, deadline, secure }: { readonly url: string; readonly deadline: number; readonly secure: boolean },
    tellLine?: (line: string) => void,
  ) {
    this.#request = request;
    const late = (): void => {
      request.destroy(new Error(`it took longer than ${Math.round(deadline)} ms`));
    };
    // An event loop that stood still runs its timers first, and only then reads what has come meanwhile.
    this.#deadline = setTimeout(() => (this.#last = setImmediate(late)), deadline);
    request.once('socket', (socket) => {
      // A stream may be silent for hours: what lies between shall not forget it, nor we a peer that is no more.
      if (tellLine !== undefined) socket.setKeepAlive(true, 15_000);
      if (!socket.connecting) this.#sent = true;
      else socket.once(secure ? 'secureConnect' : 'connect', () => (this.#sent = true));
    });
    this.ended = new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        this.#inTime();
        reject(new Unreachable(url, this.#sent, error));
      };
      request.once('response', (response) => {
        const status = response.statusCode ?? 0;
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (data: string) => {
          text += data;
          // An error is short, and an answer as any other.
          if (tellLine !== undefined && status === 200) text = this.#tellLines(text, tellLine);
        });
        response.once('end', () => {
          this.#inTime();
          resolve({ status, text });
        });
        response.once('error', fail);
        response.once('close', () => {
          if (!response.complete) fail(new Error('the connection ended'));
        });
      });
      request.on('error', fail);
    });
    request.end(body);
  }

  /** While it is ref'd, it keeps the program alive. It is, at first. */
  ref(): void {
    this.#request.socket?.ref();
  }

  unref(): void {
    this.#request.socket?.unref();
  }

  close(): void {
    this.#inTime();
    this.#request.destroy(new Error('it was given up'));
  }

  #inTime(): void {
    clearTimeout(this.#deadline);
    clearImmediate(this.#last);
  }

  #tellLines(text: string, tell: (line: string) => void): string {
    const lines = text.split('\n');
    const rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') continue;
      this.#inTime();
      tell(line);
    }
    return rest;
  }
}

interface Fault {
  readonly message?: string;
  readonly code?: number;
  readonly grpc_code?: number;
}

/** What it says; an error that it says is thrown. */
export function contentOf(url: string, status: number, text: string): unknown {
  let body: Fault & { readonly error?: string | Fault; readonly result?: unknown };
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    // A proxy, or no gateway at all.
    throw new EtcdError(url, status, 0, `${status} ${text.slice(0, 200).trim()}`);
  }
  const { error, result } = body;
  if (status === 200 && error === undefined) return result ?? body;
  const fault: Fault = typeof error === 'object' ? error : body;
  throw new EtcdError(url, status, fault.grpc_code ?? fault.code ?? 0, fault.message ?? text.slice(0, 200));
}
