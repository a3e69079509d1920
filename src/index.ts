/** The public surface, on one screen. */
export * from './errors.js';
