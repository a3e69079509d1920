/**
 * CommonJS and ES modules in one process: both get the same package, so a name means the same lock to both.
 *
 *     npm install tierlock
 *     node commonjs.cjs
 */
const { lock, tryLock } = require('tierlock');

async function main() {
  const guard = await lock('orders');
  const modern = await import('tierlock');
  console.log(modern.lock === lock); // true
  console.log(await modern.tryLock('orders')); // null
  await guard.release();

  await modern.lock('orders', async () => {
    console.log(await tryLock('orders')); // null
  });
}

void main();
