export const supported: boolean;
export function prebuildPath(): string;
export const candidates: string[];
export function load(paths?: string[]): unknown;
