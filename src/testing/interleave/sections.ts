/**
 * Sections: who may be inside together. A mark is what a thread says as it goes in.
 */

/** Alone, together with other readers, or with at most `capacity` permits among all who are inside. */
export type Mode = 'exclusive' | 'shared' | { readonly permits?: number; readonly capacity: number };

/**
 * exclusion: somebody is inside who must not be with those who are; capacity: too many permits; deadlock: every
 * live thread waits and nothing can end it, as after a lost wake-up; livelock: past the step limit; error: a thread
 * threw; final: `final` threw; misuse: of the fake memory or of the marks; nondeterminism: the code did something
 * else when it was run again with the same answers.
 */
export type Kind =
  | 'exclusion'
  | 'capacity'
  | 'deadlock'
  | 'livelock'
  | 'error'
  | 'final'
  | 'misuse'
  | 'nondeterminism';

export interface Flaw {
  readonly kind: Kind;
  readonly message: string;
}

export interface Mark {
  readonly name: string;
  readonly mode: 'exclusive' | 'shared' | 'permits';
  readonly permits: number;
  readonly capacity: number;
}

export function markOf(name: string, mode: Mode): Mark {
  if (typeof mode === 'string') return { name, mode, permits: 1, capacity: 1 };
  return { name, mode: 'permits', permits: 1, ...mode };
}

/** What is wrong if `thread` goes in while each other thread has the marks it has, if anything is. */
export function clash(mark: Mark, thread: number, inside: readonly (readonly Mark[])[]): Flaw | undefined {
  let { permits } = mark;
  for (const [other, marks] of inside.entries()) {
    for (const held of marks) {
      if (held.name !== mark.name) continue;
      if (mark.mode === 'exclusive' || held.mode === 'exclusive') {
        const who = `thread ${thread} (${mark.mode}) while thread ${other} (${held.mode}) is in`;
        return { kind: 'exclusion', message: `two inside '${mark.name}': ${who}` };
      }
      permits += held.permits;
    }
  }
  if (mark.mode !== 'permits' || permits <= mark.capacity) return undefined;
  return {
    kind: 'capacity',
    message: `${permits} permits out in '${mark.name}', which has ${mark.capacity}`,
  };
}
