import { expect, onTestFinished, spyOn, test } from "bun:test";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseHealthRun } from "../../lib/contract/health-run.ts";
import { dataPaths } from "../../lib/contract/places.ts";
import { UserError } from "../../lib/core/failure.ts";
import { findingText } from "../../lib/core/finding.ts";
import { checkCommand } from "../../lib/fleet-health/check.ts";
import type { Mailbox } from "../../lib/fleet-health/notify/mailbox.ts";
import { isoText } from "../../lib/fleet-health/python/python-time.ts";
import { DEFAULT_THRESHOLDS, type FleetHealthConfig, placesOf } from "../../lib/fleet-health/settings.ts";
import { parseState } from "../../lib/fleet-health/state/state.ts";
import * as answer from "../../lib/os/answer.ts";
import * as syncFiles from "../../lib/os/files/sync-files.ts";
import type { Log, LogMessage } from "../../lib/runtime/log/log.ts";
import { tempDir } from "../support/temp-dir.ts";
import { channelWith } from "./support.ts";

/** 2026-05-01T06:37:53.830599+00:00 */
const NOW = 1_777_617_473_830_599;
const MINUTE = 60e6;
const HOUR = 60 * MINUTE;

interface Lab {
  root: string;
  config: FleetHealthConfig;
}

/** A collector whose index has these hosts, each with the age of its newest row. */
function lab(hosts: Readonly<Record<string, number>> = { lab1: 90 * MINUTE, lab2: MINUTE }): Lab {
  const root = tempDir();
  mkdirSync(dataPaths(root).attempts);
  const rows = Object.entries(hosts).map(([host, age]) => row(host, NOW - age));
  writeFileSync(dataPaths(root).index, rows.join(""));
  const config = {
    ...placesOf(root),
    journalUnit: null,
    recentWindowMin: 30,
    thresholds: DEFAULT_THRESHOLDS,
    expireAfterMs: 14 * 86_400_000,
    silentAfterMs: {},
    pingUrl: null,
    channels: [],
  };
  return { root, config };
}

const row = (host: string, micros: number): string =>
  `${JSON.stringify({ host_id: host, received_at_wall: isoText(micros) })}\n`;

interface Run {
  code: number;
  said: string[];
  json: Record<string, unknown>;
}

/** A directory is held for the life of a process: here each run has it after the one before. */
async function run({ config }: Lab, nowMicros = NOW, isHeld = false): Promise<Run> {
  if (config.stateDir !== null && !isHeld) rmSync(join(config.stateDir, "lock"), { force: true });
  const said: string[] = [];
  const at = (level: string) => (message: LogMessage) => {
    said.push(`${level} ${typeof message === "string" ? message : findingText(message, "collector")}`);
  };
  const log: Log = { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
  let printed = "{}";
  using _ = spyOn(answer, "print").mockImplementation(async (text) => {
    printed = text;
    return true;
  });
  const code = await checkCommand(config, { nowMicros, json: true }, log);
  return { code, said, json: JSON.parse(printed) };
}

const alertsOf = ({ root }: Lab): string[] =>
  readFileSync(dataPaths(root).alerts, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const { host, symptom } = JSON.parse(line);
      return `${host} ${symptom}`;
    });
const lastRun = ({ root }: Lab) => parseHealthRun(readFileSync(join(root, "fleet-health/last-run.json"), "utf8"));

test("a sick host is an alert, and the run has done its work", async () => {
  const at = lab();
  const { code, said, json } = await run(at);
  expect(code).toBe(0);
  expect(said).toEqual([
    "info ALERT host=lab1 symptom=silent — last successful ship 90 min ago (2026-05-01T05:07:53.830599+00:00). Suggested: On lab1: sudo shipper status (held: pending)",
    `info emitted 1 new alert; see ${join(at.root, "alerts.jsonl")}`,
  ]);
  expect(json).toEqual({
    at: "2026-05-01T06:37:53.830599+00:00",
    index: { path: join(at.root, "index.jsonl"), read: "whole", rows: 2, bad_rows: 0 },
    hosts: 2,
    alerts: [
      {
        host: "lab1",
        symptom: "silent",
        detail: "last successful ship 90 min ago (2026-05-01T05:07:53.830599+00:00)",
        suggested_fix: "On lab1: sudo shipper status",
        detected_at_wall: "2026-05-01T06:37:53.830599+00:00",
        held_by: "pending",
      },
    ],
    incidents: [],
    no_data: [],
  });
  expect(alertsOf(at)).toEqual(["lab1 silent"]);
  expect(lastRun(at)).toMatchObject({ exit: 0, problem: null, hosts: 2, rows: 2, bad_rows: 0, new_alerts: 1 });
});

test("the next run reads on, and knows what was read before", async () => {
  const at = lab();
  await run(at);
  appendFileSync(dataPaths(at.root).index, `no row\n${row("lab3", NOW)}`);
  const { said, json } = await run(at, NOW + 31 * MINUTE);
  expect(json.index).toEqual({ path: join(at.root, "index.jsonl"), read: "onward", rows: 1, bad_rows: 1 });
  expect(said[0]).toBe(`warn 1 line of ${join(at.root, "index.jsonl")} is no row; fix: sudo receiver verify`);
  expect(alertsOf(at)).toEqual(["lab1 silent", "lab1 silent", "lab2 silent", "lab3 silent"]);
  expect((await run(at, NOW + 31 * MINUTE)).json.alerts).toEqual([]);
});

test("nothing is kept where nothing is to be: each run reads all", async () => {
  const at = lab();
  const still = { ...at, config: { ...at.config, stateDir: null } };
  expect((await run(still)).json.index).toMatchObject({ read: "whole" });
  expect((await run(still)).json.index).toMatchObject({ read: "whole" });
  expect(() => lastRun(at)).toThrow("ENOENT");
});

test("a journal that cannot be read changes no word of the Python fleet's rows", async () => {
  const at = lab();
  const programs = tempDir();
  writeFileSync(join(programs, "journalctl"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  const path = process.env.PATH;
  process.env.PATH = programs;
  onTestFinished(() => void Object.assign(process.env, { PATH: path }));
  const { code, said } = await run({ ...at, config: { ...at.config, journalUnit: "cis490-receiver" } });
  expect([code, said[0]]).toEqual([0, 'warn journalctl ended with 1: ""']);
  expect(JSON.parse(readFileSync(dataPaths(at.root).alerts, "utf8"))).toMatchObject({
    ...{ host: "lab1", symptom: "silent" },
    suggested_fix: expect.stringContaining("systemctl status cis490-shipper cis490-orchestrator"),
  });
});

test("an index that is not there ends the run with 2, and the note on the run says so", async () => {
  const at = lab();
  rmSync(dataPaths(at.root).index);
  const error = await run(at).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  const { message, exitCode, hint } = error as UserError;
  expect([message, exitCode, hint]).toEqual([
    `the index ${join(at.root, "index.jsonl")} is not there`,
    2,
    "start the receiver, mount its disk, or name the index with --index-path",
  ]);
  expect(lastRun(at)).toMatchObject({ exit: 2, problem: message, fix: hint, hosts: 0 });
});

test("a channel whose files cannot be used costs neither the exit code nor what the others are told", async () => {
  const at = lab();
  const path = (name: string): string => join(at.root, name);
  writeFileSync(path("token"), "S3CRET 🔑\n");
  writeFileSync(path("ca"), "-----BEGIN CERTIFICATE-----\nMIIB\n");
  const took = (name: string) =>
    channelWith({ name, type: "command", url: null, command: ["/bin/sh", "-c", `cat >${path(name)}`] });
  const channels = [
    ...[took("first"), channelWith({ name: "token", tokenFile: path("token"), url: "http://127.0.0.1:1/" })],
    channelWith({ name: "ca", type: "alertmanager", caBundle: path("ca"), url: "https://127.0.0.1:1/" }),
    took("last"),
  ];
  const told = { ...at, config: { ...at.config, channels } };
  expect((await run(told)).code).toBe(3);
  rmSync(dataPaths(at.root).index);
  const error = (await run(told, NOW + 5 * MINUTE).catch((thrown: unknown) => thrown)) as UserError;
  expect([error.exitCode, lastRun(at)?.exit]).toEqual([2, 2]);
  for (const name of ["first", "last"])
    expect(readFileSync(path(name), "utf8")).toContain('"symptom":"detector-blind"');
  expect((await run(told, NOW + 10 * MINUTE).catch((thrown: unknown) => thrown)) as UserError).toMatchObject({
    exitCode: 2,
  });
  const { mailboxes } = JSON.parse(readFileSync(path("fleet-health/state.json"), "utf8"));
  expect(mailboxes.map(({ channel, failures, waiting }: Mailbox) => [channel, failures, waiting.length])).toEqual([
    ["first", 0, 0],
    ["token", 2, 1],
    ["ca", 3, 0],
    ["last", 0, 0],
  ]);
});

test("whoever is asked at the end of each run is told whether it could do its work; nobody is where nothing is kept", async () => {
  const at = lab();
  const asked: string[] = [];
  await using server = Bun.serve({
    ...{ port: 0, hostname: "127.0.0.1" },
    fetch: ({ url }) => new Response(`${asked.push(url.slice(url.indexOf("/ping")))}`),
  });
  const config = { ...at.config, pingUrl: `http://127.0.0.1:${server.port}/ping/1?rid=2` };
  await run({ ...at, config });
  await run({ ...at, config: { ...config, alertsPath: null, stateDir: null } });
  rmSync(dataPaths(at.root).index);
  await run({ ...at, config }, NOW + 5 * MINUTE).catch(() => null);
  expect(asked).toEqual(["/ping/1?rid=2", "/ping/1/fail?rid=2"]);
});

test("alerts that cannot be written are in the log, the run ends with 3, and its incidents go on", async () => {
  const at = lab();
  const elsewhere = { ...at, config: { ...at.config, alertsPath: "/proc/self/nowhere/alerts.jsonl" } };
  const { code, said } = await run(elsewhere);
  expect(code).toBe(3);
  expect(said[0]).toStartWith("info ALERT host=lab1 symptom=silent ");
  expect(said[1]).toBe("info 1 new alert, which could not be written");
  expect(said.at(-1)).toStartWith("error alerts cannot be appended to /proc/self/nowhere/alerts.jsonl: ");
  expect(lastRun(at)).toMatchObject({ exit: 3, problem: said.at(-1)?.split(": fix")[0]?.slice(6).split("; fix: ")[0] });
  await run(elsewhere, NOW + 5 * MINUTE);
  const { json } = await run(elsewhere, NOW + 10 * MINUTE);
  expect(json.incidents).toMatchObject([{ host: "lab1", symptom: "silent", change: "firing", told: true }]);
  const directory = { ...at, config: { ...at.config, alertsPath: at.root } };
  expect((await run(directory, NOW + 15 * MINUTE)).said.at(-1)).toBe(
    `error alerts cannot be appended to ${at.root}: ${at.root} is a directory; fix: sudo mv -T ${at.root} ${at.root}.aside`,
  );
});

test("as of another time alerts are said, and written nowhere", async () => {
  const at = lab();
  const { code, said } = await run({ ...at, config: { ...at.config, alertsPath: null, stateDir: null } });
  expect([code, said.at(-1)]).toEqual([
    0,
    "info 1 new alert; with --now nothing is written but where --alerts-path says",
  ]);
  expect(readdirSync(at.root).sort()).toEqual(["attempts", "index.jsonl"]);
});

test("an index that is cut, or that is a pipe, is no healthy fleet", async () => {
  const at = lab({ lab1: MINUTE, lab2: MINUTE, lab3: MINUTE });
  await run(at);
  writeFileSync(dataPaths(at.root).index, row("lab2", NOW));
  const cut = await run(at, NOW + 5 * MINUTE);
  const what = `${join(at.root, "index.jsonl")} has no row of lab1 and 1 other host any more: it was replaced or cut`;
  expect(cut.said[0]).toBe(`warn ${what}; fix: sudo receiver verify`);
  expect(cut.json).toMatchObject({ incidents: [{ host: "@", symptom: "detector-blind" }] });
  rmSync(dataPaths(at.root).index);
  Bun.spawnSync(["mkfifo", dataPaths(at.root).index]);
  const error = (await run(at, NOW + 10 * MINUTE).catch((thrown: unknown) => thrown)) as UserError;
  expect([error.exitCode, error.message]).toEqual([
    2,
    `the index ${join(at.root, "index.jsonl")} cannot be read: "EINVAL: no regular file"`,
  ]);
});

test("rows that a kill has kept out of the history come before those of the next run", async () => {
  const at = lab();
  for (const minutes of [0, 5, 10]) await run(at, NOW + minutes * MINUTE);
  const history = join(at.root, "fleet-health/incidents.jsonl");
  const lines = readFileSync(history, "utf8").trimEnd().split("\n");
  expect(lines).toHaveLength(3);
  writeFileSync(history, `${lines[0]}\n`);
  await run(at, NOW + 15 * MINUTE);
  expect(readFileSync(history, "utf8").trimEnd().split("\n")).toEqual(lines);
});

test("what was told long ago is ended after a lost state, however much came since", async () => {
  const at = lab();
  for (const minutes of [0, 5, 10]) await run(at, NOW + minutes * MINUTE);
  const history = join(at.root, "fleet-health/incidents.jsonl");
  const last = JSON.parse(readFileSync(history, "utf8").trimEnd().split("\n").at(-1) ?? "");
  const later = Array.from({ length: 45_000 }, (_, i) => {
    const [host, sequence] = [`old${i % 100}`, last.sequence + 1 + i];
    return JSON.stringify({ ...last, sequence, host, change: "pending", told: false, what: "w".repeat(300) });
  });
  appendFileSync(history, `${later.join("\n")}\n`);
  writeFileSync(join(at.root, "fleet-health/state.json"), "torn");
  const told: unknown[] = [];
  for (const minutes of [15, 20]) {
    appendFileSync(dataPaths(at.root).index, row("lab1", NOW + minutes * MINUTE));
    told.push(...((await run(at, NOW + minutes * MINUTE)).json.incidents as unknown[]));
  }
  expect(told).toMatchObject([
    { host: "lab1", symptom: "silent", change: "recovered", sequence: last.sequence + 45_002 },
  ]);
});

test("what cannot be kept is said, and the run ends with 3 with its alerts written", async () => {
  const at = lab();
  writeFileSync(join(at.root, "file"), "");
  const { code, said } = await run(
    { ...at, config: { ...at.config, stateDir: join(at.root, "file/below") } },
    NOW,
    true,
  );
  expect(code).toBe(3);
  expect(said.at(-1)).toStartWith(`error what this run found cannot be kept in ${join(at.root, "file/below")}: `);
  expect(alertsOf(at)).toEqual(["lab1 silent"]);
  const again = await run({ ...at, config: { ...at.config, stateDir: join(at.root, "file/below") } }, NOW, true);
  expect(again.said).toContain("info 2 hosts checked, no new alerts; which incidents stand is not known");
});

test("a disk that is full is said once, whatever it keeps from being written", async () => {
  const at = lab();
  const full = Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
  using _ = spyOn(syncFiles, "replaceDurable").mockImplementation(() => {
    throw full;
  });
  const { code, said } = await run(at);
  const errors = said.filter((line) => line.startsWith("error "));
  expect([code, errors]).toEqual([
    3,
    [expect.stringMatching(/^error what this run found cannot be kept in .*: the file system at .* is full; fix: /)],
  ]);
});

test("a note on the run that alone cannot be kept is said, too", async () => {
  const at = lab();
  const path = join(at.root, "fleet-health/last-run.json");
  mkdirSync(path, { recursive: true });
  const { code, said } = await run(at);
  expect([code, said.at(-1)]).toEqual([
    3,
    `error what this run found cannot be kept in ${join(at.root, "fleet-health")}: ${path} is a directory; fix: sudo mv -T ${path} ${path}.aside`,
  ]);
});

test("another run that is at work is left alone, and so is what is known of it", async () => {
  const at = lab();
  const lock = join(at.root, "fleet-health/lock");
  mkdirSync(join(at.root, "fleet-health"));
  const other = Bun.spawn(["flock", lock, "sh", "-c", "echo held; read line"], { stdin: "pipe", stdout: "pipe" });
  await other.stdout.getReader().read();
  const { code, said } = await run(at, NOW, true);
  expect([code, ...said]).toEqual([
    0,
    `info another run is at work in ${join(at.root, "fleet-health")}, and this one leaves it at that`,
  ]);
  expect(readdirSync(join(at.root, "fleet-health"))).toEqual(["lock"]);
  other.stdin.end();
  await other.exited;
});

test("a channel that the configuration does not name for some runs is told the end that came meanwhile", async () => {
  const at = lab();
  const took = join(at.root, "took");
  const channels = [channelWith({ type: "command", url: null, command: ["/bin/sh", "-c", `cat >>${took}`] })];
  const told = { ...at, config: { ...at.config, channels } };
  for (const minutes of [0, 5, 10]) await run(told, NOW + minutes * MINUTE);
  for (const minutes of [15, 20]) {
    appendFileSync(dataPaths(at.root).index, row("lab1", NOW + minutes * MINUTE));
    await run(at, NOW + minutes * MINUTE);
  }
  for (const minutes of [25, 28]) await run(told, NOW + minutes * MINUTE);
  const changes = readFileSync(took, "utf8")
    .trimEnd()
    .split("\n")
    .flatMap((line) => JSON.parse(line).items.map((item: { change: string }) => item.change));
  expect(changes).toEqual(["firing", "recovered"]);
});

test("what is printed comes last: whoever reads it late, or not at all, holds up neither the telling nor the next run", async () => {
  const at = lab();
  const took = join(at.root, "took");
  const channels = [channelWith({ type: "command", url: null, command: ["/bin/sh", "-c", `cat >${took}`] })];
  const told = { ...at, config: { ...at.config, channels } };
  for (const minutes of [0, 5]) await run(told, NOW + minutes * MINUTE);
  rmSync(join(at.root, "fleet-health/lock"));
  const { promise: stalled, resolve: read } = Promise.withResolvers<boolean>();
  const { promise: printing, resolve: begin } = Promise.withResolvers<void>();
  using printed = spyOn(answer, "print").mockImplementation(() => {
    begin();
    return stalled;
  });
  const nothing = (): void => undefined;
  const log: Log = { error: nothing, warn: nothing, info: nothing, debug: nothing };
  const how = { nowMicros: NOW + 10 * MINUTE, json: true };
  const first = checkCommand(told.config, how, log);
  await printing;
  expect(readFileSync(took, "utf8")).toContain('"symptom":"silent"');
  expect(lastRun(at)).toMatchObject({ exit: 0, problem: null });
  const next = { nowMicros: NOW + 15 * MINUTE, json: false };
  expect(await checkCommand(told.config, next, log)).toBe(0);
  const { runs_ms } = JSON.parse(readFileSync(join(at.root, "fleet-health/state.json"), "utf8"));
  expect(runs_ms[0]).toBe((NOW + 15 * MINUTE) / 1000);
  read(true);
  expect(await first).toBe(0);
  // A full disk takes no answer, and all the rest is done.
  printed.mockImplementation(() => Promise.reject(new UserError("ENOSPC", null, 3)));
  rmSync(took);
  rmSync(join(at.root, "fleet-health/lock"));
  for (const minutes of [20, 25]) {
    appendFileSync(dataPaths(at.root).index, row("lab1", NOW + minutes * MINUTE));
    const ended = checkCommand(told.config, { nowMicros: NOW + minutes * MINUTE, json: true }, log);
    expect(await ended.catch((thrown: unknown) => thrown)).toBeInstanceOf(UserError);
  }
  expect(readFileSync(took, "utf8")).toContain('"change":"recovered"');
});

test("who is refused is not known where there is nothing that tells it", async () => {
  const at = lab();
  rmSync(dataPaths(at.root).attempts, { recursive: true });
  const { code, said } = await run(at);
  expect(code).toBe(0);
  const what = `there is no ${join(at.root, "attempts/")}, so that nobody knows who is refused`;
  expect(said[0]).toBe(
    `warn ${what}; fix: of a Python receiver, name its unit: [fleet_health] journal_unit, or --journal-unit`,
  );
  expect(lastRun(at)).toMatchObject({ exit: 0, problem: what });
  // A collector that nothing was ever sent to has none, either.
  const fresh = lab({});
  rmSync(dataPaths(fresh.root).attempts, { recursive: true });
  expect((await run(fresh)).said).toEqual(["info fleet healthy — 0 hosts checked, no new alerts"]);
});

test("while an incident fires, or something cannot be read, no run calls the fleet healthy", async () => {
  const at = lab();
  const last = async (minutes: number) => (await run(at, NOW + minutes * MINUTE)).said.at(-1);
  await run(at);
  expect(await last(5)).toBe("info fleet healthy — 2 hosts checked, no new alerts");
  await run(at, NOW + 10 * MINUTE);
  expect(await last(15)).toBe(
    "info 2 hosts checked, no new alerts; 1 incident stands; fix: see what mends each: sudo fleet-health status",
  );
  // It is over when it was not seen for two runs.
  const well = (minutes: number): void =>
    appendFileSync(
      dataPaths(at.root).index,
      row("lab1", NOW + (minutes - 1) * MINUTE) + row("lab2", NOW + (minutes - 1) * MINUTE),
    );
  well(20);
  expect(await last(20)).toBe(
    "info 2 hosts checked, no new alerts; 1 incident stands; fix: see what mends each: sudo fleet-health status",
  );
  well(25);
  expect((await run(at, NOW + 25 * MINUTE)).said).toContain("info fleet healthy — 2 hosts checked, no new alerts");
  rmSync(dataPaths(at.root).attempts, { recursive: true });
  expect((await run(at, NOW + 26 * MINUTE)).said).toContain(
    "info 2 hosts checked, no new alerts; 1 incident stands; fix: see what mends each: sudo fleet-health status",
  );
});

test("many that are told together are one incident that stands", async () => {
  const hosts = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`lab${i}`, 90 * MINUTE]));
  const at = lab(hosts);
  for (const minutes of [0, 5, 10]) await run(at, NOW + minutes * MINUTE);
  expect((await run(at, NOW + 15 * MINUTE)).said.at(-1)).toBe(
    "info 6 hosts checked, no new alerts; 1 incident stands; fix: see what mends each: sudo fleet-health status",
  );
});

test("what was not read for the lookback of before is read for a longer one", async () => {
  const at = lab({ lab1: 30 * HOUR });
  // As after a run that read back only so far.
  await run(at);
  const path = join(at.root, "fleet-health/state.json");
  const state = JSON.parse(readFileSync(path, "utf8"));
  const keep = (since: number): void =>
    writeFileSync(path, JSON.stringify({ ...state, index: { ...state.index, seen: [], since_us: since } }));
  keep(NOW - 24 * HOUR);
  expect((await run(at)).json.index).toMatchObject({ read: "onward" });
  const longer = { ...at, config: { ...at.config, thresholds: { ...DEFAULT_THRESHOLDS, lookbackHours: 48 } } };
  expect((await run(longer)).json.index).toMatchObject({ read: "whole" });
  expect(alertsOf(at)).toEqual(["lab1 silent"]);
});

test("a host whose tokens were all revoked is told with why nothing comes from it, and what mends that", async () => {
  const at = lab({ lab5: 90 * MINUTE });
  const [from, to] = [isoText(NOW - 80 * MINUTE), isoText(NOW - 10 * MINUTE)];
  const sum = { from, to, remote: "10.0.0.7", host_id: "lab5", what: "episode", reason: "unauthorized", count: 12 };
  writeFileSync(join(dataPaths(at.root).attempts, "2026-05-01.jsonl"), `${JSON.stringify(sum)}\n`);
  for (const minutes of [0, 5]) await run(at, NOW + minutes * MINUTE);
  const { said } = await run(at, NOW + 10 * MINUTE);
  expect(said.filter((line) => line.includes("FIRING"))).toEqual([
    expect.stringMatching(
      /FIRING lab5: silent .*refused 12 times since yesterday, the newest unauthorized from 10\.0\.0\.7.*sudo receiver token add lab5/,
    ),
  ]);
});

test("an upload that was taken since the last run is a sign of life, though that was before the recent window", async () => {
  const at = lab({ lab1: MINUTE });
  await run(at);
  const taken = { at: isoText(NOW + 10 * MINUTE), host_id: "lab1", episode_id: "e", status: 200, reason: "duplicate" };
  const rest = { bytes: 1, code_commit: null, remote: "10.0.0.5:1" };
  writeFileSync(join(dataPaths(at.root).attempts, "2026-05-01.jsonl"), `${JSON.stringify({ ...taken, ...rest })}\n`);
  await run(at, NOW + 60 * MINUTE);
  const state = parseState(readFileSync(join(at.root, "fleet-health/state.json"), "utf8"));
  expect(state?.past.get("lab1")?.takenMs).toBeCloseTo((NOW + 10 * MINUTE) / 1000, 0);
});
