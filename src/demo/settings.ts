/** The command line of the demo, and its help. What is wrong in it is an error of one line. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { deployments } from './deployments.js';
import type { Deployment } from './deployments.js';

export interface Settings {
  readonly rows: readonly Deployment[];
  /** Of the store; by default there is one of files. */
  readonly url: string | undefined;
  /** In each cell. */
  readonly requests: number;
  /** For all of them. */
  readonly seconds: number;
  /** The path of the page, if there shall be one. */
  readonly report: string | undefined;
  readonly json: boolean;
}

const REQUESTS = '600';
const SECONDS = '40';
const REPORT = 'report.html';
const ids = deployments.map(({ id }) => id).join(', ');

export const help: string = `tierlock demo [options]

Runs a small web service that overwrites one file, in six deployments and behind four kinds of lock; counts wrong
answers, says why there are any, and writes a page with a timeline of who was inside when.

  --url URL        the store of the distributed lock: redis://..., etcd://... (default: files)
  --requests N     of each cell of the matrix (default: ${REQUESTS})
  --seconds S      for all cells, about; those that take long get fewer requests (default: ${SECONDS})
  --only NAME      a deployment alone; again for more: ${ids}
  --report FILE    where the page goes (default: ${REPORT}); --no-report: nowhere
  --json           what was found, as JSON; the matrix goes to the standard error
  --help

Exits with 0 if everything was as it must be, with 1 if not, with 64 if the command line was wrong, with 74 if it could
not be run, and after a signal with 128 + its number, as 130 after ^C.
`;

/** Undefined if help is asked for. */
export function readSettings(args: readonly string[]): Settings | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      url: { type: 'string' },
      requests: { type: 'string', default: REQUESTS },
      seconds: { type: 'string', default: SECONDS },
      only: { type: 'string', multiple: true },
      report: { type: 'string' },
      'no-report': { type: 'boolean' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return undefined;
  const { url, json, report } = values;
  if (values['no-report'] && report !== undefined)
    throw new TypeError("'--report' and '--no-report' make no sense together");
  const requests = numberOf('--requests', values.requests);
  if (!Number.isInteger(requests))
    throw new TypeError(`'--requests' must be a whole number, got '${requests}'`);
  return {
    rows: values.only?.map(rowOf) ?? deployments,
    url,
    requests,
    seconds: numberOf('--seconds', values.seconds),
    report: values['no-report'] ? undefined : resolve(report ?? REPORT),
    json,
  };
}

function rowOf(id: string): Deployment {
  const found = deployments.find((one) => one.id === id);
  if (found === undefined) throw new TypeError(`'--only' must be one of ${ids}, got '${id}'`);
  return found;
}

function numberOf(option: string, text: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (value > 0 && value < Infinity) return value;
  throw new TypeError(`'${option}' must be a number above 0, got '${text}'`);
}
