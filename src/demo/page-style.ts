/** How the report looks: by light and by dark, on a wide screen and on a narrow one, with the fonts that are there. */
import { Html } from './html.js';

export const style: Html = new Html(`
:root {
  color-scheme: light dark;
  --page: #fbfbfa; --card: #ffffff; --ink: #1d2129; --soft: #5c6470; --line: #e2e4e8;
  --alone: #4a7fb5; --overlap: #d92d20; --tick: #5c0d08; --track: #f0f2f5;
  --bad: #fdecea; --bad-ink: #a61b12; --good: #e8f5ec; --good-ink: #14683a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14161a; --card: #1c1f25; --ink: #e8eaed; --soft: #a0a8b4; --line: #30353e;
    --alone: #6ba3dc; --overlap: #ff5a4d; --tick: #ffd0cb; --track: #24282f;
    --bad: #3d1a18; --bad-ink: #ff9b92; --good: #16301f; --good-ink: #7fd6a0;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 62rem; background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; text-wrap: pretty;
}
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.015em; }
h2 { font-size: 1.25rem; margin: 0 0 .25rem; }
h3 { font-size: .95rem; margin: 1.5rem 0 .4rem; }
h3 small { font-weight: 400; font-size: inherit; color: var(--soft); }
.bad { color: var(--bad-ink); }
.good { color: var(--good-ink); }
p { margin: 0 0 .75rem; }
.soft { color: var(--soft); }
table { width: 100%; table-layout: fixed; border-collapse: separate; border-spacing: 3px; margin: 1.5rem -3px; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding: 0 3px .5rem; font-size: .9rem; }
thead th { text-align: right; font-size: .85rem; padding: .2rem .7rem; }
thead th:first-child { text-align: left; width: 32%; padding-left: 3px; }
tbody th { text-align: left; font-weight: 600; padding: .4rem .5rem .4rem 3px; }
td { text-align: right; padding: .45rem .7rem; border-radius: 6px; background: var(--card); }
td.bad { background: var(--bad); }
td.good { background: var(--good); }
td b { display: block; font-size: 1.05rem; line-height: 1.25; }
td span { font-size: .8rem; color: var(--soft); }
td a { color: inherit; text-decoration: none; display: block; }
td a:hover b, td a:focus-visible b { text-decoration: underline; }
a { color: inherit; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.25rem; margin: 1.25rem 0; }
.strips { display: grid; grid-template-columns: max-content 1fr; gap: 3px .75rem; align-items: center; }
.strips p { margin: 0; font-size: .8rem; color: var(--soft); white-space: nowrap; }
.strips svg { width: 100%; display: block; background: var(--track); border-radius: 3px; }
.strips .axis { display: flex; justify-content: space-between; }
.axis { grid-column: -2; }
.alone { stroke: var(--alone); }
.overlap { stroke: var(--overlap); }
.wrong { stroke: var(--tick); stroke-width: 1.5px; vector-effect: non-scaling-stroke; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; padding: 0; margin: 0; list-style: none; font-size: .9rem; }
.legend svg { width: 24px; height: 12px; vertical-align: -1px; margin-right: .4rem; }
.surprise { border-left: 4px solid var(--overlap); padding-left: .75rem; }
@media (max-width: 36rem) {
  body { padding-top: 1.25rem; }
  h1 { font-size: 1.45rem; }
  table { font-size: .8rem; border-spacing: 2px; }
  table { table-layout: auto; }
  thead th { font-size: .72rem; padding: .2rem .25rem; }
  thead th:first-child { width: auto; }
  td { padding: .4rem .3rem; }
  td b { font-size: .9rem; }
  td span { font-size: .7rem; }
  section { padding: .9rem; }
  .strips { grid-template-columns: 1fr; gap: 1px; }
}
`);
