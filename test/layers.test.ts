/** Who may import whom. A file of src that has no row here fails the test: decide where it belongs first. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const src = fileURLToPath(new URL('../../src/', import.meta.url));

// Lower rows may import higher ones, never the other way round; within a row only what is listed.
const layers: Record<string, readonly string[]> = {
  errors: [],
  options: [],
  nobody: [],
  deadlines: ['nobody'],
  aborts: [],
  addon: ['#native', 'errors'],
  outer: [],
  guard: ['errors'],
  line: [],
  limits: ['aborts', 'deadlines', 'line'],
  watch: ['addon', 'nobody', 'outer'],
  climb: ['nobody', 'outer', 'watch'],
  outside: ['climb', 'outer'],
  refusals: ['errors'],
  queue: ['guard', 'limits', 'line', 'options', 'outer', 'outside', 'refusals'],
  'words/thread': ['addon'],
  'words/memory': ['thread'],
  'words/row': [],
  'words/life': ['memory', 'row'],
  'words/seat': ['errors', 'life', 'memory', 'outer', 'row'],
  'words/waiting': ['outer', 'row', 'seat'],
  'words/ownership': ['life', 'row', 'seat', 'waiting'],
  'words/mutex': ['life', 'outer', 'ownership', 'row', 'seat', 'waiting'],
  'words/readers': ['life', 'mutex', 'row', 'seat'],
  'words/rwlock': ['life', 'options', 'outer', 'ownership', 'readers', 'row', 'seat'],
  'words/condition': ['life', 'outer', 'row', 'seat'],
  'words/permits': ['life', 'row', 'seat', 'waiting'],
  'words/serving': ['life', 'permits', 'row', 'seat'],
  'words/semaphore': ['outer', 'permits', 'row', 'seat', 'serving', 'waiting'],
  'words/member': ['addon', 'errors', 'life', 'memory', 'seat', 'thread'],
  'words/arena': ['member', 'memory', 'seat'],
  'words/mapped': ['addon', 'life', 'member', 'memory', 'row', 'watch'],
  'words/names': ['addon', 'mapped', 'memory', 'seat'],
  context: ['errors'],
  named: ['context', 'errors', 'guard', 'line', 'nobody', 'outer', 'queue', 'words/names', 'words/seat'],
  shared: ['errors', 'guard', 'outer', 'queue', 'words/arena', 'words/seat'],
  mutex: ['guard', 'options', 'queue', 'shared', 'words/arena', 'words/mutex'],
  'rw-guard': ['guard'],
  'files/open-files': ['errors', 'nobody'],
  'files/waits': ['addon'],
  'files/kernel-file': ['addon', 'open-files', 'options', 'outer', 'waits'],
  'files/file-queue': ['kernel-file', 'queue', 'rw-guard'],
  'files/file-lock': ['errors', 'file-queue', 'kernel-file', 'options', 'rw-guard'],
  'files/file-names': ['errors'],
  'files/system': [],
  'files/place': ['errors', 'open-files'],
  'files/page': ['addon', 'errors', 'file-names', 'open-files', 'system'],
  'files/records': ['page', 'system'],
  'files/removal': ['addon', 'file-names', 'open-files'],
  'files/folder': [
    'addon',
    'errors',
    'file-names',
    'open-files',
    'page',
    'place',
    'records',
    'removal',
    'system',
  ],
  rwlock: ['options', 'queue', 'rw-guard', 'shared', 'words/arena', 'words/rwlock'],
  semaphore: ['guard', 'options', 'queue', 'shared', 'words/arena', 'words/seat', 'words/semaphore'],
  condition: [
    'climb',
    'errors',
    'guard',
    'limits',
    'line',
    'mutex',
    'options',
    'words/arena',
    'words/condition',
  ],
  'tiers/tier': ['options', 'outside'],
  hold: ['context', 'errors', 'guard', 'line', 'nobody', 'outside', 'rw-guard', 'tiers/tier', 'words/names'],
  'lock-guard': ['context', 'hold'],
  'lock-options': ['errors', 'files/folder', 'lock-guard', 'options', 'outside'],
  config: ['files/folder', 'lock-options', 'options', 'outside'],
  registry: ['hold', 'named', 'words/rwlock', 'words/seat', 'words/semaphore'],
  'tiers/process': [
    'config',
    'errors',
    'files/file-queue',
    'files/folder',
    'files/records',
    'options',
    'outside',
    'rw-guard',
    'tier',
  ],
  'words/presence': ['life', 'row', 'seat'],
  inspect: ['addon', 'hold', 'lock-options', 'registry', 'tiers/process', 'words/names', 'words/presence'],
  ladder: [
    'config',
    'context',
    'errors',
    'hold',
    'lock-guard',
    'lock-options',
    'options',
    'outside',
    'refusals',
    'registry',
    'tiers/process',
    'tiers/tier',
  ],
  live: ['lock-options', 'options', 'registry', 'rwlock', 'semaphore'],
  lock: [
    'config',
    'context',
    'errors',
    'hold',
    'ladder',
    'lock-guard',
    'lock-options',
    'options',
    'registry',
  ],
  decorator: ['options'],
  'synchronized-types': [],
  synchronized: ['decorator', 'errors', 'lock', 'lock-options', 'options', 'synchronized-types'],
  'lock-all': ['ladder', 'lock', 'lock-guard', 'lock-options', 'options'],
  'named-semaphore': ['errors', 'hold', 'lock-guard', 'lock-options', 'options', 'registry'],
  prefixed: [
    'hold',
    'lock',
    'lock-all',
    'lock-guard',
    'lock-options',
    'named-semaphore',
    'options',
    'synchronized',
  ],
  'release-all': ['errors', 'hold', 'options'],
  index: [
    'condition',
    'config',
    'context',
    'errors',
    'files/file-lock',
    'guard',
    'hold',
    'inspect',
    'live',
    'lock',
    'lock-all',
    'lock-guard',
    'lock-options',
    'mutex',
    'named-semaphore',
    'options',
    'prefixed',
    'release-all',
    'rw-guard',
    'rwlock',
    'semaphore',
    'synchronized',
    'synchronized-types',
    'words/arena',
  ],
  'cli/demo': ['index'],
};

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replace(/\.ts$/, ''));

test('every file of src has its place', () => {
  assert.deepEqual(files.toSorted(), Object.keys(layers).toSorted());
});

for (const file of files) {
  test(`src/${file} imports only what lies below it`, () => {
    // Without the examples in doc comments, which import the package.
    const source = readFileSync(`${src}${file}.ts`, 'utf8').replaceAll(/\/\*\*[^]*?\*\//g, '');
    const imports = [...source.matchAll(/^(?:import|export)\b[^;]*? from '([^']+)';/gm)]
      .map(([, path]) => path ?? '')
      .filter((path) => !path.startsWith('node:'))
      .map((path) => path.replace(/^(?:\.\.?\/)+/, '').replace(/\.js$/, ''));
    assert.deepEqual([...new Set(imports)].toSorted(), (layers[file] ?? []).toSorted());
  });
}
