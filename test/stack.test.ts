/** Two tiers as one: what the lower one says counts as much as what the upper one says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LockLostError, LockTimeoutError } from '../src/errors.js';
import type { WaitOptions } from '../src/options.js';
import { Stack } from '../src/tiers/stack.js';
import type { Climbed, Tier } from '../src/tiers/tier.js';
import { Time } from './support/time.js';

/** A tier that writes down what is asked of it, and what is held of it. */
class Step implements Tier {
  readonly log: string[];
  readonly name: string;
  passes = true;
  ours = true;
  truth: boolean | undefined = undefined;
  takes = 0;
  error: Error | undefined = undefined;
  held: Climbed | undefined = undefined;
  timeout: number | undefined = undefined;

  constructor(name: string, log: string[]) {
    this.name = name;
    this.log = log;
  }

  tryTake(): Climbed | null {
    return this.takes > 0 ? null : this.grant();
  }

  async take(_units: number, { timeout }: WaitOptions): Promise<Climbed> {
    this.timeout = timeout;
    await new Promise((resolve) => setTimeout(resolve, this.takes));
    if (this.error !== undefined) throw this.error;
    return this.grant();
  }

  grant(): Climbed {
    this.log.push(`${this.name} up`);
    const down = (): boolean | undefined => (this.log.push(`${this.name} down`), this.truth);
    const answer = async (): Promise<boolean> => {
      await Promise.resolve();
      return down() === true;
    };
    return (this.held = {
      tier: this,
      token: this.name === 'upper' ? 2n : 1n,
      mayPass: () => this.passes,
      pass: () => void this.log.push(`${this.name} passes`),
      release: () => (this.truth === undefined ? void down() : answer()),
      onLost: undefined,
      look: () => this.ours,
      downgrade: () => {},
      tryUpgrade: () => true,
    });
  }

  takeSync(): never {
    throw new Error('not here');
  }

  describeHolder(): string {
    return this.name;
  }
}

function two(): { lower: Step; upper: Step; stack: Stack; log: string[] } {
  const log: string[] = [];
  const lower = new Step('lower', log);
  const upper = new Step('upper', log);
  return { lower, upper, stack: new Stack(lower, upper), log };
}

test('both are taken from the bottom up, and given back from the top down', async (t) => {
  const time = new Time(t);
  const { lower, upper, stack, log } = two();
  const taking = stack.take(1, {});
  await time.until(taking);
  const both = await taking;
  assert.equal(both.token, 2n);
  both.pass();
  upper.truth = true;
  await both.release();
  assert.deepEqual(log, ['lower up', 'upper up', 'lower passes', 'upper passes', 'upper down', 'lower down']);
  assert.equal(lower.held?.token, 1n);
});

test('it goes on, is ours, and was ours to the end, only if both say so', async (t) => {
  const time = new Time(t);
  for (const below of [true, false]) {
    for (const above of [true, false]) {
      const { lower, upper, stack } = two();
      const taking = stack.take(1, {});
      await time.until(taking);
      const both = await taking;
      [lower.passes, lower.ours, lower.truth] = [below, below, below];
      [upper.passes, upper.ours, upper.truth] = [above, above, above];
      const expected = below && above;
      assert.deepEqual([both.mayPass(), both.look?.(), await both.release()], [expected, expected, expected]);
    }
  }
});

test('the loss of either is told', async (t) => {
  const time = new Time(t);
  for (const which of ['lower', 'upper'] as const) {
    const steps = two();
    const taking = steps.stack.take(1, {});
    await time.until(taking);
    const both = await taking;
    const told: Error[] = [];
    both.onLost = (loss) => void told.push(loss);
    const loss = new LockLostError('gone', { lock: 'x' });
    steps[which].held?.onLost?.(loss);
    assert.deepEqual(told, [loss]);
    assert.equal(typeof both.onLost, 'function');
  }
});

test('the time that the lower one takes is not there for the upper one', async (t) => {
  const time = new Time(t);
  const { lower, upper, stack } = two();
  lower.takes = 600;
  const taking = stack.take(1, { timeout: 1000 });
  await time.until(taking);
  assert.deepEqual([lower.timeout, upper.timeout], [1000, 400]);
  const endless = stack.take(1, {});
  await time.until(endless);
  assert.equal(upper.timeout, Infinity);
});

test('what goes wrong above leaves nothing below, and who was in the way is told by who had him there', async (t) => {
  const time = new Time(t);
  for (const which of ['lower', 'upper'] as const) {
    const steps = two();
    const error = new LockTimeoutError('late', { lock: 'x' });
    steps[which].error = error;
    if (which === 'lower') steps.lower.takes = 1;
    const taking = steps.stack.take(1, {});
    const failure = assert.rejects(taking, (thrown) => thrown === error);
    await time.until(taking);
    await failure;
    assert.deepEqual(steps.log, which === 'lower' ? [] : ['lower up', 'lower down']);
    assert.equal(steps.stack.describeHolder(error), which);
    assert.equal(steps.stack.endedBelow(error), which === 'lower');
    assert.equal(steps.stack.endedBelow('no object'), false);
  }
});
