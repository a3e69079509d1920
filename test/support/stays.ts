/** A child process that holds nothing and only stays, and not for ever. */
setTimeout(() => undefined, 60_000);
