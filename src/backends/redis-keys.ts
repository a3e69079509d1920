/**
 * How a key of the core is called in Redis. Its records and the counter of tokens have the same number in braces, the
 * hash tag, so that a cluster keeps them in one slot and one script may use them all:
 *
 *     tierlock:{17}:lock:orders     who holds it alone, and who is no owner that others may join: "token id"
 *     tierlock:{17}h:lock:orders    who holds it otherwise: their ids, each with the moment of its lapse
 *     tierlock:{17}i:lock:orders    what is known of these
 *     tierlock:{17}q:lock:orders    who waits: their ids, in order of arrival
 *     tierlock:{17}p:lock:orders    what is known of these
 *     tierlock:{17}                 the last token that a key of this number was given
 *
 * The number is a hash of the key. So a million names leave at most 256 counters behind, and none is ever forgotten.
 */

/** In the order in which the scripts have them. */
export type RedisKeys = readonly [
  record: string,
  holders: string,
  infos: string,
  queue: string,
  places: string,
  counter: string,
];

const TAGS = 256;

export function redisKeys(prefix: string, key: string): RedisKeys {
  const name = `:${onWire(key)}`;
  const tagged = `${prefix}{${hash(key) % TAGS}}`;
  return [
    tagged + name,
    `${tagged}h${name}`,
    `${tagged}i${name}`,
    `${tagged}q${name}`,
    `${tagged}p${name}`,
    tagged,
  ];
}

/** A pattern of SCAN that matches all keys with such a prefix. */
export function patternOf(prefix: string): string {
  return `${prefix.replaceAll(/[\\*?[\]^-]/g, String.raw`\$&`)}{*}*`;
}

/** The key whose holders a Redis key keeps, if it is such a one. */
export function keyOf(prefix: string, redisKey: string): string | undefined {
  if (!redisKey.startsWith(prefix)) return undefined;
  const found = /^\{\d+\}h?:([^]*)$/.exec(redisKey.slice(prefix.length))?.[1];
  return found?.startsWith('\0') ? (JSON.parse(found.slice(1)) as string) : found;
}

/**
 * What differs here must differ there too. UTF-8 has no halves of surrogate pairs: all of them would become the same
 * character. A text that has some is sent as JSON, which escapes them, behind a character that says so.
 */
export function onWire(text: string): string {
  return /\p{Surrogate}/u.test(text) || text.startsWith('\0') ? `\0${JSON.stringify(text)}` : text;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x81_1c_9d_c5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01_00_01_93) >>> 0;
  // The lowest bits of it are the worst.
  return (value ^ (value >>> 16)) >>> 0;
}
