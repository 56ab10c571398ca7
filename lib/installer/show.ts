// What a person sees before anything is changed: what was found, what stands in the way, what would be written and run. The difference of
// two texts is made by diff(1).

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { byCommands, type Command, findingText, fixText, here } from "../core/finding.ts";
import { columns } from "../core/text/columns.ts";
import { run } from "../os/process/exec.ts";
import type { Conflict, Step } from "./plan.ts";
import type { Row, Status } from "./preflight/row.ts";
import { ownArgvs, placeOf, type Role, type Taken } from "./wanted.ts";

const COLOURS: Readonly<Record<Status, number>> = { ok: 32, warn: 33, fail: 31, unknown: 35 };

/** @param isColoured for a terminal */
export function rowsText(rows: readonly Row[], role: Role, isColoured: boolean): string {
  const paint = ({ status }: Row): string =>
    isColoured ? `\u001b[${COLOURS[status]}m${status.padEnd(7)}\u001b[0m` : status.padEnd(7);
  return rows.map((row) => `${paint(row)}  ${findingText(row, placeOf(role))}`).join("\n");
}

const WORDS: Readonly<Record<Step["kind"], (step: Step) => readonly string[]>> = {
  group: (step) => ["group", "name" in step ? step.name : ""],
  user: (step) => ["user", "name" in step ? step.name : ""],
  member: (step) => (step.kind === "member" ? ["member", `${step.user} of ${step.group}`] : []),
  directory: (step) =>
    step.kind === "directory"
      ? [step.before === null ? "directory" : "rights of", `${step.directory.path}  ${rightsText(step.directory)}`]
      : [],
  file: (step) =>
    step.kind === "file"
      ? [step.before === null ? "write" : "change", `${step.file.path}  ${rightsText(step.file)}`]
      : [],
  link: (step) => (step.kind === "link" ? ["link", `${step.link.path} -> ${step.link.target}`] : []),
  enrol: (step) =>
    step.kind === "enrol" ? ["enrol", `${step.introduced.hostId} at ${step.introduced.receiver.url}`] : [],
  test: (step) => (step.kind === "test" ? ["test", `${step.config}, with ${step.tool} of that release`] : []),
  switch: (step) =>
    step.kind === "switch" ? ["switch", `to ${step.to}${step.from === null ? "" : `, from ${step.from}`}`] : [],
  stop: (step) => ["run", lineOf("systemctl", "stop", "unit" in step ? step.unit : "")],
  own: (step) => (step.kind === "own" ? ["run", fixText(byCommands(...ownCommands(step.data)))] : []),
  disable: (step) => ["run", lineOf("systemctl", "disable", "unit" in step ? step.unit : "")],
  reload: () => ["run", lineOf("systemctl", "daemon-reload")],
  enable: (step) => ["run", lineOf("systemctl", "enable", "unit" in step ? step.unit : "")],
  start: (step) =>
    step.kind === "start" ? ["run", lineOf("systemctl", step.isRunning ? "restart" : "start", step.unit)] : [],
};

/** What is another's in a tree becomes labfleet's, and nothing else in it. */
function ownCommands(data: NonNullable<Taken["data"]>): Command[] {
  return ownArgvs(data).map((argv) => here(...argv));
}

function lineOf(...argv: string[]): string {
  return fixText(byCommands(here(...argv)));
}

function rightsText({ mode, owner, group }: { mode: number; owner: string; group: string }): string {
  return `(${mode.toString(8).padStart(4, "0")} ${owner}:${group})`;
}

/** A line for each step. @param first what comes before them */
export function stepsText(steps: readonly Step[], first: readonly (readonly string[])[] = []): string {
  return columns([...first, ...steps.map((step) => WORDS[step.kind](step))]).join("\n");
}

/** What is in a file that is to be written, as a difference; empty for a secret, and for a certificate, which nobody reads so. */
export async function stepDiff(step: Step): Promise<string> {
  if (step.kind !== "file" || step.file.kind === "secret" || step.file.text.includes("-----BEGIN ")) return "";
  return await diffOf(step.file.path, step.before ?? "", step.file.text);
}

/** Why a file stays as it is, with what would have changed. */
export async function conflictText({ path, why, fix, before, after }: Conflict, role: Role): Promise<string> {
  const diff = before === null || after === null ? "" : `\n${await diffOf(path, before, after)}`;
  return `${findingText({ what: `${path} is left as it is: ${why}`, fix }, placeOf(role))}${diff}`;
}

const DIFF_MS = 10_000;

async function diffOf(path: string, before: string, after: string): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "labfleet-installer-"));
  try {
    const [a, b] = [join(dir, "a"), join(dir, "b")];
    writeFileSync(a, before, { mode: 0o600 });
    writeFileSync(b, after, { mode: 0o600 });
    const done = await run(["diff", "-u", "--label", path, "--label", `${path} (new)`, a, b], { timeoutMs: DIFF_MS });
    return done.kind === "exited" ? done.stdout.trimEnd() : `(no difference is shown: ${done.why})`;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
