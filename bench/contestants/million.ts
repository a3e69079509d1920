/** A million names, made before the clock starts, and an order in which each comes once before any comes again. */
const COUNT = 1_000_000;
const STEP = 618_033; // has no factor in common with it
let names: string[] | undefined;

export function* million(n: number): Generator<string> {
  names ??= Array.from({ length: COUNT }, (_, i) => `order-${i}`);
  for (let i = 0, at = 0; i < n; i++, at = (at + STEP) % COUNT) yield names[at] ?? '';
}
