import { printable } from './printable.ts';
import type { Style } from './style.ts';

export interface Column<Row> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  readonly value: (row: Row) => string;
  /** Emphasis for a cell, applied after it was padded. */
  readonly paint?: (row: Row, style: Style) => (text: string) => string;
  /** For a streamed table, whose rows are not known ahead: the width that longer values overstep. */
  readonly minWidth?: number;
}

/** Two spaces between columns, titles in capitals, no lines: readable by eyes and by `awk`. Ends with a newline. */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], style: Style): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.value(row))));
  const widths = columns.map((column, index) =>
    Math.max(lengthOf(column.title), ...cells.map((line) => lengthOf(line[index] ?? ''))),
  );
  const lines = rows.map((row, index) => renderRow(columns, widths, { row, cells: cells[index] ?? [] }, style));
  return [renderTitles(columns, widths, style), ...lines].join('');
}

/** The head of a table whose rows follow one by one through `row`. */
export function createTableStream<Row>(columns: readonly Column<Row>[], style: Style) {
  const widths = columns.map((column) => Math.max(lengthOf(column.title), column.minWidth ?? 0));
  return {
    titles: (): string => renderTitles(columns, widths, style),
    row: (row: Row): string => {
      const cells = columns.map((column) => printable(column.value(row)));
      return renderRow(columns, widths, { row, cells }, style);
    },
  };
}

function renderTitles<Row>(columns: readonly Column<Row>[], widths: readonly number[], style: Style): string {
  const titles = columns.map((column, index) => pad(column.title, widths[index] ?? 0, column.align));
  return `${style.heading(titles.join('  ').trimEnd())}\n`;
}

function renderRow<Row>(
  columns: readonly Column<Row>[],
  widths: readonly number[],
  { row, cells }: { readonly row: Row; readonly cells: readonly string[] },
  style: Style,
): string {
  const last = columns.length - 1;
  const padded = columns.map((column, index) => {
    const cell = cells[index] ?? '';
    const width = index === last && column.align !== 'right' ? 0 : (widths[index] ?? 0);
    return (column.paint?.(row, style) ?? identity)(pad(cell, width, column.align));
  });
  return `${padded.join('  ').trimEnd()}\n`;
}

function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const gap = ' '.repeat(Math.max(0, width - lengthOf(text)));
  return align === 'right' ? gap + text : text + gap;
}

/** Characters, not UTF-16 units. */
function lengthOf(text: string): number {
  return [...text].length;
}

function identity(text: string): string {
  return text;
}
