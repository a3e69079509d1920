/**
 * The report: the matrix and, for each of its cells, who was inside when. One page without scripts, which asks no network
 * for anything, and is not allowed to.
 */
import { titles, whyOf } from './deployments.js';
import { Html, html } from './html.js';
import { CLIENTS } from './load.js';
import type { Cell, Row } from './matrix.js';
import { surprises } from './matrix.js';
import { style } from './page-style.js';
import { columns } from './service.js';
import { timeline } from './timeline.js';

export interface Report {
  readonly rows: readonly Row[];
  /** Of each cell, as they were asked for. */
  readonly requests: number;
  /** What kept the locks of the last column. */
  readonly store: string;
  /** When, and on what, it ran. */
  readonly where: string;
}

export function reportOf({ rows, requests, store, where }: Report): string {
  const found = surprises(rows);
  const { text } = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>tierlock demo: who was inside when</title>
        <style>
          ${style}
        </style>
      </head>
      <body>
        <h1>One file, ten clients: which lock keeps them apart?</h1>
        <p>
          A small web service overwrites one file with what <code>PUT /todos?index=N</code> sends, reads it
          back and answers what it has read. ${CLIENTS} clients at once compare each answer with what they
          have sent. An answer that differs is wrong: somebody else was inside between the write and the read.
        </p>
        <p class="soft">${where}. ${requests} requests a cell. Distributed: ${store}.</p>
        ${found.map((line) => html`<p class="surprise"><b>Not as expected:</b> ${line}</p>`)}
        <table>
          <caption>
            Wrong answers, and requests a second. Each number leads to its timeline.
          </caption>
          <thead>
            <tr>
              <th scope="col">deployment</th>
              ${columns.map((column) => html`<th scope="col">${titles[column]}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${rows.map(rowOf)}
          </tbody>
        </table>
        <ul class="legend" aria-label="Colours of the timelines">
          <li>${sample('alone', 'M0 6h24')}inside, alone</li>
          <li>${sample('overlap', 'M0 6h24')}inside, not alone</li>
          <li>${sample('wrong', 'M12 0v12')}answered wrong</li>
        </ul>
        <main>${rows.map(sectionOf)}</main>
      </body>
    </html> `;
  return text;
}

const sample = (name: string, d: string): Html =>
  html`<svg aria-hidden="true" viewBox="0 0 24 12"><path class="${name}" stroke-width="8" d="${d}" /></svg>`;

function rowOf({ deployment: { id, label }, cells }: Row): Html {
  const all = cells.map((cell) => {
    if (cell === undefined) return html`<td>n/a</td>`;
    const { column, mismatches, perSecond } = cell;
    return html`<td class="${moodOf(cell)}">
      <a href="#${id}-${column}"><b>${mismatches}</b><span>${Math.round(perSecond)}/s</span></a>
    </td>`;
  });
  return html`<tr>
    <th scope="row">${label}</th>
    ${all}
  </tr> `;
}

const moodOf = ({ mismatches }: Cell): string => (mismatches > 0 ? 'bad' : 'good');

function sectionOf(row: Row): Html {
  const { id, label } = row.deployment;
  return html`<section aria-labelledby="${id}">
    <h2 id="${id}">${label}</h2>
    <p>${whyOf(row.deployment, row.pool)}</p>
    ${row.cells.filter((cell) => cell !== undefined).map((cell) => cellOf(id, cell))}
  </section> `;
}

function cellOf(id: string, cell: Cell): Html {
  const { column, mismatches, requests, together } = cell;
  const wrong = mismatches === 0 ? 'no wrong answer' : `${mismatches} wrong`;
  return html`<h3 id="${id}-${column}">
      ${titles[column]}: <span class="${moodOf(cell)}">${wrong}</span>
      <small>of ${requests}; ${together === 0 ? 'nobody' : together} inside while another was</small>
    </h3>
    ${timeline(cell)}`;
}
