// The executables as a stranger meets them: version, help, typos, a hostile working directory, no PATH at all.

import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { executables } from "../support/compiled.ts";
import { Fleet, until } from "../support/fleet.ts";
import { expectGolden } from "../support/golden.ts";
import { SPECS } from "../support/tools.ts";

setDefaultTimeout(180_000);

function run(
  tool: string,
  args: string[],
  cwd = "/",
  env: Record<string, string> = {},
): { code: number; out: string; err: string } {
  const done = Bun.spawnSync([join(executables(), tool), ...args], { cwd, env: { PATH: "", ...env } });
  return { code: done.exitCode, out: done.stdout.toString(), err: done.stderr.toString() };
}

for (const [tool, spec] of SPECS) {
  const isConfigured = Object.hasOwn(spec.options, "config");

  test(`${tool} --version says version, commit and target`, () => {
    const { code, out, err } = run(tool, ["--version"]);
    expect(out).toMatch(
      new RegExp(`^${tool} \\d+\\.\\d+\\.\\d+ \\(commit ([0-9a-f]{40}(-dirty)?|unknown), linux-(x64|arm64)\\)\\n$`),
    );
    expect({ code, err }).toEqual({ code: 0, err: "" });
  });

  test(`${tool} --help, and that of each command, is as reviewed`, () => {
    const topics = Object.keys(spec.commands).filter((command) => command !== "");
    const texts = [["--help"], ...topics.map((topic) => [...topic.split(" "), "--help"])].map((args) =>
      run(tool, args),
    );
    expectGolden(`help/${tool}.txt`, texts.map(({ out }) => out).join("\n"));
    expect(texts.map(({ code, err }) => `${code}${err}`).join("")).toBe("0".repeat(texts.length));
  });

  test(`${tool} with a mistyped option names the nearest and exits 2`, () => {
    const [typo, meant] = isConfigured ? ["--cofnig", "--config"] : ["--versoin", "--version"];
    const { code, out, err } = run(tool, [typo, "x"]);
    expect(err).toBe(`${tool}: no option ${typo}; did you mean ${meant}?\n${tool}: fix: see ${tool} --help\n`);
    expect({ code, out }).toEqual({ code: 2, out: "" });
  });

  // A command of its own has none.
  if (isConfigured)
    test(`${tool} without its configuration says which file and what to do, without a stack`, () => {
      const { code, err } = run(tool, ["--config", "/nowhere/labfleet.toml"]);
      expect(err).toContain("/nowhere/labfleet.toml");
      expect(err).toContain("fix: ");
      expect(err).not.toContain("    at ");
      expect(code).toBe(2);
    });

  test(`${tool} that may not compile says so in one sentence with its remedy, without a stack`, () => {
    const { code, err } = run(tool, ["--version"], "/", { BUN_JSC_useJIT: "0" });
    expect(err.split("\n")).toEqual([
      `${tool}: cannot call libc: bun:ffi requires the JIT`,
      `${tool}: fix: remove MemoryDenyWriteExecute= from the unit and BUN_JSC_useJIT from the environment`,
      "",
    ]);
    expect(code).toBe(2);
  });

  test(`${tool} loads nothing from a hostile working directory`, () => {
    const directory = mkdtempSync(join(tmpdir(), "labfleet-hostile-"));
    const proof = join(directory, "was-run");
    writeFileSync(join(directory, "evil.ts"), `require("fs").writeFileSync(${JSON.stringify(proof)}, "")`);
    writeFileSync(join(directory, "bunfig.toml"), 'preload = ["./evil.ts"]\n');
    writeFileSync(join(directory, ".env"), "NODE_TLS_REJECT_UNAUTHORIZED=0\nLABFLEET_FAILPOINT=outbox.before-admit\n");
    mkdirSync(join(directory, "lib/shipper"), { recursive: true });
    writeFileSync(
      join(directory, "lib/shipper/config-worker.js"),
      `require("fs").writeFileSync(${JSON.stringify(proof)}, "")`,
    );
    writeFileSync(join(directory, "libc.so.6"), "not a library");
    writeFileSync(join(directory, "bad.toml"), "host_id = 3\nlisten = 3\n");
    const { code } = run(tool, ["--config", "bad.toml"], directory);
    expect(code).toBe(2);
    expect(existsSync(proof)).toBe(false);
    rmSync(directory, { recursive: true });
  });
}

test("an answer longer than a pipe arrives whole, however slow its reader is, and a reader may leave early", async () => {
  const directory = mkdtempSync(join(tmpdir(), "labfleet-answer-"));
  const config = join(directory, "collector.toml");
  mkdirSync(join(directory, "tokens.d"));
  for (let host = 0; host < 3000; host++)
    writeFileSync(join(directory, "tokens.d", `host-${host}`), `sha256:${"0".repeat(64)}\n`);
  writeFileSync(config, `[paths]\ndata_root = "${directory}/data"\n[auth]\ntokens_dir = "${directory}/tokens.d"\n`);
  const list = `${join(executables(), "receiver")} token list --config ${config}`;
  const shell = (script: string): string => Bun.spawnSync(["sh", "-c", script]).stdout.toString();
  const answer = shell(`${list} --json | (read -r first; printf %s "$first")`);
  expect(JSON.parse(answer).hosts).toHaveLength(3000);
  expect(answer.length).toBeGreaterThan(65_536);
  expect(shell(`{ ${list}; echo "exit $?" >&2; } 2>&1 | (sleep 0.5; cat)`).trim().split("\n")).toHaveLength(3002); // a heading, and how it ended
  shell(`(${list}; echo $? >${directory}/exit) | head -n 1`);
  expect(readFileSync(join(directory, "exit"), "utf8")).toBe("0\n");
  rmSync(directory, { recursive: true });
});

test("a release build has no fail points", () => {
  expect(run("shipper", ["--version"], "/", { LABFLEET_FAILPOINT: "outbox.before-admit" }).code).toBe(0);
  const found = Bun.spawnSync(["grep", "-c", "LABFLEET_FAILPOINT", join(executables(), "shipper")]);
  expect(found.stdout.toString().trim()).toBe("0");
});

test("requeue takes a refused episode back, and it is delivered once the cause is mended", async () => {
  const accepted = join(mkdtempSync(join(tmpdir(), "labfleet-gate-")), "accepted");
  writeFileSync(accepted, "abc1234\n");
  await using fleet = new Fleet({ gate: `accepted_commits_file = "${accepted}"` });
  const receiver = await fleet.startReceiver();
  fleet.writeHostConfig(receiver.url);
  // The first receipt says whom this host trusts: before it nobody may refuse anything.
  fleet.episode("first", { "meta.json": '{"code_commit":"abc1234"}' });
  expect(fleet.shipOnce().code).toBe(0);
  fleet.episode("stale", { "meta.json": '{"code_commit":"0ld"}' });
  expect(fleet.shipOnce().code).toBe(3);
  expect(fleet.list("quarantine")).toEqual(["stale"]);
  const status = fleet.runNow("shipper", ["status", "--json", "--config", fleet.hostConfig]);
  expect(JSON.parse(status.stdout).quarantined).toMatchObject([{ episode: "stale", reason: "commit-not-accepted" }]);
  const requeue = ["requeue", "--all", "--reason", "commit-not-accepted", "--config", fleet.hostConfig];
  const requeued = fleet.runNow("shipper", requeue);
  expect({ code: requeued.code, stdout: requeued.stdout }).toEqual({ code: 0, stdout: "1 of 1 queued again\n" });
  writeFileSync(join(fleet.hostData, "episodes/stale/meta.json"), '{"code_commit":"abc1234"}');
  expect(fleet.shipOnce().code).toBe(0);
  expect(fleet.rows()).toMatchObject([{ episode_id: "first" }, { episode_id: "stale", code_commit: "abc1234" }]);
});

test("one pass says that all is shipped only where nothing lies there that is no episode", async () => {
  await using fleet = new Fleet({ gate: "" });
  const receiver = await fleet.startReceiver();
  fleet.writeHostConfig(receiver.url);
  fleet.episode("ep1", { "data.bin": "0123456789" });
  const stray = join(fleet.hostData, "episodes/notes.txt");
  writeFileSync(stray, "");
  const first = fleet.shipOnce();
  expect([first.code, fleet.list("shipped")]).toEqual([3, ["ep1"]]);
  expect(first.stderr).toContain("not everything could be shipped");
  rmSync(stray);
  const second = fleet.shipOnce();
  expect(second.code).toBe(0);
  expect(second.stderr).toContain("all shipped");
});

test("an episode without a stamp is held where one is required, with the remedy, and goes when it has one", async () => {
  await using fleet = new Fleet({ gate: "require_commit = true" });
  const receiver = await fleet.startReceiver();
  fleet.writeHostConfig(receiver.url);
  fleet.episode("stamped", { "meta.json": '{"code_commit":"abc1234"}' });
  const shipper = fleet.startShipper();
  await until("the stamped one is shipped", () => fleet.list("shipped").length === 1, shipper);
  fleet.episode("unstamped", { "a.txt": "a" });
  await until("it is held", () => shipper.log().includes("held: the collector wants the commit"), shipper);
  fleet.episode("later", { "meta.json": '{"code_commit":"abc1234"}' });
  await until("stamped ones go on", () => fleet.list("shipped").length === 2, shipper);
  expect([fleet.list("quarantine"), fleet.list("episodes")]).toEqual([[], ["unstamped"]]);
  expect(receiver.log()).toContain("missing X-Cis490-Code-Commit");
  const held = (): unknown =>
    JSON.parse(fleet.runNow("shipper", ["status", "--json", "--config", fleet.hostConfig]).stdout).live.held_list;
  // The daemon's report is a second old at most.
  await until("status says so", () => Array.isArray(held()) && (held() as unknown[]).length === 1, shipper);
  expect(held()).toMatchObject([{ episode: "unstamped", reason: "missing-commit" }]);
  writeFileSync(join(fleet.directory, "VERSION"), "abc1234\n");
  await until("it is shipped", () => fleet.list("shipped").length === 3, shipper);
  expect(fleet.rows().at(-1)).toMatchObject({ episode_id: "unstamped", code_commit: "abc1234" });
});

test("a token that stopped being valid pauses the queue; with the new one everything is delivered, without a restart", async () => {
  await using fleet = new Fleet({ shipperKeys: "", receiverKeys: "" });
  const receiver = await fleet.startReceiver();
  const tokenFile = join(fleet.directory, "token");
  writeFileSync(tokenFile, "lf_wrong\n");
  Object.assign(fleet.options, { receiverKeys: `bearer_token_file = "${tokenFile}"` });
  fleet.writeHostConfig(receiver.url);
  for (let n = 1; n <= 20; n++) fleet.episode(`ep${n}`, { "a.txt": `${n}` });
  const shipper = fleet.startShipper();
  await until("the queue pauses", () => shipper.log().includes("queue paused"), shipper);
  expect(fleet.list("quarantine")).toEqual([]);
  writeFileSync(tokenFile, `${fleet.token}\n`);
  await until("all are delivered", () => fleet.list("shipped").length === 20, shipper);
  expect(shipper.log()).toContain("queue goes on");
  expect(fleet.list("quarantine")).toEqual([]);
});

test("a second shipper on the same data is refused and told of the first", async () => {
  await using fleet = new Fleet();
  const receiver = await fleet.startReceiver();
  fleet.writeHostConfig(receiver.url);
  const first = fleet.startShipper();
  await until("the first is ready", () => first.log().includes("ready"), first);
  const second = fleet.shipOnce();
  expect(second.code).toBe(3);
  expect(second.stderr).toContain(`another shipper is at work on ${fleet.hostData} (pid ${first.process.pid})`);
});

test("an idle daemon is gone well within a second of SIGTERM, with exit 0", async () => {
  await using fleet = new Fleet();
  const receiver = await fleet.startReceiver();
  fleet.writeHostConfig(receiver.url);
  const shipper = fleet.startShipper();
  await until("the shipper is ready", () => shipper.log().includes("ready"), shipper);
  for (const tool of [shipper, receiver]) {
    tool.process.kill("SIGTERM");
    expect(await tool.ended()).toBe(0);
    expect(tool.log()).toMatch(/stopped: SIGTERM total=\+0\.[0-4]\ds/);
  }
});

test("several stops at once, and nobody to be stopped: none takes another one for the daemon", async () => {
  await using fleet = new Fleet();
  fleet.writeHostConfig("http://127.0.0.1:9");
  mkdirSync(fleet.hostData, { recursive: true });
  for (let round = 0; round < 2; round++) {
    const stops = Array.from({ length: 4 }, () => fleet.start("shipper", ["stop", "--config", fleet.hostConfig]));
    const codes = await Promise.all(stops.map((stop) => stop.ended()));
    expect([codes, stops.map((stop) => stop.log())]).toEqual([Array(4).fill(0), Array(4).fill("")]);
  }
});
