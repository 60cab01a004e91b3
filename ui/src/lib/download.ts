// Files that the page makes by itself.
import { exact } from './format';
import type { Cell, Column } from './types';

/** Rows as CSV, exact: quoted where it must be, nothing for null. */
export function csvOf(columns: Column[], rows: Cell[][]): string {
  const line = (cells: unknown[]): string => cells.map(written).join(',');
  return [line(columns.map((column) => column.name)), ...rows.map(line), ''].join('\r\n');
}

function written(value: unknown): string {
  const text = exact(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Hands a file to the browser. */
export function save(name: string, content: string, type: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], { type: `${type};charset=utf-8` }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
