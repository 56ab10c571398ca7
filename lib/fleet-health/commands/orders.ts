// `fleet-health silence`, `silences` and `retire`: what a person does not want to hear of, for some time or for good.

import type { CommandLine } from "../../cli/options.ts";
import { isName } from "../../contract/names.ts";
import { isoWall, shortTime } from "../../core/clock.ts";
import { EXIT } from "../../core/exit.ts";
import { errorCode, UserError } from "../../core/failure.ts";
import type { Fix } from "../../core/finding.ts";
import { columns } from "../../core/text/columns.ts";
import { quoted } from "../../core/text/fields.ts";
import { nearest } from "../../core/text/nearest.ts";
import { formatSeconds, parseSeconds } from "../../core/text/quantity.ts";
import { print } from "../../os/answer.ts";
import type { Call } from "../../runtime/tool.ts";
import { COLLECTOR, MANY } from "../incidents/incident.ts";
import type { Silence } from "../incidents/silence.ts";
import { COLLECTOR_SYMPTOMS } from "../judge/collector.ts";
import { SYMPTOMS } from "../judge/symptoms.ts";
import { whyNotWritten } from "../not-written.ts";
import {
  readRetired,
  readSilences,
  removeSilence,
  retiredPath,
  silencePath,
  writeRetired,
  writeSilence,
} from "../orders/read.ts";
import type { FleetHealthConfig } from "../settings.ts";
import { HOST, onceMore, TEXT } from "./once-more.ts";
import { readStanding } from "./status.ts";

/** Where it was left out, or is none. */
const FOR = "2h";

/** `silence <host> [--symptom S] --for 2h --reason TEXT`, or `--end`. */
export async function silenceCommand(config: FleetHealthConfig, call: Call, nowMs: number): Promise<number> {
  const { symptom, for: duration, reason, end } = call.line.options;
  const host = await silencedOf(config, call.line, nowMs);
  const who = nameOf(host);
  const which = { host, symptom: symptomOf(symptom, host) };
  const about = which.symptom === null ? who : `${which.symptom} of ${who}`;
  if (end === true) {
    if (duration !== undefined || reason !== undefined)
      throw new UserError(
        "--end ends a silence: it takes neither --for nor --reason",
        onceMore(call.line, { drop: ["for", "reason"] }),
      );
    const isMeant = (one: Silence): boolean => one.host === host && [null, one.symptom].includes(which.symptom);
    const there = (await silencesOf(config, call)).filter(isMeant);
    for (const one of there)
      await write(
        config,
        (dir) => removeSilence(dir, one),
        (dir) => silencePath(dir, one),
      );
    await print(there.length > 0 ? `${about} is told again\n` : `${about} was not silenced\n`);
    return EXIT.ok;
  }
  const seconds = secondsOf(call.line);
  if (typeof reason !== "string" || reason.trim() === "" || reason === TEXT)
    throw new UserError("say why", onceMore(call.line, { options: { reason: TEXT } }));
  const untilMs = nowMs + seconds * 1000;
  const silence = { ...which, fromMs: nowMs, untilMs, reason };
  await write(
    config,
    (dir) => writeSilence(dir, silence),
    (dir) => silencePath(dir, which),
  );
  await print(
    `${about} is told no more until ${shortTime(isoWall(untilMs))} UTC; what was told before is told when it ends\n`,
  );
  return EXIT.ok;
}

/** `silences`. */
export async function silencesCommand(config: FleetHealthConfig, call: Call, nowMs: number): Promise<number> {
  const silences = (await silencesOf(config, call)).filter(({ untilMs }) => untilMs > nowMs);
  const shown = silences.map(({ host, symptom, fromMs, untilMs, reason }) => ({
    ...{ host, symptom, from: isoWall(fromMs), until: isoWall(untilMs), reason },
  }));
  const table = columns([
    ["HOST", "SYMPTOM", "FOR", "REASON"],
    ...silences.map(({ host, symptom, untilMs, reason }) => [
      ...[nameOf(host), symptom ?? "all", formatSeconds(Math.round((untilMs - nowMs) / 1000)), reason],
    ]),
  ]);
  const text = silences.length === 0 ? "nothing is silenced" : table.join("\n");
  await print(`${call.line.options.json === true ? JSON.stringify({ at: isoWall(nowMs), silences: shown }) : text}\n`);
  return EXIT.ok;
}

/** `retire <host>`, or `--undo`. */
export async function retireCommand(config: FleetHealthConfig, { line }: Call, nowMs: number): Promise<number> {
  const host = await hostOf(config, line, nowMs);
  const { retiredMs, doubt } = await readRetired(config.stateDir ?? "");
  // What cannot be read would be written over.
  if (doubt !== null) throw new UserError(doubt.what, doubt.fix, EXIT.undelivered);
  const retired = new Map(retiredMs);
  const isUndone = line.options.undo === true;
  if (isUndone && !retired.has(host)) {
    await print(`${host} was not retired\n`);
    return EXIT.ok;
  }
  if (isUndone) retired.delete(host);
  else retired.set(host, nowMs);
  await write(config, (dir) => writeRetired(dir, retired), retiredPath);
  await print(isUndone ? `${host} is watched again\n` : `${host} is watched no more, unless it ships again\n`);
  return EXIT.ok;
}

/** Those that can be read; what stands in the way of others is said. */
async function silencesOf({ stateDir }: FleetHealthConfig, { log }: Pick<Call, "log">): Promise<Silence[]> {
  const { silences, doubts } = await readSilences(stateDir ?? "");
  for (const doubt of doubts) log.warn(doubt);
  return silences;
}

/** A day more than a year: what is not to be told for longer is retired. */
const SILENCE_DAYS = 366;

/** @throws UserError for what is no duration, and for one of more than a year */
function secondsOf(line: CommandLine): number {
  const { for: duration } = line.options;
  const seconds = typeof duration === "string" ? parseSeconds(duration) : null;
  if (seconds !== null && seconds <= SILENCE_DAYS * 86_400) return seconds;
  const given = `--for ${quoted(String(duration))}`;
  const wrong = seconds === null ? `${given} is no duration` : `${given} is more than ${SILENCE_DAYS} days`;
  throw new UserError(
    duration === undefined ? "say for how long" : wrong,
    onceMore(whole(line), { options: { for: seconds === null ? FOR : `${SILENCE_DAYS}d` } }),
  );
}

/** With whatever else a silence has to have. */
function whole(line: CommandLine): CommandLine {
  const { command, options } = line;
  if (command !== "silence" || options.end === true) return line;
  const { for: duration = FOR, reason = TEXT } = options;
  return { ...line, options: { ...options, for: duration, reason } };
}

/** @throws UserError for none, and for one of whom nothing is known */
async function hostOf(config: FleetHealthConfig, line: CommandLine, nowMs: number): Promise<string> {
  const [host] = line.operands;
  if (host === undefined) throw new UserError("name the host", onceMore(whole(line), { operands: [HOST] }));
  const { facts, state } = await readStanding(config, nowMs);
  // One that has vanished from the index may have incidents still.
  const names = [...facts, ...state.watch.incidents].map((one) => one.host).filter(isName);
  if (names.includes(host)) return host;
  const guess = nearest(host, names);
  const meant = guess === null ? "" : `; did you mean ${guess}?`;
  throw new UserError(`nothing is known of a host ${quoted(host)}${meant}`, seeAll(line.options));
}

/** Of the same collector. */
function seeAll(options: CommandLine["options"]): Fix {
  const places = Object.entries(options).filter(([name]) => ["config", "state-path"].includes(name));
  const status = { command: "status", operands: [], options: Object.fromEntries(places) };
  return { text: "see all", commands: onceMore(status, { options: { all: true } }).commands };
}

/** Whom a silence is of: a host, every host, or the collector. @throws UserError for none of them, or two */
async function silencedOf(config: FleetHealthConfig, line: CommandLine, nowMs: number): Promise<string> {
  const { operands, options } = line;
  const isNamed = { host: operands[0] !== undefined, all: options.all === true, collector: options.collector === true };
  if (Object.values(isNamed).filter(Boolean).length > 1) {
    // The one that silences least.
    const drop = isNamed.host ? ["all", "collector"] : ["all"];
    throw new UserError("name a host, --all or --collector, and not two of them", onceMore(whole(line), { drop }));
  }
  const [instead] = operands.flatMap((word) => (word === MANY ? "all" : word === COLLECTOR ? "collector" : []));
  if (instead !== undefined)
    throw new UserError(
      `${instead === "all" ? "every host" : "the collector"} is meant by --${instead}`,
      onceMore(whole(line), { operands: [], options: { [instead]: true } }),
    );
  if (isNamed.all) return MANY;
  if (isNamed.collector) return COLLECTOR;
  return hostOf(config, line, nowMs);
}

function nameOf(host: string): string {
  return host === MANY ? "every host" : host === COLLECTOR ? "this collector" : host;
}

function symptomOf(value: string | true | undefined, host: string): Silence["symptom"] {
  if (typeof value !== "string") return null;
  const names = host === COLLECTOR ? COLLECTOR_SYMPTOMS : SYMPTOMS.map(({ name }) => name);
  if (names.includes(value)) return value;
  const guess = nearest(value, names);
  throw new UserError(
    `there is no symptom ${quoted(value)} of ${host === COLLECTOR ? "a collector" : "a host"}${guess === null ? "" : `; did you mean ${guess}?`}`,
    `one of: ${names.join(", ")}`,
  );
}

/** @param fileOf which file it writes */
async function write(
  { stateDir }: FleetHealthConfig,
  act: (dir: string) => Promise<void>,
  fileOf: (dir: string) => string,
): Promise<void> {
  const dir = stateDir ?? "";
  try {
    await act(dir);
  } catch (error) {
    const code = errorCode(error);
    if (code === null) throw error;
    const { what, fix } = whyNotWritten(`this cannot be kept in ${dir}`, dir, code, fileOf(dir));
    throw new UserError(what, fix, EXIT.undelivered);
  }
}
