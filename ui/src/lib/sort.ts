// Rows in the order that an address asks for.

export type Value = string | number | null | undefined;

/** The rows by `sort` (`name` or `-name`); what has no value comes last either way, ties keep their order. */
export function sorted<T>(rows: readonly T[], sort: string, values: Record<string, (row: T) => Value>): T[] {
  const falling = sort.startsWith('-');
  const value = values[falling ? sort.slice(1) : sort];
  if (!value) return [...rows];
  return [...rows].sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    if (left == null || right == null) return left == null ? (right == null ? 0 : 1) : -1;
    return (falling ? -1 : 1) * compare(left, right);
  });
}

const compare = (a: string | number, b: string | number): number =>
  typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', { numeric: true });
