/** What goes to the terminal: tables for people, JSON for programs. Names come from anywhere, so no control character does. */

/** A line for standard output. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A line for standard error, with who says it. */
export function complain(command: string, message: string): void {
  process.stderr.write(`tierlock ${command}: ${visible(message)}\n`);
}

export function printJson(value: unknown): void {
  const replace = (_: string, each: unknown): unknown => (typeof each === 'bigint' ? String(each) : each);
  print(JSON.stringify(value, replace, 2));
}

/** The last column is as long as it is; the others are as wide as their longest cell. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const cells = rows.map((row) => row.map(visible));
  const widths: number[] = [];
  for (const row of cells)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  for (const row of cells)
    print(
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}

/** What would move the cursor or hide text is shown as its number. */
export function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => {
    return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
  });
}
