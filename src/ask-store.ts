/** A question to a store that is not part of an acquisition: answered in time, or an error that says what to do. */
import type { Backend } from './backend.js';
import { LockBackendError, LockError } from './errors.js';

const ANSWER_MS = 5000;

export async function askStore<T>(store: Backend, lock: string, question: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
  });
  try {
    return await Promise.race([question, late]);
  } catch (error) {
    if (error instanceof LockError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    const message = `${store.name} cannot be reached (${why}): see that it runs and that this host may connect to it`;
    throw new LockBackendError(message, { lock, cause: error });
  } finally {
    clearTimeout(timer);
  }
}
