// What `receiver verify` can find, and what it makes of a file's bytes and of the tar in it against the row. Pure.

import type { IndexRow } from "../../../contract/index-row.ts";
import { type Fix, fixText } from "../../../core/finding.ts";
import type { Unpacked } from "./archive-check.ts";

/** What a check found. Paths are relative to the data root. */
export interface VerifyReport {
  /** Rows looked at. */
  checked: number;
  /** Bytes read. */
  bytes: number;
  /** Rows whose file is not there. */
  missing: string[];
  /** Files that no row tells of, archives and strangers alike. */
  extra: string[];
  /** Files that have other bytes than each of their rows says. */
  mismatch: { path: string; detail: string }[];
  /** Files that the disk, or a right, did not let be read, by us or by the receiver's user; `fix`: what mends all of them. */
  unreadable: { path: string; detail: string; fix?: Fix }[];
  /** Whole files whose row claims the digest of another tar; `row` is what the row should be. Found by `deep` alone. */
  wrong_tree: { path: string; detail: string; row: IndexRow }[];
  /** Files whose digest fits and whose row says another size; `row` is what the row should be. */
  wrong_bytes: { path: string; detail: string; row: IndexRow }[];
  /** Whole files that hold no tar in zstd: stored as they came, and no damage. Found by `deep` alone. */
  opaque: { path: string; detail: string }[];
  /** Episodes with more than one row, not counting what puts a row right. */
  duplicate: string[];
  /** Lines of the index that are no rows. */
  torn: number;
  /** Their numbers, from 1; the first hundred. */
  torn_lines: number[];
}

/** That of a check that has not looked yet. */
export function emptyReport(): VerifyReport {
  return {
    checked: 0,
    bytes: 0,
    missing: [],
    extra: [],
    mismatch: [],
    unreadable: [],
    wrong_tree: [],
    wrong_bytes: [],
    opaque: [],
    duplicate: [],
    torn: 0,
    torn_lines: [],
  };
}

/** What is wrong with one file, or odd about it. */
export type Finding =
  | { kind: "missing" | "mismatch" | "opaque"; detail: string }
  | { kind: "unreadable"; detail: string; fix?: Fix }
  | { kind: "wrong_tree" | "wrong_bytes"; detail: string; row: IndexRow };

export type Problem = Finding["kind"] | "extra" | "duplicate" | "torn";

/** The report for programs: remedies are text there, as in every document of ours. */
export function reportJson(report: VerifyReport): string {
  const unreadable = report.unreadable.map(({ fix, ...one }) =>
    fix === undefined ? one : { ...one, fix: fixText(fix, "collector") },
  );
  return JSON.stringify({ ...report, unreadable });
}

/** True when there is nothing wrong. What is opaque is as its sender wanted it. */
export function isSound(report: VerifyReport): boolean {
  return damageOf(report) + report.wrong_tree.length + report.wrong_bytes.length === 0;
}

/** How much is wrong with the episodes themselves: a row that claims another tar or size harms none. */
export function damageOf({ missing, extra, mismatch, unreadable, duplicate, torn }: VerifyReport): number {
  return missing.length + extra.length + mismatch.length + unreadable.length + duplicate.length + torn;
}

/** Whether it is the file itself that is wrong. */
export function isDamage({ kind }: Finding): boolean {
  return kind !== "opaque" && kind !== "wrong_tree" && kind !== "wrong_bytes";
}

const HEX_DIGITS = 64;

/** How the bytes of a file differ from its row, or null. A file whose digest fits is whole, whatever size its row says. */
export function differenceOf({ bytes, sha256 }: { bytes: number; sha256: string }, row: IndexRow): Finding | null {
  const size = `has ${bytes} bytes, its row says ${row.bytes}`;
  if (sha256 === row.sha256) {
    if (bytes === row.bytes) return null;
    const detail = `${size}; its digest fits, the file itself is as it was received`;
    return { kind: "wrong_bytes", detail, row: { ...row, bytes, corrects: "bytes" } };
  }
  if (bytes !== row.bytes) return { kind: "mismatch", detail: size };
  return { kind: "mismatch", detail: `has sha256 ${sha256}, its row says ${row.sha256}` };
}

/** What a whole file holds, against the claim of its row. */
export function compareTree({ tree, opaque }: Unpacked, row: IndexRow): Finding[] {
  const findings: Finding[] = [];
  if (opaque !== null) findings.push({ kind: "opaque", detail: `is stored as sent, and no archive: ${opaque}` });
  const claimed = row.tree_sha256;
  // The digest is that of the tar as it lies there, whatever its format is called.
  if (claimed === null || claimed.slice(-HEX_DIGITS) === tree) return findings;
  const holds = tree === null ? "is no archive" : `holds a tar of sha256 ${tree}`;
  const named = tree === null ? null : claimed.slice(0, -HEX_DIGITS) + tree;
  const detail = `${holds}, its row claims ${claimed}; the file itself is as it was received`;
  return [...findings, { kind: "wrong_tree", detail, row: { ...row, tree_sha256: named, corrects: "tree_sha256" } }];
}
