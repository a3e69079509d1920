/** What stands for no 32-bit integer, however willing it is to be converted. */

const evil = {
  valueOf(): number {
    throw new Error('nobody may run this');
  },
};

export const noIntegers: readonly unknown[] = [
  undefined,
  null,
  '0',
  0n,
  Symbol('0'),
  true,
  evil,
  Number.NaN,
  Infinity,
  0.5,
  2 ** 32,
  1e300,
];
