// The question about the stop time-out: to whom it goes, and what becomes of the answer. With a systemctl of our own first
// on PATH, as a real process, and fixture hosts.

import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stopBudget } from "../../lib/core/stop-budget.ts";
import { checkAlignment } from "../../lib/runtime/alignment.ts";
import { inText } from "../support/in-text.ts";
import { tempDir } from "../support/temp-dir.ts";

const UNIT = "labfleet-shipper.service";
const OURS = "0123456789abcdef0123456789abcdef";
const BUDGET = stopBudget(30); // 70 s with its headroom

const US = {
  LoadState: "loaded",
  TimeoutStopUSec: "1min 30s",
  NeedDaemonReload: "no",
  InvocationID: OURS,
  MainPID: String(process.pid),
  FragmentPath: `/etc/systemd/system/${UNIT}`,
  DropInPaths: "",
};

/** A directory with a systemctl that writes down its arguments and environment, prints `answer` and exits with `code`. */
function fakeSystemctl(answer: string, code: number, stderr = ""): string {
  const bin = tempDir();
  writeFileSync(join(bin, "answer"), answer);
  writeFileSync(join(bin, "stderr"), stderr);
  writeFileSync(
    join(bin, "systemctl"),
    `#!/bin/sh\nprintf '%s\\n' "$@" >${bin}/arguments\nenv >${bin}/env\ncat ${bin}/answer\ncat ${bin}/stderr >&2\nexit ${code}\n`,
  );
  chmodSync(join(bin, "systemctl"), 0o755);
  return bin;
}

const argumentsIn = (bin: string): string[] => readFileSync(join(bin, "arguments"), "utf8").trimEnd().split("\n");

const lines = (properties: Record<string, string>): string =>
  Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join("");

/** A host where we are in a cgroup. */
function hostWith(cgroup: string): string {
  const root = tempDir();
  mkdirSync(join(root, "proc/self"), { recursive: true });
  writeFileSync(join(root, "proc/self/cgroup"), cgroup);
  return root;
}

const SYSTEM = `9:name=systemd:/user.slice\n1:cpu:/\n0::/system.slice/${UNIT}\n`;
const USER = `0::/user.slice/user-1000.slice/user@1000.service/app.slice/${UNIT}\n`;

function environment(bin: string): Record<string, string> {
  return {
    PATH: `${bin}:${process.env.PATH}`,
    INVOCATION_ID: OURS,
    XDG_RUNTIME_DIR: "/run/user/1000",
    SECRET: "not for children",
  };
}

describe("the question goes", () => {
  const asked = [
    "show",
    "--property=LoadState,TimeoutStopUSec,NeedDaemonReload,InvocationID,MainPID,FragmentPath,DropInPaths",
    "--",
    UNIT,
  ];

  test("to the system's manager, by the 0:: line", async () => {
    const bin = fakeSystemctl(lines({ ...US, TimeoutStopUSec: "1min 9.999999s" }), 0);
    const { level, message } = await checkAlignment(BUDGET, { root: hostWith(SYSTEM), env: environment(bin) });
    expect([level, message]).toEqual(["warn", expect.stringContaining(" is 1min 9.999999s, less than the 1min 10s ")]);
    expect(argumentsIn(bin)).toEqual(asked);
    expect(readFileSync(join(bin, "env"), "utf8")).not.toContain("SECRET");
  });

  test("to the user's manager alone, with what leads to it", async () => {
    const bin = fakeSystemctl(lines(US), 0);
    const { level } = await checkAlignment(BUDGET, { root: hostWith(USER), env: environment(bin) });
    expect(level).toBe("ok");
    expect(argumentsIn(bin)).toEqual(["--user", ...asked]);
    expect(readFileSync(join(bin, "env"), "utf8")).toContain("XDG_RUNTIME_DIR=/run/user/1000\n");
  });

  for (const [what, cgroup, change] of [
    ["a run by hand", SYSTEM, { INVOCATION_ID: "" }],
    ["a login session", "0::/user.slice/user-1000.slice/session-3.scope\n", {}],
    ["a host without cgroup v2", "1:name=systemd:/system.slice/x.service\n", {}],
  ] as const) {
    test(`to nobody from ${what}`, async () => {
      const bin = fakeSystemctl(lines({ ...US, TimeoutStopUSec: "1s" }), 0);
      const env = { ...environment(bin), ...change };
      expect((await checkAlignment(BUDGET, { root: hostWith(cgroup), env })).level).toBe("info");
      expect(existsSync(join(bin, "arguments"))).toBe(false);
    });
  }
});

describe("an answer that says nothing about us is no warning:", () => {
  const ask = (bin: string, root = hostWith(SYSTEM)) => checkAlignment(BUDGET, { root, env: environment(bin) });
  const cannot = (why: string) => ({
    level: "info" as const,
    message: `cannot tell whether systemd leaves a stop enough time: ${why}`,
    fix: null,
  });

  test("defaults of a unit that is not there, with exit code 0", async () => {
    const phantom = { LoadState: "not-found", TimeoutStopUSec: "1min 30s", NeedDaemonReload: "no", InvocationID: "" };
    const bin = fakeSystemctl(lines({ ...phantom, MainPID: "0", FragmentPath: "", DropInPaths: "" }), 0);
    const judged = await checkAlignment(stopBudget(3600), { root: hostWith(SYSTEM), env: environment(bin) });
    expect(judged).toEqual(cannot(`the system manager says "not-found" about ${UNIT}`));
  });

  test("no bus", async () => {
    const why = "Failed to connect to bus: No medium found";
    expect(await ask(fakeSystemctl("", 1, `${why}\n`), hostWith(USER))).toEqual(
      cannot(`systemctl exited with 1: "${why}"`),
    );
  });

  test("no systemctl at all", async () => {
    const { level, message } = await checkAlignment(BUDGET, {
      root: hostWith(SYSTEM),
      env: { INVOCATION_ID: OURS, PATH: tempDir() },
    });
    expect([level, message]).toEqual(["info", expect.stringContaining('cannot start "systemctl"')]);
  });

  test("garbage, control characters and too much of it", async () => {
    expect(await ask(fakeSystemctl("\0\n=\nLoadState\n=LoadState=loaded\n", 0))).toEqual(
      cannot(`the system manager says nothing about ${UNIT}`),
    );
    expect((await ask(fakeSystemctl("", 1, "\x1b[31mno\x1b[0m"))).message).toEndWith('1: "\\u001b[31mno\\u001b[0m"');
    expect((await ask(fakeSystemctl("x".repeat(70_000), 0))).message).toContain("printed more than 65536 bytes");
  });

  test("a host whose /proc cannot be read", async () => {
    expect(await ask(fakeSystemctl(lines(US), 0), tempDir())).toEqual(
      cannot("/proc/self/cgroup has no line for cgroup v2"),
    );
  });
});

test("the command that mends it can be pasted into a shell as it stands, twice, whatever the unit is called", async () => {
  const bin = fakeSystemctl(lines({ ...US, TimeoutStopUSec: "1s" }), 0);
  const root = hostWith("0::/user.slice/user-7.slice/user@7.service/app.slice/lab\\x2dhost@a:b.service\n");
  const { fix } = await checkAlignment(BUDGET, { root, env: environment(bin) });
  const home = tempDir();
  // -C: not even a shell that overwrites no file minds.
  const shell = Bun.spawnSync(["sh", "-euC", "-c", `${inText(fix)}; ${inText(fix)}`], {
    env: { HOME: home, PATH: `${bin}:${process.env.PATH}` },
  });
  expect(shell.stderr.toString()).toBe("");
  const file = `${home}/.config/systemd/user/lab\\x2dhost@a:b.service.d/zz-labfleet-stop.conf`;
  expect(readFileSync(file, "utf8")).toBe("[Service]\nTimeoutStopSec=70\n");
  expect(argumentsIn(bin)).toEqual(["--user", "daemon-reload"]);
});
