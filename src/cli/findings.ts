/** What `doctor` finds: a row for each thing that it has looked at. */
export interface Finding {
  readonly status: 'ok' | 'warning' | 'fail';
  readonly check: string;
  /** What was seen. */
  readonly detail: string;
  /** What to do about it, if something is wrong. */
  readonly remedy?: string;
  /** Of a store: each promise that was tried. */
  readonly promises?: readonly Tried[];
}

export interface Tried {
  readonly promise: string;
  readonly result: 'kept' | 'broken' | 'skipped';
  /** Of what is broken, how it showed; of what was skipped, why. */
  readonly detail?: string;
}

export const ok = (check: string, detail: string): Finding => ({ status: 'ok', check, detail });

export const warning = (check: string, detail: string, remedy: string): Finding => ({
  status: 'warning',
  check,
  detail,
  remedy,
});

export const fail = (check: string, detail: string, remedy: string): Finding => ({
  status: 'fail',
  check,
  detail,
  remedy,
});

/** An error of the library says itself what to do. */
export function failure(check: string, error: unknown): Finding {
  return { status: 'fail', check, detail: error instanceof Error ? error.message : String(error) };
}
