// install.sh: cut off anywhere it does nothing, and it says in a sentence what is in the way.

import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ReleaseExecutable } from "../../lib/contract/release.ts";
import { withInstallers } from "../../scripts/release/make.ts";
import { PROJECT } from "../support/compiled.ts";
import { tempDir } from "../support/temp-dir.ts";

const [WHOLE, HEAD, RUNTIME, TAIL] = ["1", "2", "3", "4"].map((digit) => digit.repeat(64)) as [
  string,
  string,
  string,
  string,
];
const EXECUTABLES: ReleaseExecutable[] = ["linux-x64", "linux-x64-baseline", "linux-arm64"].map((target) => ({
  ...{ tool: "installer", target, bytes: 1, sha256: WHOLE, head: HEAD, runtime: RUNTIME, tail: TAIL, glibc: null },
}));
const SCRIPT = withInstallers(readFileSync(join(PROJECT, "install.sh"), "utf8"), EXECUTABLES);
const SHELLS: readonly string[][] = [["dash"], ["busybox", "sh"]].filter(([name = ""]) => Bun.which(name) !== null);

test("a release's script has the digests of its installers", () => {
  expect(SCRIPT).toContain(`  linux-x64) echo ${WHOLE} ${HEAD} ${RUNTIME} ${TAIL} ;;\n  linux-x64-baseline) echo `);
  expect(SCRIPT).not.toContain("@INSTALLERS@");
});

test.skipIf(Bun.which("shellcheck") === null)("shellcheck finds nothing in it (needs shellcheck)", () => {
  const done = Bun.spawnSync(["shellcheck", "-s", "sh", "-"], { stdin: Buffer.from(SCRIPT) });
  expect(done.stdout.toString()).toBe("");
});

/** A place where each command that is run leaves a trace. */
function sandbox() {
  const dir = tempDir();
  const log = join(dir, "log");
  const bin = join(dir, "bin");
  mkdirSync(bin);
  for (const name of [
    "tar",
    "gzip",
    "sha256sum",
    "uname",
    "mktemp",
    "df",
    "grep",
    "id",
    "mkdir",
    "rm",
    "chmod",
    "cat",
  ]) {
    writeFileSync(join(bin, name), `#!/bin/sh\necho ${name} "$@" >>${log}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  mkdirSync(join(dir, "cwd"));
  return { log, bin, cwd: join(dir, "cwd") };
}

test.each(SHELLS)(
  "cut off at any byte %s runs nothing of it",
  async (...shell) => {
    const { log, bin, cwd } = sandbox();
    const program = [Bun.which(shell[0] ?? "") ?? "", ...shell.slice(1)];
    const bytes = Buffer.from(SCRIPT);
    const one = async (length: number): Promise<void> => {
      const child = Bun.spawn([...program, "-s", "--", "--bundle", "/x.tar"], {
        ...{ cwd, env: { PATH: bin }, stdin: bytes.subarray(0, length), stdout: "ignore", stderr: "ignore" },
      });
      await child.exited;
      if (existsSync(log)) throw new Error(`cut off at ${length} it ran ${readFileSync(log, "utf8")}`);
    };
    const lengths = Array.from({ length: bytes.length - 1 }, (_, i) => i);
    // The line break at the end is no part of it.
    while (lengths.length > 0)
      await Promise.all(lengths.splice(0, 16).map((length) => (length === bytes.length - 1 ? null : one(length))));
    expect(readdirSync(cwd)).toEqual([]);
  },
  300_000,
);

describe.each(SHELLS)("%s", (...shell) => {
  const run = (args: readonly string[], env: Record<string, string> = {}): string => {
    const program = [Bun.which(shell[0] ?? "") ?? "", ...shell.slice(1)];
    const done = Bun.spawnSync([...program, "-s", "--", ...args], {
      ...{ cwd: tempDir(), env: { PATH: process.env.PATH ?? "", ...env }, stdin: Buffer.from(SCRIPT) },
    });
    return `${done.exitCode} ${done.stderr.toString()}`;
  };

  test("says what is missing", () => {
    expect(run([])).toBe(
      "2 install.sh: say where the release is\ninstall.sh: fix: --bundle FILE: the .tar of that release, or --url: the collector\n",
    );
    expect(run(["--bundle"])).toStartWith("2 install.sh: --bundle: a file has to follow\n");
    expect(run(["--url"])).toStartWith("2 install.sh: --url: an address has to follow\n");
    expect(run(["--bundle=/no such.tar"])).toStartWith("2 install.sh: there is no file /no such.tar\n");
    const { bin } = sandbox();
    const bundle = join(tempDir(), "x.tar");
    writeFileSync(bundle, "");
    for (const name of ["tar", "gzip", "sha256sum"]) {
      const less = sandbox().bin;
      Bun.spawnSync(["rm", join(less, name)]);
      expect(run(["--bundle", bundle], { PATH: less })).toStartWith(
        `2 install.sh: there is no ${name} here\ninstall.sh: fix: install it: nothing`,
      );
    }
    expect(bin).not.toBe("");
  });

  test("a name in a bundle is no option to tar", () => {
    const dir = tempDir();
    const trace = join(dir, "trace");
    mkdirSync(join(dir, "x"));
    writeFileSync(join(dir, "x/release.json"), "{}");
    const odd = `--use-compress-program=sh -c "touch ${trace}" x`;
    const bundle = join(dir, "odd.tar");
    const made = Bun.spawnSync(["tar", "-cPf", bundle, "--transform", `s,^x/,${odd}/,`, "-C", dir, "x/release.json"]);
    expect([made.exitCode, Bun.spawnSync(["tar", "-tf", bundle]).stdout.toString()]).toEqual([
      0,
      `${odd}/release.json\n`,
    ]);
    expect(run(["--bundle", bundle])).toContain(`install.sh: ${bundle} holds no release\n`);
    expect(existsSync(trace)).toBe(false);
  });

  test("a bundle that is none is said, and nothing is put anywhere", () => {
    const bundle = join(tempDir(), "x.tar");
    writeFileSync(bundle, "no archive");
    expect(run(["--bundle", bundle, "--dry-run"])).toEndWith(
      `install.sh: ${bundle} holds no release\ninstall.sh: fix: take the .tar of a release\n`,
    );
  });
});
