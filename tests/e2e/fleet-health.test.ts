// The health check of real executables: a receiver and a shipper make what it reads.

import { expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseHealthRun } from "../../lib/contract/health-run.ts";
import { Fleet, HOST, until } from "../support/fleet.ts";

setDefaultTimeout(180_000);

/** `minutes` from now, as --now takes it. */
const inMinutes = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toISOString();

function look(fleet: Fleet, ...args: string[]) {
  const { code, stdout, stderr } = fleet.runNow("fleet-health", ["--config", fleet.collectorConfig, "--json", ...args]);
  expect(code, stderr).toBe(0);
  return { ...JSON.parse(stdout), stderr };
}

/** As of a receiver that writes no ticks: of the time to come it could have written none, and that would count against nobody. */
function withoutTicks(fleet: Fleet): void {
  rmSync(join(fleet.collectorData, "ticks"));
}

/** An upload whose refusal its headers decide. */
async function refused(fleet: Fleet, url: string, id: string): Promise<string> {
  const digest = createHash("sha256").update("x").digest("base64");
  const answer = await fetch(`${url}/v1/episodes/${HOST}/${id}.tar.zst`, {
    method: "PUT",
    body: "x",
    headers: { authorization: `Bearer ${fleet.token}`, "repr-digest": `sha-256=:${digest}:` },
  });
  return `${answer.status} ${((await answer.json()) as { reason: string }).reason}`;
}

test("a host that ships is well; half an hour later it is silent, and the alert says what to do", async () => {
  await using fleet = new Fleet();
  const receiver = await fleet.startReceiver();
  fleet.writeHostConfig(receiver.url);
  // A collector that nothing has come to yet has an index all the same.
  expect(look(fleet)).toMatchObject({ hosts: 0, alerts: [], no_data: [] });
  fleet.episode("ep1", { "data.bin": "0123456789" });
  expect(fleet.shipOnce().code).toBe(0);
  expect(look(fleet)).toMatchObject({ index: { read: "onward", rows: 1 }, hosts: 1, alerts: [], no_data: [] });
  expect(look(fleet, "--now", inMinutes(29))).toMatchObject({ alerts: [] });
  expect(existsSync(join(fleet.collectorData, "alerts.jsonl"))).toBe(false);
  const state = join(fleet.directory, "state");
  const alertsPath = join(fleet.collectorData, "alerts.jsonl");
  expect(look(fleet, "--now", inMinutes(31), "--state-path", join(fleet.directory, "other")).alerts).toHaveLength(1);
  expect(existsSync(alertsPath)).toBe(false);
  const { alerts, stderr } = look(fleet, "--now", inMinutes(31), "--state-path", state, "--alerts-path", alertsPath);
  expect(alerts).toMatchObject([{ host: HOST, symptom: "silent", suggested_fix: `On ${HOST}: sudo shipper status` }]);
  expect(stderr).toContain(`ALERT host=${HOST} symptom=silent — last successful ship 31 min ago (`);
  expect(readdirSync(state).sort()).toEqual(["last-run.json", "lock", "spare", "state.json"]);
  const [line = ""] = readFileSync(join(fleet.collectorData, "alerts.jsonl"), "utf8").split("\n");
  expect(Object.keys(JSON.parse(line))).toEqual([
    "host",
    "symptom",
    "detail",
    "suggested_fix",
    "detected_at_wall",
    "dedup_key",
    "held_by",
  ]);
  const run = readFileSync(join(fleet.collectorData, "fleet-health/last-run.json"), "utf8");
  expect(parseHealthRun(run)).toMatchObject({ exit: 0, problem: null, hosts: 1, new_alerts: 0 });
});

test("a host that is refused throughout, for a commit that it does not say, is fatal-only and unstamped", async () => {
  await using fleet = new Fleet({ gate: "require_commit = true" });
  const receiver = await fleet.startReceiver();
  for (let i = 0; i < 9; i++) expect(await refused(fleet, receiver.url, `ep${i}`)).toBe("400 missing-commit");
  await until("the attempts are on the disk", () => fleet.attempts().length === 9);
  expect(look(fleet)).toMatchObject({ alerts: [] });
  expect(await refused(fleet, receiver.url, "ep9")).toBe("400 missing-commit");
  await until("the last attempt is on the disk", () => fleet.attempts().length === 10);
  const { alerts } = look(fleet);
  expect(alerts.map(({ host, symptom }: { host: string; symptom: string }) => `${host} ${symptom}`)).toEqual([
    `${HOST} unstamped`,
    `${HOST} fatal-only`,
  ]);
  expect(look(fleet)).toMatchObject({ alerts: [] });
});

test("flags alone will do, as with the Python fleet's check; an index that is not there is no healthy fleet", async () => {
  await using fleet = new Fleet();
  const path = (name: string): string => join(fleet.directory, name);
  const args = ["--index-path", path("index.jsonl"), "--alerts-path", path("alerts.jsonl")];
  const gone = fleet.runNow("fleet-health", args);
  expect([gone.code, gone.stdout, gone.stderr]).toEqual([
    2,
    "",
    `fleet-health: the index ${path("index.jsonl")} is not there\n` +
      "fleet-health: fix: start the receiver, mount its disk, or name the index with --index-path\n",
  ]);
  await Bun.write(path("index.jsonl"), "");
  const { code, stderr } = fleet.runNow("fleet-health", args);
  expect([code, stderr]).toEqual([0, expect.stringContaining("fleet healthy — 0 hosts checked, no new alerts")]);
});

test("an incident is seen from its first run to its end; a silence holds its news back, and a retired host is watched no more", async () => {
  await using fleet = new Fleet();
  const receiver = await fleet.startReceiver();
  fleet.writeHostConfig(receiver.url);
  fleet.episode("ep1", { "data.bin": "0123456789" });
  expect(fleet.shipOnce().code).toBe(0);
  const state = ["--state-path", join(fleet.directory, "state")];
  const ask = (...args: string[]) => {
    const { code, stdout, stderr } = fleet.runNow("fleet-health", [
      ...args,
      "--config",
      fleet.collectorConfig,
      ...state,
    ]);
    return { code, out: stdout, err: stderr };
  };
  expect(ask("status")).toMatchObject({
    code: 3,
    err: expect.stringContaining("the health check has left nothing in "),
  });
  expect(look(fleet, "--now", inMinutes(50))).toMatchObject({ incidents: [] });
  withoutTicks(fleet);
  for (const minutes of [31, 36]) look(fleet, "--now", inMinutes(minutes), ...state);
  expect(ask("status").out).toMatch(
    new RegExp(
      `^hosts as of now, incidents as of the run .*\n.*\n${HOST} +silent +pending .*it has shipped nothing for 3[56]min`,
      "m",
    ),
  );
  expect(ask("silence", HOST, "--for", "2h", "--reason", "moved").out).toMatch(
    /^lab1 is told no more until .* UTC; what was told before is told when it ends/,
  );
  expect(look(fleet, "--now", inMinutes(41), ...state)).toMatchObject({ incidents: [] });
  expect(ask("status").out).toMatch(/silent +firing, held: silenced /);
  expect(ask("silences").out).toMatch(/^HOST +SYMPTOM +FOR +REASON\nlab1 +all +(2h|1h 59min).* moved\n$/);
  expect(ask("silence", HOST, "--for", "1h", "--reason", "x", "--symptom", "silent").code).toBe(0);
  expect(ask("silence", HOST, "--end", "--for", "1h")).toMatchObject({
    code: 2,
    err: expect.stringContaining("neither --for nor --reason"),
  });
  expect(ask("silence", HOST, "--end").out).toBe("lab1 is told again\n");
  expect(ask("silences").out).toBe("nothing is silenced\n");
  const { incidents, stderr } = look(fleet, "--now", inMinutes(46), ...state);
  expect(incidents).toMatchObject([{ host: HOST, symptom: "silent", change: "firing", told: true }]);
  expect(stderr).toContain(`FIRING ${HOST}: silent since `);
  expect(ask("retire", "lab2").err).toContain('nothing is known of a host "lab2"; did you mean lab1?');
  expect(ask("retire", HOST).out).toBe("lab1 is watched no more, unless it ships again\n");
  expect(look(fleet, "--now", inMinutes(51), ...state)).toMatchObject({ incidents: [{ change: "retired" }] });
  expect(ask("status", "--all").out).toMatch(new RegExp(`^${HOST} +retired`, "m"));
  expect(ask("retire", HOST, "--undo").out).toBe("lab1 is watched again\n");
  expect(ask("retire", HOST, "--undo").out).toBe("lab1 was not retired\n");
  const history = readFileSync(join(fleet.directory, "state/incidents.jsonl"), "utf8").trimEnd().split("\n");
  expect(history.map((line) => JSON.parse(line).change)).toEqual(["pending", "firing", "firing", "retired"]);
});

test("the receiver says whether anybody looks at the fleet, and is ready all the same", async () => {
  await using fleet = new Fleet();
  const receiver = await fleet.startReceiver();
  const told = async (): Promise<[string, string | undefined]> => {
    const ready = await fetch(`${receiver.url}/readyz`);
    const status = fleet.runNow("receiver", ["status", "--config", fleet.collectorConfig]).stdout;
    return [`${ready.status} ${await ready.text()}`, /^watched +(.*)$/m.exec(status)?.[1]];
  };
  expect(await told()).toEqual([
    "200 ready\n",
    "nobody looks at the fleet: fleet-health has never run here; fix: sudo systemctl enable --now labfleet-fleet-health.timer && sudo systemctl start labfleet-fleet-health",
  ]);
  look(fleet);
  expect(await told()).toEqual(["200 ready\n", expect.stringMatching(/^by fleet-health, [\d.]+s ago$/)]);
  const nowhere = ["--index-path", join(fleet.directory, "nowhere"), "--state-path"];
  expect(
    fleet.runNow("fleet-health", [
      "--config",
      fleet.collectorConfig,
      ...nowhere,
      join(fleet.collectorData, "fleet-health"),
    ]).code,
  ).toBe(2);
  expect(await told()).toEqual([
    "200 ready\nfleet-health could not do its work\n",
    expect.stringContaining(
      `fleet-health could not do its work: the index ${join(fleet.directory, "nowhere")} is not there; fix: `,
    ),
  ]);
});

test("what a person mistypes is said with what was meant", async () => {
  await using fleet = new Fleet();
  await fleet.startReceiver();
  look(fleet);
  const ask = (...args: string[]) => {
    const { code, stderr } = fleet.runNow("fleet-health", [...args, "--config", fleet.collectorConfig]);
    return `${code} ${stderr}`;
  };
  expect(ask("silence")).toBe(
    `2 fleet-health: name the host\nfleet-health: fix: sudo fleet-health silence <host> --config ${fleet.collectorConfig} --for 2h --reason TEXT\n`,
  );
  expect(ask("silense", "lab1")).toContain('no command "silense"; did you mean silence?');
  expect(ask("silence", "lab8", "--for", "2h", "--reason", "x")).toBe(
    `2 fleet-health: nothing is known of a host "lab8"; did you mean lab1?\nfleet-health: fix: see all: sudo fleet-health status --config ${fleet.collectorConfig} --all\n`,
  );
});
