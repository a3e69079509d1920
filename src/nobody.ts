/**
 * The context of what serves all tasks of this thread: a timer, a listener. Started in a caller's context, it would
 * keep alive what that caller's AsyncLocalStorage holds, for as long as anybody waits.
 */
import { AsyncResource } from 'node:async_hooks';

export const nobody: AsyncResource = new AsyncResource('tierlock');
