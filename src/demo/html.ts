/** Pages that cannot be broken by what is printed into them: whatever is put into a template is escaped, unless it is one. */

export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Printed = string | number | Html | readonly Html[];

export function html(parts: TemplateStringsArray, ...values: readonly Printed[]): Html {
  return new Html(parts.reduce((text, part, i) => text + print(values[i - 1] ?? '') + part));
}

function print(value: Printed): string {
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(({ text }) => text).join('');
  return String(value).replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
