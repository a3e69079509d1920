/** Who holds a name in this process, in an error's words: threads, since when, and, of ours, where they have asked for it. */
import { noted } from './config.js';
import { Hold } from './hold.js';
import type { Note } from './trace.js';
import type { Present } from './words/presence.js';
import { threadId } from './words/thread.js';

/** Of those who have to do with the name of that queue; undefined if none of them holds it. */
export function describeHolders(queue: object, present: readonly Present[]): string | undefined {
  const holding = present.filter(({ holds }) => holds !== undefined);
  if (holding.length === 0) return undefined;
  return holding
    .map(({ thread, taken }) => {
      if (thread === threadId) return `a task of this thread${describeNote(noteOf(queue))}`;
      return taken === undefined ? `thread ${thread}` : `thread ${thread} since ${taken.since.toISOString()}`;
    })
    .join(', ');
}

/** What is known of the grant to the one of this thread who has held it longest. Undefined while he climbs, or if unknown. */
export function noteOf(queue: object): Note | undefined {
  // It has to look at all that this thread holds: only where somebody has asked to know more.
  if (!noted) return undefined;
  let oldest: Hold | undefined;
  for (const hold of Hold.all()) if (hold.source === queue) oldest = hold;
  return oldest?.note;
}

function describeNote(note: Note | undefined): string {
  if (note === undefined) return '';
  const since = ` since ${new Date(note.since).toISOString()}`;
  return note.site === undefined ? since : `${since}, taken at ${note.site}`;
}
