/** Ourselves between threads that know nothing of each other but a name. */
import { lock, lockSync } from '../../src/index.js';
import type { Access, SharedModule } from './shared.js';

const blocking = (name: string): Access => ({
  hold() {
    const guard = lockSync(name);
    return () => void guard.release();
  },
});

const waiting = (name: string): Access => ({
  async hold() {
    const guard = await lock(name);
    return () => void guard.release();
  },
});

const make = (): string => 'bench';

export const contestants: SharedModule['contestants'] = {
  'lock(name): sync': { make, open: (name) => blocking(name as string) },
  'lock(name)': { make, open: (name) => waiting(name as string) },
};
