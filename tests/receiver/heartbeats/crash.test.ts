// SIGKILL at each step of storing a heartbeat: the latest is the old one or the new one, whole; an acknowledged one is
// there; one that is sent again after the kill is stored. And the command that reads what is there.

import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cleanUp, onCleanUp, tempDir, until } from "../support.ts";
import { heartbeat, readStored, result, send } from "./support.ts";

afterEach(cleanUp);

const RECEIVER = join(import.meta.dir, "../../../bin/receiver.ts");
/** The time of heartbeat 0. */
const BEGIN = Date.now() - 5000;
const BUN = [process.execPath, "--define", "LABFLEET_FAILPOINTS=true"];

function writeConfig(root: string): string {
  const config = join(root, "collector.toml");
  writeFileSync(
    config,
    `listen = "127.0.0.1:0"\n[paths]\ndata_root = "${root}/data"\nrun_dir = "${root}/run"\n[auth]\nrequire_token = false\n[limits]\ndisk_reserve = 0\n`,
  );
  return config;
}

/** Starts a real receiver that dies at `failpoint`. */
async function start(root: string, failpoint: string) {
  const config = writeConfig(root);
  const log = join(root, "log");
  writeFileSync(log, "");
  const child = Bun.spawn([...BUN, RECEIVER, "--config", config], {
    env: { ...process.env, LABFLEET_FAILPOINT: failpoint },
    stderr: Bun.file(log),
  });
  onCleanUp(() => child.kill("SIGKILL"));
  let port = "";
  await until(() => {
    port = /listening on 127\.0\.0\.1:(\d+)/.exec(readFileSync(log, "utf8"))?.[1] ?? "";
    return port !== "" || child.exitCode !== null || child.signalCode !== null;
  });
  const put = (sequence: number): Promise<string> => {
    // What is sent again is the same, time and all.
    const sent_at = new Date(BEGIN + sequence * 1000).toISOString();
    const body = heartbeat({ sequence, uptime_s: 1000 + sequence, sent_at, results: [result({ run: sequence })] });
    return send(`http://127.0.0.1:${port}`, body).then(
      async (answer) => ((await answer.json()) as { status: string }).status,
      () => "cut",
    );
  };
  return { child, put };
}

function numbers(root: string): { latest: number; rows: number[] } {
  const dir = join(root, "data/heartbeats");
  const day = new Date().toISOString().slice(0, 10);
  const rows = readFileSync(join(dir, `${day}.jsonl`), "utf8")
    .trim()
    .split("\n");
  return {
    latest: readStored(dir, "lab1").heartbeat.sequence,
    rows: rows.map((row) => JSON.parse(row).sequence),
  };
}

describe("killed at", () => {
  test.each([
    ["receiver.before-day-append", { latest: 1, rows: [1] }, "stored", [1, 2]],
    // The row is there twice: the host was not told, and sent it again.
    ["receiver.after-day-append", { latest: 1, rows: [1, 2] }, "stored", [1, 2, 2]],
    ["receiver.before-heartbeat-rename", { latest: 1, rows: [1, 2] }, "stored", [1, 2, 2]],
    ["receiver.after-heartbeat-rename", { latest: 2, rows: [1, 2] }, "duplicate", [1, 2]],
  ] as const)(
    "%s",
    async (point, left, again, rows) => {
      const root = tempDir();
      const first = await start(root, `${point}:2`);
      expect(await first.put(1)).toBe("stored");
      expect(await first.put(2)).toBe("cut");
      await first.child.exited;
      expect(first.child.signalCode).toBe("SIGKILL");
      expect(numbers(root)).toEqual({ latest: left.latest, rows: [...left.rows] });

      const second = await start(root, "none");
      expect(await second.put(2)).toBe(again);
      expect(await second.put(3)).toBe("stored");
      expect(numbers(root)).toEqual({ latest: 3, rows: [...rows, 3] });
      second.child.kill("SIGTERM");
      expect(await second.child.exited).toBe(0);
    },
    180_000,
  );
});

test("receiver hosts reads what is there, whether a receiver runs or not", async () => {
  const root = tempDir();
  const { child, put } = await start(root, "none");
  const hosts = (...args: string[]) => {
    const argv = [process.execPath, RECEIVER, "hosts", "--config", join(root, "collector.toml"), ...args];
    const { exitCode, stdout, stderr } = Bun.spawnSync(argv, { env: { ...process.env, NO_COLOR: "1" } });
    return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
  };
  const empty = `no heartbeat has come yet: there is none in ${root}/data/heartbeats\n`;
  expect(hosts()).toEqual({ code: 0, out: empty, err: "" });
  expect(JSON.parse(hosts("--json").out)).toMatchObject({ hosts: [] });
  expect(hosts("lab1")).toEqual({
    code: 2,
    out: "",
    err: `receiver: no heartbeat of "lab1" has come, and none of any other host
receiver: fix: name the collector's config with --config PATH, or see whether the host can send one: on the lab host: sudo heartbeat once
`,
  });
  await put(1);
  const table = hosts();
  expect([table.code, table.err]).toEqual([0, ""]);
  expect(table.out).toMatch(/^HOST {2}HEARTBEAT {2}WORST {2}WHAT IS WRONG\nlab1 {2}\d+s? +ok\n$/);
  child.kill("SIGKILL");
  await child.exited;
  expect(hosts("lab1").out).toMatch(/^host +lab1\nheartbeat +\d+s ago, number 1, every 60 s\n/);
  expect(JSON.parse(hosts("--json").out)).toMatchObject({ hosts: [{ host: "lab1", worst: "ok" }] });
  expect(JSON.parse(hosts("lab1", "--json").out)).toMatchObject({ host: "lab1", heartbeat: { sequence: 1 } });
  expect(hosts("lab2")).toEqual({
    code: 2,
    out: "",
    err: 'receiver: no heartbeat of "lab2" has come; did you mean lab1?\nreceiver: fix: see all: sudo receiver hosts\n',
  });
  for (const name of ["..", "../../collector", ".lab1", ""]) {
    expect(hosts(name)).toMatchObject({ code: 2, err: expect.stringContaining(`no heartbeat of "${name}" has come`) });
  }
}, 180_000);
