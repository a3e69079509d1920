/**
 * What is done inside a lock: work that takes the same time in JavaScript and in C (native/bench.h has it too), and
 * a proof that nobody else was in. The proof costs two plain accesses, which is what the lock is there for.
 */

/** Words of the contest's memory, each on a cache line of its own. */
export const Gate = { arrived: 16, open: 32, deadline: 112 } as const;
export const Proof = { count: 48, again: 64, inside: 80, broken: 96 } as const;

export function contestMemory(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * 128));
}

let last = 1;

/** A chain of multiplications, each of which needs the one before it, so that no processor can hurry. */
export function work(steps: number): void {
  let x = last;
  for (let i = 0; i < steps; i++) x = (Math.imul(x, 1664525) + 1013904223) | 0;
  last = x;
}

/** Lets the compiler see the work, before somebody else waits for it. */
export function heat(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;) work(4_000);
}

/** How many steps take that many nanoseconds here, when nothing disturbs. */
export function stepsOf(ns: number): number {
  if (ns === 0) return 0;
  heat(20);
  const steps = 40_000;
  let least = Infinity;
  for (let i = 0; i < 30; i++) {
    const start = performance.now();
    work(steps);
    least = Math.min(least, performance.now() - start);
  }
  return Math.max(1, Math.round((ns * steps) / (least * 1e6)));
}

/** Alone inside: whoever comes in beside this one, writer or reader, breaks a count. */
export function alone(memory: Int32Array, steps: number): () => void {
  return () => {
    const before = memory[Proof.count] ?? 0;
    memory[Proof.count] = before + 1;
    work(steps);
    if (memory[Proof.count] !== before + 1) Atomics.add(memory, Proof.broken, 1);
    memory[Proof.again] = before + 1;
  };
}

/** Beside others who only read: whoever writes meanwhile has changed one count and not yet the other. */
export function reading(memory: Int32Array, steps: number): () => void {
  return () => {
    const before = memory[Proof.count];
    work(steps);
    if (memory[Proof.again] !== before) Atomics.add(memory, Proof.broken, 1);
  };
}

/** One of at most so many. */
export function among(permits: number, memory: Int32Array, steps: number): () => void {
  return () => {
    if (Atomics.add(memory, Proof.inside, 1) >= permits) Atomics.add(memory, Proof.broken, 1);
    work(steps);
    Atomics.sub(memory, Proof.inside, 1);
  };
}

/** Throws unless everybody was as alone as the lock promises; `writes` is how often somebody had to be. */
export function prove(memory: Int32Array, writes: number): void {
  const broken = Atomics.load(memory, Proof.broken);
  const [count = 0, again = 0] = [memory[Proof.count], memory[Proof.again]];
  if (broken > 0 || count !== writes || again !== writes) {
    throw new Error(
      `the lock does not exclude: ${writes} sections counted to ${count} and ${again}, ${broken} met others`,
    );
  }
}
