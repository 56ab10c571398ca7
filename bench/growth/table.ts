// A table of growth: one size a row, and behind each figure the exponent of its growth since the row above. 1 is linear.
import { markdown } from "../measure.ts";

export interface Column {
  head: string;
  digits: number;
  /** False: a figure that has no growth to speak of, such as a rate that is bounded by something else. */
  exponent?: false;
}

export interface Part {
  /** What `--only` calls it. */
  name: string;
  title: string;
  /** What there is N of. */
  of: "hosts" | "rows" | "episodes" | "transfers";
  sizes: readonly number[];
  columns: readonly Column[];
  /** What the columns mean, in words. */
  note: string;
  /** @param work an empty directory, which is thrown away when all sizes are through */
  open(work: string): Promise<Measuring> | Measuring;
}

export interface Measuring {
  /** One figure a column; sizes come in rising order, and what one made the next may use. Null: not measured. */
  measure(size: number): Promise<(number | null)[]>;
  close?(): Promise<void>;
}

/** How fast a figure grew: the slope between two points on double logarithmic paper. */
export function exponentOf(from: { n: number; value: number }, to: { n: number; value: number }): number {
  return Math.log(to.value / from.value) / Math.log(to.n / from.n);
}

/** `3.41 (n^0.97)`. A figure below what its digits show has no exponent. */
function cell({ digits, exponent }: Column, value: number | null, n: number, before: [number, number | null] | null) {
  if (value === null) return "";
  const text = value.toFixed(digits);
  const least = 10 ** -digits;
  if (exponent === false || before === null || before[1] === null || before[1] < least || value < least) return text;
  return `${text} (n^${exponentOf({ n: before[0], value: before[1] }, { n, value }).toFixed(2)})`;
}

export async function tableOf(part: Part, sizes: readonly number[], work: string): Promise<string> {
  const measuring = await part.open(work);
  const rows: string[][] = [];
  let before: [number, (number | null)[]] | null = null;
  try {
    for (const size of sizes) {
      process.stderr.write(`${part.name}: ${size.toLocaleString("en")} ${part.of}\n`);
      const values = await measuring.measure(size);
      const cells = part.columns.map((column, i) =>
        cell(column, values[i] ?? null, size, before === null ? null : [before[0], before[1][i] ?? null]),
      );
      rows.push([size.toLocaleString("en"), ...cells]);
      before = [size, values];
    }
  } finally {
    await measuring.close?.();
  }
  const heads = [part.of, ...part.columns.map(({ head }) => head)];
  return `### ${part.title}\n\n${markdown(heads, rows)}\n\n${part.note}\n`;
}
