/** The inside of a process of crew.ts: loads its module, and does what it is told. */
import type { Answer, Order } from './crew.js';

process.on('disconnect', () => process.exit());

const module: Promise<Record<string, (data: unknown) => unknown>> = import(process.argv[2] ?? '');

function tell(answer: Answer): void {
  process.send?.(answer);
}

process.on('message', ({ id, name, data }: Order) => {
  const work = async (): Promise<unknown> => {
    const run = (await module)[name];
    if (run === undefined) throw new Error(`the module has no function '${name}'`);
    tell({ id, began: true });
    return run(data);
  };
  work().then(
    (value) => tell({ id, value }),
    (error: unknown) => tell({ id, error: error instanceof Error ? String(error.stack) : String(error) }),
  );
});
