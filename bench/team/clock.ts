/** The one clock that all threads and their C counterparts share, in milliseconds. `performance` has one each. */
export function clock(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
