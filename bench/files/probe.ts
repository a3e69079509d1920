/** `node probe.js CONTESTANT` takes the lock of a file once, which shows whether the contestant works here. */
import { fileOrigin, openFileOf } from '../contestants/files.js';
import { newFile, withFolder } from './folder.js';

await withFolder(async (folder) => {
  const { hold } = await openFileOf(fileOrigin(process.argv[2] ?? ''), newFile(folder, 'lock'));
  const release = await hold();
  await release();
});
