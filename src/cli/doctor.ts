/** `tierlock doctor`: whether the locks of this host hold, and those of stores, found out by trying. */
import { command, json } from './command.js';
import type { Command, Main } from './command.js';
import { Exit } from './exits.js';
import type { Finding, Tried } from './findings.js';
import { checkHost } from './host-checks.js';
import { print, printJson, visible } from './print.js';
import { checkStore } from './store-check.js';
import { folderOf, pathOption, urlOfEnvironment, urlOption } from './where.js';

const spec: Command = {
  name: 'doctor',
  usage: '[options]',
  about: `Looks whether locks hold here: the addon, the lock folder (made if it is not there), two processes that exclude
each other in it, other users, a private /tmp. With --url, whether that store keeps its promises: a short run of
the conformance suite, which takes some seconds, under names of its own, and gives back what it takes.`,
  operands: { least: 0, most: 0 },
  options: [
    {
      ...urlOption,
      text: 'also that store; may be given more than once\n(default: TIERLOCK_URL, if that is set)',
    },
    pathOption,
    { long: 'full', text: 'of stores: all promises, not only the most important ones' },
    json,
  ],
  more: 'Exit codes: 0 nothing has failed, 1 something has, 64 wrong usage.',
};

export const main: Main = command(spec, async (args) => {
  const { lockPath } = folderOf(args);
  const asJson = args.has('json');
  const show = asJson ? () => undefined : printFinding;
  const tell = asJson ? () => undefined : printTried;
  const findings = await checkHost(lockPath === undefined ? {} : { lockPath });
  for (const finding of findings) show(finding);
  const given = args.all('url');
  const fromEnvironment = urlOfEnvironment();
  for (const url of given.length > 0 || fromEnvironment === undefined ? given : [fromEnvironment]) {
    const finding = await checkStore(url, args.has('full'), tell);
    findings.push(finding);
    show(finding);
  }
  if (asJson) printJson(findings);
  return findings.some(({ status }) => status === 'fail') ? Exit.No : Exit.Ok;
});

function printFinding({ status, check, detail, remedy }: Finding): void {
  print(`${status.padEnd(8)} ${check.padEnd(12)} ${visible(detail)}`);
  if (remedy !== undefined) print(`${' '.repeat(21)} -> ${visible(remedy)}`);
}

function printTried({ promise, result, detail }: Tried): void {
  print(`  ${result.padEnd(8)} ${promise}${detail === undefined ? '' : ` (${visible(detail)})`}`);
}
