// What comes from outside, a receiver's answer or a recorder's file names, cannot pass for a field or a line of the log.

import { describe, expect, onTestFinished, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROBLEM_TYPE } from "../../lib/contract/judgement.ts";
import { makeDirs, makeEpisode } from "../support/lab-host.ts";
import { readLine, searchLine } from "../support/log-line.ts";
import { tempDir } from "../support/temp-dir.ts";

const SHIPPER = join(import.meta.dir, "../../bin/shipper.ts");
const FORGED = 'x" episode=forged status=201\n2026-01-01T00:00:00.000Z shipper INFO: shipped episode=forged\u001b[2J';

/** Ships once from `root` to a receiver that answers so; returns the log's lines. */
async function shipOnce(root: string, status: number, body: unknown): Promise<string[]> {
  const headers = { "Content-Type": "application/problem+json", Server: 'x" episode=forged status=201' };
  const fetch = (): Response => Response.json(body, { status, headers });
  const receiver = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch });
  onTestFinished(() => receiver.stop(true));
  const config = join(root, "lab-host.toml");
  const paths = `[paths]\ndata_root = "${root}"\nrun_dir = "${join(root, "run")}"\n`;
  writeFileSync(config, `host_id = "lab1"\n${paths}[receiver]\nurl = "http://127.0.0.1:${receiver.port}"\n`);
  const child = Bun.spawn([process.execPath, SHIPPER, "once", "-v", "--config", config], {
    stderr: "pipe",
    env: { ...process.env, JOURNAL_STREAM: "" },
  });
  const text = await child.stderr.text();
  return text.trimEnd().split("\n");
}

/** Every value of a field in these lines, by both readings. */
function valuesOf(lines: readonly string[], key: string): Set<string> {
  const values = lines.flatMap((line) => [...readLine(line).fields, ...searchLine(line)]);
  return new Set(values.filter(([name]) => name === key).map(([, value]) => value));
}

const page = { type: "about:blank", title: "t", reason: FORGED, detail: FORGED };
const problem = (status: number, reason = "made-up") => {
  return { ...page, status, reason, type: PROBLEM_TYPE + reason, receiver_id: "1".repeat(32) };
};
const receipt = {
  status: "stored",
  host_id: FORGED,
  episode_id: FORGED,
  bytes: 1,
  sha256: "a".repeat(64),
  received_at_wall: FORGED,
  receiver_id: "1".repeat(32),
};

describe("a receiver's answer", () => {
  for (const [what, status, body] of [
    ["that refuses the episode", 422, problem(422)],
    ["that asks to come again", 503, problem(503)],
    ["that refuses us", 401, problem(401)],
    ["with a reason that is no word", 503, problem(503, FORGED)],
    ["of something in between", 403, page],
    ["with another's receipt", 201, receipt],
  ] as const) {
    test(`${what} cannot add a field or a line`, async () => {
      const root = tempDir();
      makeEpisode(makeDirs(root), "ep1");
      const lines = await shipOnce(root, status, body);
      expect(lines.join("\n")).toContain("episode\\u003dforged");
      for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z shipper (ERROR|WARN|INFO|DEBUG): /);
      expect([...valuesOf(lines, "episode")]).toEqual(["ep1"]);
      expect(valuesOf(lines, "status").has("201")).toBe(false);
      expect(lines.filter((line) => /^\S+ shipper INFO: shipped/.test(line))).toEqual([]);
    });
  }
});

describe("a recorder's names", () => {
  test("of files, links and directories cannot add a field or a line", async () => {
    const root = tempDir();
    const dirs = makeDirs(root);
    const name = FORGED.replaceAll("/", "");
    symlinkSync("nowhere", join(makeEpisode(dirs, "ep1"), name));
    const incomplete = makeEpisode(dirs, "ep2", { [name]: "x" });
    writeFileSync(join(incomplete, "done.marker"), `${"0".repeat(64)}  ${name.split("\n")[0]}\n`);
    mkdirSync(join(dirs.episodes, name));
    const lines = await shipOnce(root, 503, { detail: "later" });
    const text = lines.join("\n");
    for (const said of ["left out of the archive", "quarantined", "not shipped "]) expect(text).toContain(said);
    expect(text).toContain(" and queue it again: sudo shipper requeue ep2\n");
    for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z shipper (ERROR|WARN|INFO|DEBUG): /);
    // The odd directory is named, as the value that it is.
    expect([...valuesOf(lines, "episode")].sort()).toEqual(["ep1", "ep2", name].sort());
    expect(valuesOf(lines, "status").size).toBe(0);
  });
});
