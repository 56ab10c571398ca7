// What people read as columns: tables, and what stands behind a label. No cell breaks a line or steers a terminal. Pure.

import { printable } from "./printable.ts";

/** Cells side by side, a line for each row; the last one is as long as it is. @param least widths that columns have at least */
export function columns(rows: readonly (readonly string[])[], least: readonly number[] = []): string[] {
  const safe = rows.map((row) => row.map((cell) => printable(cell)));
  const widths = [...least];
  for (const row of safe)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return safe.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** Columns that a label and the space behind it have at least, in what a tool's `status` prints. */
const LABEL = 11;

/** A line for each text, behind its label; one without a label belongs to the line above. */
export function labelled(rows: readonly (readonly [label: string, text: string])[]): string[] {
  const safe = rows.map(([label, text]) => [printable(label), printable(text)] as const);
  // A label may be a name that somebody chose: however long it is, it ends before the text begins.
  const width = Math.max(LABEL, ...safe.map(([label]) => label.length + 1));
  return safe.map(([label, text]) => `${label.padEnd(width)}${text}`);
}
