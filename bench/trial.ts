/**
 * The child: `node --expose-gc trial.js GROUP CASE CONTESTANT [--quick]` runs one trial and prints its figures.
 * A fresh process for each keeps every benchmark function monomorphic.
 */
import { groups } from './groups.js';
import { type Trial, median } from './harness.js';

const [groupName, caseName, contestant = '', quick] = process.argv.slice(2);
const what = groups.find((group) => group.name === groupName)?.cases.find((each) => each.name === caseName);
if (what === undefined) throw new Error(`there is no case '${caseName}' in group '${groupName}'`);

const inner = await what.trial(contestant, quick === '--quick');
const result: Trial = { node: process.version, inner, value: median(inner) };
process.stdout.write(JSON.stringify(result) + '\n');
