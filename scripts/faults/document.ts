// The fault table as it stands in docs/operating.md, between two markers, grouped by where a person looks: written from what was
// walked, and read back. The closing marker holds a digest of the rows, so that a row changed by hand is found.

import { createHash } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Walked } from "./fault.ts";

const DOCUMENT = join(import.meta.dir, "../../docs/operating.md");
const BEGIN = "<!-- faults: begin; written by `bun run faults` -->\n";
const END = /<!-- faults: end; rows ([0-9a-f]{16}) -->\n/;
const COLUMNS = ["fault", "sentence", "remedy", "mended"] as const;
const HEAD = "| fault | sentence | remedy | mended |\n|---|---|---|---|\n";

/** Puts what became of one fault into the document's table: its new row, or none where it was not mended. */
export function noteRow(fault: string, row: Walked | null, order: Order): void {
  const renewed = withTable(readFileSync(DOCUMENT, "utf8"), merged(readTable(), fault, row, order));
  // By rename: who ends the script in this moment shall not have half a document.
  writeFileSync(`${DOCUMENT}.new`, renewed);
  renameSync(`${DOCUMENT}.new`, DOCUMENT);
}

/** What rows are sorted by: first the places where they are seen, then the names of the faults. */
export interface Order {
  seen: readonly string[];
  faults: readonly string[];
}

/** The rows in order, without those of faults that are none any more. Pure. */
export function merged(rows: readonly Walked[], fault: string, row: Walked | null, { seen, faults }: Order): Walked[] {
  const others = rows.filter((one) => one.fault !== fault && faults.includes(one.fault));
  const all = row === null ? others : [...others, row];
  return all.toSorted(
    (a, b) => seen.indexOf(a.seen) - seen.indexOf(b.seen) || faults.indexOf(a.fault) - faults.indexOf(b.fault),
  );
}

/** The document's rows. */
export function readTable(): Walked[] {
  return tableOf(readFileSync(DOCUMENT, "utf8"));
}

/** Pure. @throws Error when the markers are not there */
export function withTable(document: string, rows: readonly Walked[]): string {
  const { before, after } = cut(document);
  const text = tableText(rows);
  return `${before}${BEGIN}${text}<!-- faults: end; rows ${digestOf(text)} -->\n${after}`;
}

function tableText(rows: readonly Walked[]): string {
  const groups = Map.groupBy(rows, ({ seen }) => seen);
  return [...groups].map(([seen, group]) => `\n### ${seen}\n\n${HEAD}${group.map(lineOf).join("")}\n`).join("");
}

/** Pure. @throws Error when it is no such table, or not the one that was written */
export function tableOf(document: string): Walked[] {
  const { table, digest } = cut(document);
  if (digestOf(table) !== digest)
    throw new Error(
      "the fault table was changed by hand: walk the row again, with `bun run faults <words of its name>`",
    );
  return table.split("\n### ").slice(1).flatMap(groupOf);
}

function groupOf(text: string): Walked[] {
  const [seen = "", rest = ""] = text.split(`\n\n${HEAD}`);
  return rest
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => rowOf(seen, line));
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

function cut(document: string): { before: string; table: string; digest: string; after: string } {
  const [before = "", rest] = document.split(BEGIN);
  const [table, digest, after] = rest?.split(END) ?? [];
  if (table === undefined || digest === undefined || after === undefined)
    throw new Error("docs/operating.md has lost its markers of faults");
  return { before, table, digest, after };
}

function lineOf(row: Walked): string {
  return `| ${COLUMNS.map((column) => cellOf(column, row[column])).join(" | ")} |\n`;
}

function rowOf(seen: string, line: string): Walked {
  const cells = line
    .slice(2, -2)
    .split(/ (?<!\\)\| /)
    .map((cell) => cell.replaceAll("\\|", "|"));
  const [fault, sentence, remedy, mended] = cells;
  if (fault === undefined || sentence === undefined || remedy === undefined || cells.length !== COLUMNS.length)
    throw new Error(`no row of ${COLUMNS.length} cells: ${line}`);
  if (mended !== "as printed" && mended !== "by its words" && mended !== "by itself")
    throw new Error(`mended how? ${line}`);
  return { fault, seen, sentence: plain(sentence), remedy: plain(remedy), mended };
}

/** What a tool said is shown as it is: in code, with a fence that is longer than any in it. */
function cellOf(column: (typeof COLUMNS)[number], text: string): string {
  const escaped = text.replaceAll("|", "\\|");
  if (text === "" || (column !== "sentence" && column !== "remedy")) return escaped;
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return longest === 0 ? `${fence}${escaped}${fence}` : `${fence} ${escaped} ${fence}`;
}

function plain(cell: string): string {
  return cell.replace(/^(`+) ?(.*?) ?\1$/, "$2");
}
