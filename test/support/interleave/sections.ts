/**
 * Sections: who may be inside together. A mark is what a thread says as it goes in.
 */
import type { Flaw, Mode } from './spec.js';

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
