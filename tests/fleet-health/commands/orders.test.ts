// What a person says of hosts, whatever they are called, and whatever else lies in the directory.

import { expect, spyOn, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../../lib/core/failure.ts";
import { findingText } from "../../../lib/core/finding.ts";
import { retireCommand, silenceCommand, silencesCommand } from "../../../lib/fleet-health/commands/orders.ts";
import { parseFleetHealthConfig } from "../../../lib/fleet-health/config.ts";
import { NO_WATCH } from "../../../lib/fleet-health/incidents/watch.ts";
import { placesOf } from "../../../lib/fleet-health/settings.ts";
import { formatState } from "../../../lib/fleet-health/state/state.ts";
import * as answer from "../../../lib/os/answer.ts";
import type { Log, LogMessage } from "../../../lib/runtime/log/log.ts";
import type { Call } from "../../../lib/runtime/tool.ts";
import { tempDir } from "../../support/temp-dir.ts";

const NOON = Date.UTC(2026, 4, 1, 12);
const COMMANDS = {
  silence: silenceCommand,
  silences: silencesCommand,
  retire: retireCommand,
};

/** A collector that these hosts have shipped to. */
function collector(hosts: readonly string[]) {
  const config = { ...parseFleetHealthConfig("", "c").config, ...placesOf(tempDir()) };
  const dir = config.stateDir ?? "";
  mkdirSync(join(dir, "silences.d"), { recursive: true });
  const mark = { text: "", micros: NOON * 1000 };
  const checkpoint = { device: 1, inode: 1, offset: 0, head: "", before: "" };
  const seen = new Map(hosts.map((host) => [host, { any: mark, own: mark }]));
  const state = { index: { checkpoint, seen, sinceMicros: null }, past: new Map(), watch: NO_WATCH };
  writeFileSync(
    join(dir, "state.json"),
    formatState({ ...state, setBacks: [], tick: null, mailboxes: [], retired: [], sequence: 0, rows: [] }),
  );
  const told: string[] = [];
  const tell = (message: LogMessage): void => {
    told.push(typeof message === "string" ? message : findingText(message, "collector"));
  };
  const log: Log = { error: tell, warn: tell, info: tell, debug: tell };
  const call = async (command: keyof typeof COMMANDS, operands: string[], options: Call["line"]["options"] = {}) => {
    using _ = spyOn(answer, "print").mockImplementation(async (text) => {
      told.push(text.trimEnd());
      return true;
    });
    told.length = 0;
    await COMMANDS[command](config, { line: { command, operands, options }, log }, NOON).catch((error: unknown) => {
      if (!(error instanceof UserError)) throw error;
      told.push(`${error.message}; ${error.hint}`);
    });
    return [...told];
  };
  return { dir, call };
}

test.each(["constructor", "toString", "hasOwnProperty"])("a host called %s is silenced as any other", async (host) => {
  const { call } = collector([host]);
  expect((await call("silence", [host], { for: "2h", reason: "moved" }))[0]).toStartWith(
    `${host} is told no more until `,
  );
  expect((await call("silences", []))[0]).toMatch(new RegExp(`^${host} +all +2h +moved$`, "m"));
  expect(await call("silence", [host], { for: "soon" })).toEqual([
    `--for "soon" is no duration; sudo fleet-health silence ${host} --for 2h --reason TEXT`,
  ]);
  expect(await call("silence", [host], { end: true })).toEqual([`${host} is told again`]);
  expect(await call("retire", [host])).toEqual([`${host} is watched no more, unless it ships again`]);
});

test("nobody is silenced for more than a year, in one sentence", async () => {
  const { call } = collector(["lab1"]);
  const reason = "x";
  for (const time of ["999999999d", "367d", `${"9".repeat(300)}d`])
    expect(await call("silence", ["lab1"], { for: time, reason })).toEqual([
      `--for ${JSON.stringify(time)} is more than 366 days; sudo fleet-health silence lab1 --for 366d --reason x`,
    ]);
  expect((await call("silence", ["lab1"], { for: "366d", reason }))[0]).toStartWith("lab1 is told no more until ");
});

const SILENCE = "sudo fleet-health silence";
const CONFIG = { config: "/etc/my lab.toml", symptom: "silent" };
const KEPT = "--config '/etc/my lab.toml' --symptom silent";
test.each<[typed: string, operands: string[], options: Call["line"]["options"], said: string]>([
  ["no reason", ["lab1"], { for: "1h", ...CONFIG }, `say why; ${SILENCE} lab1 --for 1h ${KEPT} --reason TEXT`],
  [
    "the reason as it was proposed",
    ["lab1"],
    { reason: "TEXT", for: "1h" },
    `say why; ${SILENCE} lab1 --reason TEXT --for 1h`,
  ],
  ["an empty reason", ["lab1"], { reason: " ", for: "1h" }, `say why; ${SILENCE} lab1 --reason TEXT --for 1h`],
  [
    "no time",
    ["lab1"],
    { ...CONFIG, reason: "it's off" },
    `say for how long; ${SILENCE} lab1 ${KEPT} --reason 'it'\\''s off' --for 2h`,
  ],
  ["neither", ["lab1"], CONFIG, `say for how long; ${SILENCE} lab1 ${KEPT} --for 2h --reason TEXT`],
  ["no time of all", [], { all: true, reason: "-" }, `say for how long; ${SILENCE} --all --reason=- --for 2h`],
  [
    "a bad time",
    ["lab1"],
    { for: "soon", ...CONFIG, reason: "x" },
    `--for "soon" is no duration; ${SILENCE} lab1 --for 2h ${KEPT} --reason x`,
  ],
  ["no host", [], { for: "1h", ...CONFIG }, `name the host; ${SILENCE} <host> --for 1h ${KEPT} --reason TEXT`],
  ["no host to end", [], { end: true, ...CONFIG }, `name the host; ${SILENCE} <host> --end ${KEPT}`],
  [
    "a host and all",
    ["lab1"],
    { all: true, for: "1h", reason: "x" },
    `name a host, --all or --collector, and not two of them; ${SILENCE} lab1 --for 1h --reason x`,
  ],
  [
    "all and the collector",
    [],
    { all: true, collector: true, end: true },
    `name a host, --all or --collector, and not two of them; ${SILENCE} --collector --end`,
  ],
  [
    "a star",
    ["*"],
    { for: "1h", reason: "off" },
    `every host is meant by --all; ${SILENCE} --for 1h --reason off --all`,
  ],
  ["its sign", ["@"], { end: true }, `the collector is meant by --collector; ${SILENCE} --end --collector`],
  [
    "an end with a time",
    ["lab1"],
    { end: true, for: "1h", ...CONFIG },
    `--end ends a silence: it takes neither --for nor --reason; ${SILENCE} lab1 --end ${KEPT}`,
  ],
])("what mends a silence with %s keeps all that was given", async (_, operands, options, said) => {
  const { call } = collector(["lab1"]);
  expect(await call("silence", operands, options)).toEqual([said]);
});

test("what mends a retirement of nobody keeps all that was given", async () => {
  const { call } = collector(["lab1"]);
  expect(await call("retire", [])).toEqual(["name the host; sudo fleet-health retire <host>"]);
  expect(await call("retire", [], { undo: true, "state-path": "/x y" })).toEqual([
    "name the host; sudo fleet-health retire <host> --undo --state-path '/x y'",
  ]);
});

test("a torn silence is said with what mends it, and keeps nobody from the others, or from retiring a host", async () => {
  const { dir, call } = collector(["lab1"]);
  await call("silence", ["lab1"], { for: "2h", reason: "moved" });
  const torn = join(dir, "silences.d/lab9.json");
  writeFileSync(torn, '{"host');
  const said = `${torn} says nothing that can be understood; fix: sudo rm ${torn}`;
  expect(await call("silences", [])).toEqual([said, expect.stringContaining("lab1  all")]);
  expect(await call("silence", ["lab1"], { end: true })).toEqual([said, "lab1 is told again"]);
  expect(await call("retire", ["lab1"])).toEqual(["lab1 is watched no more, unless it ships again"]);
});

test("who is retired is not written over where it cannot be read", async () => {
  const { dir, call } = collector(["lab1"]);
  const torn = join(dir, "retired.json");
  writeFileSync(torn, '{"lab');
  expect(await call("retire", ["lab1"])).toEqual([`${torn} says nothing that can be understood; sudo rm ${torn}`]);
  expect(readFileSync(torn, "utf8")).toBe('{"lab');
});
