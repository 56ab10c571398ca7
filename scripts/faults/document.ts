// The fault table as it stands in docs/operating.md, between two markers: written from what was walked, and read back.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Walked } from "./fault.ts";

const DOCUMENT = join(import.meta.dir, "../../docs/operating.md");
const BEGIN = "<!-- faults: begin; written by `bun run faults` -->\n";
const END = "<!-- faults: end -->\n";
const COLUMNS = ["fault", "seen", "sentence", "remedy", "mended"] as const;
const HEAD = "| fault | where it is seen | sentence | remedy | mended |\n|---|---|---|---|---|\n";

/** Puts what became of one fault into the document's table: its new row, or none where it was not mended. */
export function noteRow(fault: string, row: Walked | null, order: readonly string[]): void {
  writeFileSync(DOCUMENT, withTable(readFileSync(DOCUMENT, "utf8"), merged(readTable(), fault, row, order)));
}

/** The rows in the order of the faults, without those that are none any more. Pure. */
export function merged(rows: readonly Walked[], fault: string, row: Walked | null, order: readonly string[]): Walked[] {
  const others = rows.filter((one) => one.fault !== fault && order.includes(one.fault));
  const all = row === null ? others : [...others, row];
  return all.toSorted((a, b) => order.indexOf(a.fault) - order.indexOf(b.fault));
}

/** The document's rows. */
export function readTable(): Walked[] {
  return tableOf(readFileSync(DOCUMENT, "utf8"));
}

/** Pure. @throws Error when the markers are not there */
export function withTable(document: string, rows: readonly Walked[]): string {
  const [before, , after] = cut(document);
  const lines = rows.map((row) => `| ${COLUMNS.map((column) => cellOf(column, row[column])).join(" | ")} |\n`);
  return before + BEGIN + HEAD + lines.join("") + END + after;
}

/** Pure. @throws Error when it is no such table */
export function tableOf(document: string): Walked[] {
  const [, table] = cut(document);
  if (!table.startsWith(HEAD)) throw new Error(`no table with the head ${HEAD}`);
  return table.slice(HEAD.length).split("\n").slice(0, -1).map(rowOf);
}

function cut(document: string): [before: string, table: string, after: string] {
  const [before = "", rest] = document.split(BEGIN);
  const [table, after] = rest?.split(END) ?? [];
  if (table === undefined || after === undefined) throw new Error("docs/operating.md has lost its markers of faults");
  return [before, table, after];
}

function rowOf(line: string): Walked {
  const cells = line
    .slice(2, -2)
    .split(/ (?<!\\)\| /)
    .map((cell) => cell.replaceAll("\\|", "|"));
  const [fault, seen, sentence, remedy, mended] = cells;
  if (fault === undefined || seen === undefined || sentence === undefined || remedy === undefined || cells.length !== 5)
    throw new Error(`no row of five cells: ${line}`);
  if (mended !== "as printed" && mended !== "by its words") throw new Error(`mended how? ${line}`);
  return { fault, seen, sentence: plain(sentence), remedy: plain(remedy), mended };
}

/** What a tool said is shown as it is: in code, with a fence that is longer than any in it. */
function cellOf(column: (typeof COLUMNS)[number], text: string): string {
  const escaped = text.replaceAll("|", "\\|");
  if (column !== "sentence" && column !== "remedy") return escaped;
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return longest === 0 ? `${fence}${escaped}${fence}` : `${fence} ${escaped} ${fence}`;
}

function plain(cell: string): string {
  return cell.replace(/^(`+) ?(.*?) ?\1$/, "$2");
}
