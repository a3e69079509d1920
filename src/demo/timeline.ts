/**
 * Who was inside when, drawn: a strip for each thread that was, with as many tracks as handlers were inside there at
 * once; red where two were inside, in whichever strips.
 *
 * A strip is an image with its text beside it and another one for those who cannot see it. All visits of a colour are one
 * path, of thick short lines, so that a page of thousands stays small.
 */
import { Html, html } from './html.js';
import type { Cell } from './matrix.js';
import { excerpt, overlaps, rows, within } from './visits.js';
import type { Excerpt, Stretch, Visit } from './visits.js';

const WIDTH = 10_000;
const TRACK = 12;
const THICK = 9;
/** What can be seen at all. */
const LEAST = 8;

export function timeline(cell: Cell): Html {
  const part = excerpt(cell.visits);
  const met = overlaps(part.seen);
  const strips = [...nameThreads(cell.visits)].map(([who, name]) => {
    const inside = part.seen.filter((visit) => visit.who === who);
    return strip(name, inside, met, part);
  });
  const ms = (part.left - part.entered) / 1000;
  const length = ms < 10 ? ms.toFixed(1) : ms.toFixed(0);
  return html`<div class="strips">
    ${strips}
    <p class="axis"><span>0</span><span>${length} ms</span></p>
  </div> `;
}

/** Processes and threads by the order of their numbers. A thread that is alone in its process has no name of its own. */
export function nameThreads(visits: readonly Visit[]): Map<string, string> {
  const all = [...new Set(visits.map(({ who }) => who))];
  const processOf = (who: string): string => who.split('/')[0] ?? '';
  const processes = [...new Set(all.map(processOf))].toSorted(byNumber);
  const names = new Map<string, string>();
  for (const [i, one] of processes.entries()) {
    const threads = all.filter((who) => processOf(who) === one).toSorted(byNumber);
    for (const [j, who] of threads.entries())
      names.set(who, `process ${i + 1}${threads.length > 1 ? `, thread ${j + 1}` : ''}`);
  }
  return names;
}

const byNumber = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

function strip(name: string, inside: readonly Visit[], met: readonly Stretch[], part: Excerpt): Html {
  const tracks = rows(inside);
  const height = Math.max(1, tracks.length) * TRACK;
  const draw = (of: (visit: Visit) => readonly Stretch[]): string =>
    tracks.map((track, i) => lines(track.flatMap(of), i, part)).join('');
  const wrong = tracks.map((track, i) => ticks(track, i, part)).join('');
  const together = inside.filter((visit) => within(visit, met).length > 0).length;
  const said = `${name}; visits: ${inside.length}, not alone: ${together}`;
  return html`<p>${name}</p>
    <svg
      role="img"
      aria-label="${said}"
      viewBox="0 0 ${WIDTH} ${height}"
      height="${height}"
      preserveAspectRatio="none"
    >
      <path class="alone" stroke-width="${THICK}" d="${draw((visit) => [visit])}" />
      <path class="overlap" stroke-width="${THICK}" d="${draw((visit) => within(visit, met))}" />
      <path class="wrong" d="${wrong}" />
    </svg> `;
}

/** A thick line for each. */
function lines(stretches: readonly Stretch[], track: number, part: Excerpt): string {
  const y = track * TRACK + TRACK / 2;
  const seen = stretches.flatMap((stretch) => within(stretch, [part]));
  return seen
    .map(({ entered, left }) => {
      const x = place(entered, part);
      return `M${x} ${y}h${Math.max(LEAST, place(left, part) - x)}`;
    })
    .join('');
}

/** A tick where a visit ended whose answer was wrong. */
function ticks(visits: readonly Visit[], track: number, part: Excerpt): string {
  return visits
    .filter(({ wrong, left }) => wrong && left <= part.left)
    .map(({ left }) => `M${place(left, part)} ${track * TRACK}v${TRACK}`)
    .join('');
}

const place = (time: number, { entered, left }: Excerpt): number =>
  Math.round(((time - entered) / (left - entered)) * WIDTH);
