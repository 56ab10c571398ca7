// `installer` and `installer plan`: looks, shows, asks, does, and says how it went.

import { join } from "node:path";
import type { CommandLine } from "../../cli/options.ts";
import { parseRelease } from "../../contract/release.ts";
import { EXIT } from "../../core/exit.ts";
import { UserError } from "../../core/failure.ts";
import { byCommands, fixText, here } from "../../core/finding.ts";
import { counted } from "../../core/text/quantity.ts";
import { complain, print } from "../../os/answer.ts";
import { exists, readIfExists } from "../../os/files/files.ts";
import { run } from "../../os/process/exec.ts";
import { httpSource } from "../../release/http-source.ts";
import { releaseKeys } from "../../release/keys.ts";
import { type Opened, openRelease, readListed } from "../../release/open.ts";
import { openSource, type ReleaseSource } from "../../release/source.ts";
import { lookAhead, type Staging, stage } from "../../release/stage.ts";
import { currentRelease } from "../../release/switch.ts";
import { canAsk, isAgreed } from "../agreed.ts";
import { readAnswers } from "../answers/answers.ts";
import { type Collector, collectorOf } from "../answers/collector.ts";
import { withPython } from "../answers/python.ts";
import { readSaid } from "../answers/said.ts";
import { settingsIn, tableOf } from "../answers/written.ts";
import { Applying } from "../apply/apply.ts";
import { readFacts } from "../facts.ts";
import { lock } from "../lock.ts";
import { type Facts, type Plan, planOf } from "../plan.ts";
import { checkAge } from "../preflight/age.ts";
import { lookFirst } from "../preflight/checks.ts";
import type { Row } from "../preflight/row.ts";
import { askMissing } from "../questions.ts";
import { conflictText, rowsText, stepDiff, stepsText } from "../show.ts";
import { targetHere } from "../target.ts";
import { type Answers, OPT_DIR, toolsOf, type Wanted, wantedOf } from "../wanted.ts";
import { proveByEpisode, shipperSays } from "./prove.ts";
import { unitNow } from "./status.ts";

const RELEASES = `${OPT_DIR}/releases`;

/** All that is known before anything is changed. */
interface Prepared {
  answers: Answers;
  wanted: Wanted;
  facts: Facts;
  plan: Plan;
  rows: readonly Row[];
  staging: Staging;
  opened: Opened;
  releaseDir: string;
  isStaged: boolean;
}

export async function planCommand(line: CommandLine): Promise<number> {
  const said = await withPython(await readSaid(line));
  const collector = await collectorOf(said);
  using source = await sourceOf(line, collector);
  const prepared = await prepare(await readAnswers(said, collector), source);
  await show(prepared, true);
  return (await refused(prepared, false)) ? EXIT.undelivered : EXIT.ok;
}

/** @param asks before anything is changed */
export async function installCommand(line: CommandLine, asks: boolean): Promise<number> {
  // What it makes may be read by those for whom it is: whoever starts it may have another mind.
  process.umask(0o022);
  if (asks) canAsk("apply does the same without a question");
  const heard = await withPython(await readSaid(line));
  const said = asks ? await askMissing(heard) : heard;
  const collector = await collectorOf(said);
  using source = await sourceOf(line, collector);
  const answers = await readAnswers(said, collector);
  await lock();
  const prepared = await prepare(answers, source);
  await show(prepared, false);
  if (await refused(prepared, line.options.force === true)) return EXIT.undelivered;
  const { plan, isStaged, wanted, opened, staging, facts, releaseDir } = prepared;
  if (plan.steps.length === 0 && isStaged) return EXIT.ok;
  if (asks && !(await isAgreed())) {
    await print("nothing was changed\n");
    return EXIT.undelivered;
  }
  const applying = new Applying(wanted, plan.steps, facts.manifest, {
    dir: releaseDir,
    isNew: !(await exists(releaseDir)),
  });
  await applying.claim();
  await applying.orBack(() => stage(opened, source, staging));
  for (const step of plan.steps)
    await applying.step(step).catch((error: unknown) => explained(step, error, applying, releaseDir));
  await applying.settle();
  for (const unit of wanted.units) await print(`${(await unitNow(unit)).text}\n`);
  // Once something has run here it is an update.
  if (facts.current !== null) return EXIT.ok;
  if (answers.role === "collector") await print(`${nextText(line.options.bundle)}\n`);
  return answers.role === "collector" || line.options["no-test-episode"] === true ? EXIT.ok : await prove(answers);
}

/** What a new collector is there for. @param bundle the release that it was installed from, if it was a file */
function nextText(bundle: unknown): string {
  const commands = [
    ...(typeof bundle === "string" ? [here("sudo", "receiver", "release", "add", bundle)] : []),
    here("sudo", "receiver", "enrol"),
  ];
  return `next, for its hosts: ${commands.map((command) => fixText(byCommands(command))).join("; ")}`;
}

/** That it runs is not yet that anything arrives. What was installed stays, whatever comes of it. */
async function prove({ dataRoot, introduced }: Answers): Promise<number> {
  if (introduced?.receiver.kind === "python") {
    await print("no test episode is shipped: the collector is the Python fleet's, whose answers prove nothing\n");
    return EXIT.ok;
  }
  const { kind, what } = await proveByEpisode(dataRoot, Date.now());
  if (kind === "arrived") {
    await print(`${what}\n`);
    return EXIT.ok;
  }
  const says = kind === "late" ? `\n${await shipperSays(`${OPT_DIR}/current/bin/shipper`)}` : "";
  const look = fixText(byCommands(here("sudo", "shipper", "status")));
  complain(`it is installed, and runs; but ${what}; see: ${look}${says}\n`);
  return EXIT.undelivered;
}

/** Without a release that is named: what the collector serves, where one is named, else the one that runs here. @throws UserError: there is none */
async function sourceOf({ options: { bundle } }: CommandLine, collector: Collector | null): Promise<ReleaseSource> {
  if (typeof bundle === "string") return openSource(bundle);
  if (collector !== null) return httpSource(collector.url, collector.ca);
  const path = await currentRelease(OPT_DIR);
  if (path === null)
    throw new UserError("say which release", "--bundle PATH: its .tar; or --url: a collector that serves one");
  return openSource(path);
}

async function prepare(answers: Answers, source: ReleaseSource): Promise<Prepared> {
  const opened = await openRelease(source, releaseKeys());
  const staging: Staging = {
    ...{ releasesDir: RELEASES, target: targetHere(), tools: toolsOf(answers.role) },
    // This executable has the runtime of its release, and so have those that run.
    known: [process.execPath, ...toolsOf(answers.role).map((tool) => `${OPT_DIR}/current/bin/${tool}`)],
  };
  const { dir, bytes } = await lookAhead(opened, source, staging);
  const wanted = wantedOf(answers, await unitsOf(opened, source));
  const facts = await readFacts(wanted);
  const runs = facts.current === null ? null : await readIfExists(join(facts.current, "release.json"));
  const { role, config, introduced } = answers;
  const rows = [
    ...(await lookFirst({ wanted, facts, bytes, introduced, ...settingsIn(role, tableOf(role, config)) })),
    checkAge(opened.release, runs === null ? null : parseRelease(runs), Date.now()),
  ];
  return {
    answers,
    wanted,
    facts,
    plan: planOf(wanted, facts, dir),
    rows,
    staging,
    opened,
    releaseDir: dir,
    isStaged: bytes === 0,
  };
}

/** The texts of the release's units, by their names. @throws UserError: one is not what the list says */
async function unitsOf(opened: Opened, source: ReleaseSource): Promise<Map<string, string>> {
  const units = new Map<string, string>();
  for (const { path } of opened.release.files) {
    const name = /^units\/(.*\.(?:service|timer))$/.exec(path)?.[1];
    if (name !== undefined) units.set(name, await readListed(opened, source, path));
  }
  return units;
}

/**
 * What is to be read at length first, and what is to be decided on last.
 * @param isWhole with the units that are new: the release's own, hundreds of lines that nobody decides on
 */
async function show(prepared: Prepared, isWhole: boolean): Promise<void> {
  const { rows, plan, answers, opened, isStaged, releaseDir } = prepared;
  const { role } = answers;
  const { version, serial, commit } = opened.release;
  for (const step of plan.steps) {
    if (!isWhole && step.kind === "file" && step.file.kind === "unit" && step.before === null) continue;
    const diff = await stepDiff(step);
    if (diff !== "") await print(`${diff}\n\n`);
  }
  for (const conflict of plan.conflicts) await print(`${await conflictText(conflict, role)}\n\n`);
  await print(
    `labfleet ${version} (serial ${serial}, commit ${commit.slice(0, 12)}, signed by ${opened.keyId}), as a ${role}\n\n`,
  );
  await print(`${rowsText(rows, role, process.stdout.isTTY && !process.env.NO_COLOR)}\n\n`);
  const stages = isStaged ? [] : [["stage", releaseDir]];
  const isNothing = stages.length === 0 && plan.steps.length === 0;
  await print(isNothing ? "nothing is to be done\n" : `${stepsText(plan.steps, stages)}\n`);
}

async function refused(prepared: Prepared, isForced: boolean): Promise<boolean> {
  const obstacle = obstacleOf(prepared, isForced);
  if (obstacle !== null) complain(`${obstacle}\n`);
  return obstacle !== null;
}

/** What keeps it from going on, in a line; null: nothing does. */
function obstacleOf({ plan, rows }: Prepared, isForced: boolean): string | null {
  const count = plan.conflicts.length;
  if (count > 0)
    return `nothing is changed: ${counted(count, "file")} above ${count === 1 ? "is" : "are"} not the installer's to write over`;
  const red = rows.filter(({ status }) => status === "fail").length;
  return red === 0 || isForced
    ? null
    : `nothing is changed: ${counted(red, "thing")} above ${red === 1 ? "is" : "are"} red (--force goes on all the same)`;
}

const ASK_MS = 10_000;

/** A unit that does not start says why in its log. */
async function explained(
  step: Plan["steps"][number],
  error: unknown,
  { kept, isEnrolled }: Pick<Applying, "kept" | "isEnrolled">,
  releaseDir: string,
): Promise<never> {
  if (step.kind === "start" && error instanceof UserError) {
    const log = await run(["journalctl", "-u", step.unit, "-n", "20", "-o", "cat", "--no-pager"], {
      timeoutMs: ASK_MS,
    });
    if (log.kind === "exited") complain(`${log.stdout.trimEnd()}\n`);
  }
  complain(`what was changed has been taken back${kept.map((why) => `; not so: ${why}`).join("")}\n`);
  const rest = here("sudo", join(releaseDir, "bin/installer"), "uninstall", "--purge");
  if (isEnrolled) complain("the collector knows this host by now: the same line goes on from there\n");
  if (kept.length > 0) complain(`to take the rest away, too: ${fixText(byCommands(rest))}\n`);
  throw error;
}
