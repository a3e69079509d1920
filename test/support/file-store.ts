/** The store that the processes of the conformance suite open: the folder in the module's own URL. */
import type { Backend } from '../../src/backend.js';
import { file } from '../../src/backends/file.js';

export function open(): Backend {
  return file(new URL(import.meta.url).searchParams.get('folder') ?? undefined);
}
