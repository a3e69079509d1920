/**
 * A web server of four processes that write one file, and a job that one of them does once a period.
 *
 *     npm install tierlock
 *     PORT=8080 PERIOD=60000 FOLDER=/tmp/visits node cluster-server.mjs
 *     curl -X POST localhost:8080/          counts a visit
 *     curl localhost:8080/                  lists all visits
 */
import cluster from 'node:cluster';
import { appendFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { lock, tryLock } from 'tierlock';

const { PORT = '8080', PERIOD = '60000', FOLDER = 'visits' } = process.env;
const visits = join(FOLDER, 'visits');
const period = Number(PERIOD);

/** Adds a line with the next number. A worker that is killed here leaves the old file or the new one, never a half. */
function addVisit() {
  return lock('visits', { external: true, timeout: 10_000 }, async () => {
    const lines = await readFile(visits, 'utf8');
    const number = lines.split('\n').length;
    await writeFile(`${visits}.new`, `${lines}${number} by ${process.pid}\n`);
    await rename(`${visits}.new`, visits);
    return number;
  });
}

/** All workers try, and often. Once one has begun, the name stays taken for a period, so the others find it so. */
async function tryJob() {
  const guard = await tryLock('job', { external: true, minHold: period });
  if (guard === null) return;
  try {
    const lines = await readFile(visits, 'utf8');
    await appendFile(join(FOLDER, 'jobs'), `${lines.split('\n').length - 1} visits, by ${process.pid}\n`);
  } finally {
    await guard.release();
  }
}

if (cluster.isPrimary) {
  await mkdir(FOLDER, { recursive: true });
  await writeFile(visits, '', { flag: 'a' });
  for (let i = 0; i < 4; i++) cluster.fork();
  cluster.on('listening', ({ process: { pid } }, { port }) => console.log(`${pid} listens on ${port}`));
  cluster.on('exit', () => cluster.fork());
} else {
  setInterval(() => {
    tryJob().catch(console.error);
  }, period / 10);
  const server = createServer((request, response) => {
    const answer = request.method === 'POST' ? addVisit() : readFile(visits, 'utf8');
    answer.then(
      (text) => response.end(String(text)),
      (error) => response.writeHead(503).end(String(error)),
    );
  });
  server.listen(Number(PORT));
}
