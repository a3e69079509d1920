/**
 * A Python process that locks files as oslo.concurrency and fasteners do: it makes the path by their rules, opens the file
 * for appending, and calls `fcntl.lockf` again and again until that succeeds. It does one command after the other, and
 * answers each; while it waits for a lock it has said `blocked`.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Whatever the environment tells Python, and whatever the locale is. */
const flags = ['-I', '-X', 'utf8', '-c'];

const works = (command: string): boolean => spawnSync(command, [...flags, 'import fcntl']).status === 0;
export const python: string | undefined = ['python3', '/usr/bin/python3'].find(works);

const program = `
import fcntl, json, os, sys, time

held = {}

def say(what):
    print(json.dumps(what), flush=True)

# oslo_concurrency.lockutils._get_lock_path
def path_of(name, folder, prefix):
    name = name.replace(os.sep, '_')
    if prefix:
        sep = '' if prefix.endswith('-') else '-'
        name = '%s%s%s' % (prefix, sep, name)
    return os.path.join(folder, name)

# fasteners' InterProcessLock and InterProcessReaderWriterLock
def take(path, shared, wait, delay=0.005):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    f = open(path, 'a+' if shared else 'a')
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    told = False
    while True:
        try:
            fcntl.lockf(f, how | fcntl.LOCK_NB)
            held[path] = f
            return True
        except (IOError, OSError):
            if not wait:
                f.close()
                return False
        if wait == 'told' and not told:
            say('blocked')
            told = True
        time.sleep(delay)

def release(path):
    f = held.pop(path)
    fcntl.lockf(f, fcntl.LOCK_UN)
    f.close()

for line in sys.stdin:
    c = json.loads(line)
    path = path_of(c['name'], c['folder'], c.get('prefix'))
    if c['do'] == 'take':
        take(path, c.get('shared'), 'told')
        say('got')
    elif c['do'] == 'try':
        say('got' if take(path, c.get('shared'), None) else 'taken')
    elif c['do'] == 'release':
        release(path)
        say('released')
    elif c['do'] == 'count':
        for i in range(c['rounds']):
            take(path, False, 'quiet', 0.0005)
            with open(c['counter']) as f:
                n = int(f.read())
            with open(c['counter'], 'w') as f:
                f.write(str(n + 1))
            release(path)
        say('counted')
`;

/** Which file, by oslo's names. */
export interface Request {
  readonly folder: string;
  readonly name: string;
  readonly prefix?: string;
  readonly shared?: boolean;
}

export class Python implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    assert.ok(python);
    const child = spawn(python, [...flags, program], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** What it says next. */
  async heard(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    assert.ok(done !== true, 'Python has ended');
    return JSON.parse(value);
  }

  tell(command: string, request: Request & Record<string, unknown>): void {
    this.#child.stdin?.write(`${JSON.stringify({ do: command, ...request })}\n`);
  }

  /** `take` may say `blocked` and then `got`; `try` says `got` or `taken`. */
  ask(command: 'take' | 'try' | 'release', request: Request): Promise<unknown> {
    this.tell(command, { ...request });
    return this.heard();
  }

  /** Adds to the number in a file under the lock, so often. */
  count(request: Request, counter: string, rounds: number): Promise<unknown> {
    this.tell('count', { ...request, counter, rounds });
    return this.heard();
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
