import type { Shape } from './operation-model.ts';

/** An operation's output as the JSON body that the SDK reads: only what the model has, times in seconds. */
export function renderOutput(shape: Shape, output: unknown): string {
  if (shape.kind === 'nothing') return '';
  return JSON.stringify(render(shape, output) ?? {});
}

function render(shape: Shape, value: unknown): unknown {
  if (value === undefined || value === null) return undefined;
  switch (shape.kind) {
    case 'timestamp':
      return value instanceof Date ? value.getTime() / 1000 : undefined;
    case 'bytes':
      return Buffer.isBuffer(value) ? value.toString('base64') : undefined;
    case 'list':
      return Array.isArray(value) ? value.map((item) => render(shape.item, item)) : undefined;
    case 'map':
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, render(shape.value, item)]));
    case 'structure': {
      const record = value as Readonly<Record<string, unknown>>;
      return Object.fromEntries(shape.members().map(({ name, shape: part }) => [name, render(part, record[name])]));
    }
    default:
      return value;
  }
}
