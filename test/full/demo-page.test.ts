/** The demo's page in a real browser: it asks for nothing, complains of nothing, and shows in red where two were inside. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Chromium, requireChromium } from '../support/chromium.js';
import { runDemo } from '../support/demo-runs.js';
import { temporary } from '../support/temporary.js';

const { newFolder } = temporary();
const skip = requireChromium();
let browser: Chromium;
const heard: string[] = [];

before(async () => {
  if (skip) return;
  const folder = newFolder();
  const { end, stderr } = await runDemo(['--requests', '200'], folder);
  assert.deepEqual([end, stderr], [0, '']);
  browser = await Chromium.start();
  const tell = (name: string, what: (event: Record<string, unknown>) => unknown): void =>
    void browser.events.on(name, (event) => heard.push(`${name} ${JSON.stringify(what(event))}`));
  tell('Network.requestWillBeSent', ({ request }) => (request as { url: string }).url);
  tell('Log.entryAdded', ({ entry }) => entry);
  tell('Runtime.consoleAPICalled', ({ args }) => args);
  tell('Runtime.exceptionThrown', ({ exceptionDetails }) => exceptionDetails);
  await browser.open(pathToFileURL(join(folder, 'report.html')).href);
});
after(() => browser?.close());

/** Red, green and blue of a colour as browsers write it. */
const parts = (colour: unknown): number[] => String(colour).match(/\d+/g)?.map(Number) ?? [];

const isRed = (colour: unknown): boolean => {
  const [red = 0, green = 0, blue = 0] = parts(colour);
  return red > 180 && green < 110 && blue < 110;
};

/** How light it is, from 0 to 1, as the WCAG has it. */
function luminance(colour: unknown): number {
  const [red = 0, green = 0, blue = 0] = parts(colour).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: unknown, other: unknown): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

const style = (selector: string, property: string): Promise<unknown> =>
  browser.evaluate(`getComputedStyle(document.querySelector('${selector}')).${property}`);

test('it asks for nothing but itself, and the console stays empty', { skip }, () => {
  assert.equal(heard.length, 1, heard.join('\n'));
  assert.match(heard[0] ?? '', /^Network\.requestWillBeSent "file:\/\/.*report\.html"$/);
});

test('all cells are in the matrix, and lead to a timeline', { skip }, async () => {
  assert.equal(await browser.evaluate("document.querySelectorAll('tbody tr').length"), 6);
  assert.equal(await browser.evaluate("document.querySelectorAll('tbody td').length"), 24);
  const dead = "[...document.querySelectorAll('td a')].filter((a) => !document.querySelector(a.hash))";
  assert.equal(await browser.evaluate(`document.querySelectorAll('td a').length`), 23);
  assert.equal(await browser.evaluate(`${dead}.length`), 0);
  // What a reader of screens is told of the table.
  const headed =
    "[...document.querySelectorAll('table th')].every((th) => th.scope === 'col' || th.scope === 'row')";
  assert.equal(await browser.evaluate(headed), true);
});

for (const scheme of ['light', 'dark'] as const) {
  for (const width of [1100, 400]) {
    test(`${scheme}, ${width} pixels wide: it can be read`, { skip }, async () => {
      await browser.look(width, scheme);
      const page = await style('body', 'backgroundColor');
      assert.equal(luminance(page) > 0.5, scheme === 'light');
      for (const selector of [
        'h1',
        '.soft',
        'td.bad b',
        'td.good b',
        'td.bad span',
        'h3 .bad',
        'h3 .good',
        '.strips p',
      ]) {
        const on = selector.startsWith('td')
          ? await style(selector.slice(0, selector.indexOf(' ')), 'backgroundColor')
          : page;
        const found = contrast(await style(selector, 'color'), on);
        assert.ok(found >= 4.5, `${selector}: ${found.toFixed(1)}`);
      }
      // Nothing sticks out at the side.
      assert.ok(Number(await browser.evaluate('document.documentElement.scrollWidth')) <= width);
      assert.ok(
        Number(await browser.evaluate("document.querySelector('svg[role]').getBoundingClientRect().width")) >
          width / 2,
      );
    });

    test(`${scheme}, ${width} pixels wide: two inside are red, one alone is not`, { skip }, async () => {
      await browser.look(width, scheme);
      assert.ok(isRed(await style('.strips .overlap', 'stroke')));
      assert.ok(!isRed(await style('.strips .alone', 'stroke')));
      // Of each cell: whether its number is 0, and whether there is any red that can be seen in its timeline.
      const cells = `[...document.querySelectorAll('td a')].map((a) => {
        const paths = [...document.querySelector(a.hash).nextElementSibling.querySelectorAll('.overlap')];
        return [Number(a.querySelector('b').textContent) > 0, paths.some((path) => path.getBoundingClientRect().width > 0)];
      })`;
      const found = (await browser.evaluate(cells)) as [boolean, boolean][];
      assert.equal(found.filter(([wrong]) => wrong).length, 9);
      for (const [wrong, red] of found) assert.equal(red, wrong);
    });

    test(`${scheme}, ${width} pixels wide: all of it can be drawn`, { skip }, async () => {
      await browser.look(width, scheme);
      const png = await browser.screenshot();
      // What the head of a PNG says: how wide and how high.
      assert.deepEqual(png.subarray(1, 4).toString(), 'PNG');
      const [wide, high] = (await browser.evaluate(
        '[document.documentElement.clientWidth, document.documentElement.scrollHeight]',
      )) as number[];
      assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [wide, high]);
    });
  }
}
