// Which settled episodes `shipper discard` is about. Pure.

import type { CommandLine } from "../../cli/options.ts";
import { UserError } from "../../core/failure.ts";
import { byCommands, here } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { nearest } from "../../core/text/nearest.ts";
import { readReceipted, readRejection } from "../episode/notes.ts";

export type Choice =
  | { kind: "named"; names: readonly string[] }
  | { kind: "reason"; reason: string; olderThanDays: number }
  | { kind: "unverified"; olderThanDays: number };

/** A settled episode with its note's text. */
export interface Doomed {
  name: string;
  note: string | null;
  /** Which directory it is; null: it has gone. */
  directory: string | null;
}

export interface Chosen {
  doomed: (Doomed & { why: string })[];
  /** Named, and not there. */
  missing: string[];
}

const USAGE = "shipper discard <id>…, or --reason R [--older-than DAYS], or --shipped-unverified [--older-than DAYS]";
const DAY_MS = 86_400_000;

/** @throws UserError when it is not said which, or in two ways at once */
export function readChoice({ operands, options }: Pick<CommandLine, "operands" | "options">): Choice {
  const { reason } = options;
  const ways = [operands.length > 0, reason !== undefined, options["shipped-unverified"] === true];
  if (ways.filter(Boolean).length !== 1) throw new UserError("say which episodes, in one way", USAGE);
  const olderThanDays = readDays(options["older-than"]);
  if (operands.length > 0) {
    if (olderThanDays !== null) throw new UserError("--older-than does not go with names", USAGE);
    return { kind: "named", names: [...new Set(operands)] };
  }
  if (typeof reason === "string") return { kind: "reason", reason, olderThanDays: olderThanDays ?? 0 };
  return { kind: "unverified", olderThanDays: olderThanDays ?? 0 };
}

function readDays(value: string | true | undefined): number | null {
  if (value === undefined) return null;
  const days = /^(\d{1,5})d?$/.exec(String(value))?.[1];
  if (days === undefined) {
    throw new UserError(`--older-than ${quoted(String(value))} is no number of days`, "for example --older-than 30");
  }
  return Number(days);
}

/**
 * Chooses among what lies in quarantine/, or in shipped/ for `unverified`.
 * @param today the receiver day, and this host's clock for notes that carry none
 * @throws UserError naming the reasons that there are, when there is none like it
 */
export function choose(settled: readonly Doomed[], choice: Choice, today: { day: number; nowMs: number }): Chosen {
  switch (choice.kind) {
    case "named": {
      const byName = new Map(settled.map((one) => [one.name, one]));
      const doomed = choice.names.flatMap((name) => byName.get(name) ?? []);
      const missing = choice.names.filter((name) => !byName.has(name));
      return { doomed: doomed.map((one) => ({ ...one, why: reasonOf(one) })), missing };
    }
    case "reason": {
      const reasons = [...new Set(settled.map(reasonOf))].sort();
      if (!reasons.includes(choice.reason)) throw unknownReason(choice, reasons);
      const alike = settled.filter((one) => reasonOf(one) === choice.reason);
      const old = alike.filter((one) => ageInDays(one, today) >= choice.olderThanDays);
      return { doomed: old.map((one) => ({ ...one, why: choice.reason })), missing: [] };
    }
    case "unverified": {
      const doomed = settled.filter(({ name, note }) => {
        const kept = readReceipted(name, note);
        return kept !== null && !kept.isVerified && today.nowMs - kept.atMs >= choice.olderThanDays * DAY_MS;
      });
      return { doomed: doomed.map((one) => ({ ...one, why: "shipped, unverified" })), missing: [] };
    }
  }
}

function reasonOf({ name, note }: Doomed): string {
  return readRejection(name, note)?.reason ?? "unknown";
}

/** Receiver days since it was refused; by this host's clock for a note that carries none; 0 where nobody can tell. */
function ageInDays({ name, note }: Doomed, { day, nowMs }: { day: number; nowMs: number }): number {
  const rejection = readRejection(name, note);
  if (rejection === null) return 0;
  if (rejection.refusedDay !== null) return day - rejection.refusedDay;
  return rejection.atMs === null ? 0 : (nowMs - rejection.atMs) / DAY_MS;
}

/** Only a slip is mended here: of another reason nobody has said that it may go. */
function unknownReason(
  { reason: wanted, olderThanDays }: { reason: string; olderThanDays: number },
  reasons: readonly string[],
): UserError {
  if (reasons.length === 0) return new UserError("nothing lies in quarantine", null);
  const guess = nearest(wanted, reasons);
  const what = `nothing in quarantine was refused for ${quoted(wanted)}; the reasons there are ${reasons.join(", ")}`;
  if (guess === null)
    return new UserError(what, { text: "see what they are", commands: [here("sudo", "shipper", "status")] });
  const age = olderThanDays > 0 ? ["--older-than", String(olderThanDays)] : [];
  return new UserError(what, byCommands(here("sudo", "shipper", "discard", "--reason", guess, ...age)));
}
