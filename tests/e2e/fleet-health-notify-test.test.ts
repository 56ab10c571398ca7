// A test of the channels by root says what a run of the unit will meet, which is another user.

import { expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { executables } from "../support/compiled.ts";

setDefaultTimeout(180_000);

const NOBODY = 65_534;
const LESS = ", but a run may do less: its unit has ProtectSystem=strict and NoNewPrivileges=yes";
const missing = process.getuid?.() === 0 ? "" : " (skipped: needs root)";

/** A collector whose state belongs to a user, and a page that a program writes; both channels have something of root's. */
function collector(owner: number | null) {
  const directory = mkdtempSync(join(tmpdir(), "labfleet-notify-test-"));
  const path = (name: string): string => join(directory, name);
  chmodSync(directory, 0o755);
  if (owner !== null) {
    mkdirSync(path("fleet-health"));
    chownSync(path("fleet-health"), owner, owner);
  }
  mkdirSync(path("page"), { mode: 0o700 });
  writeFileSync(path("token"), "x", { mode: 0o600 });
  writeFileSync(
    path("collector.toml"),
    `[paths]\ndata_root = "${directory}"\n
[[notify]]\nname = "a-page-for-the-whole-lab"\ntype = "command"\ncommand = ["/bin/sh", "-c", "cat >${path("page/new")}"]\n
[[notify]]\nname = "chat"\ntype = "webhook"\nurl = "http://127.0.0.1:1"\ntoken_file = "${path("token")}"\n`,
  );
  const run = (...channels: string[]) => {
    const command = [join(executables(), "fleet-health"), "notify-test", ...channels];
    const done = Bun.spawnSync([...command, "--config", path("collector.toml")], { env: { PATH: "" }, cwd: "/" });
    return { code: done.exitCode, stdout: done.stdout.toString(), stderr: done.stderr.toString() };
  };
  return { directory, path, run, [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
}

test.skipIf(missing !== "")(`root tries as the user to whom the state belongs, who may less${missing}`, () => {
  using lab = collector(NOBODY);
  const { code, stdout, stderr } = lab.run();
  expect([code, stderr]).toEqual([3, ""]);
  const [page, chat] = stdout.split("\n");
  expect(page).toMatch(
    /^a-page-for-the-whole-lab refused: "\/bin\/sh" ended with \d+: ".*Permission denied.*"; fix: mend that program: /,
  );
  expect(chat).toMatch(
    /^chat {21}refused: .*\/token cannot be read: "EACCES: .*; fix: let nobody in: sudo chgrp nogroup \S+\/token && sudo chmod g\+r \S+\/token$/,
  );
  // What is closed may be the directory.
  chmodSync(lab.directory, 0o700);
  expect(lab.run("chat").stdout).toEndWith(
    `; fix: let nobody in: sudo chgrp nogroup ${lab.directory} && sudo chmod g+x ${lab.directory}\n`,
  );
  chmodSync(lab.directory, 0o755);
  chownSync(lab.path("page"), NOBODY, NOBODY);
  expect(lab.run("a-page-for-the-whole-lab")).toEqual({
    ...{ code: 0, stdout: `a-page-for-the-whole-lab taken${LESS}\n`, stderr: "" },
  });
});

test.skipIf(missing !== "")(`where the state is root's root tries as root${missing}`, () => {
  using lab = collector(0);
  expect(lab.run("a-page-for-the-whole-lab")).toEqual({
    ...{ code: 0, stdout: `a-page-for-the-whole-lab taken${LESS}\n`, stderr: "" },
  });
});

const isInstalled = Bun.spawnSync(["id", "labfleet"]).exitCode === 0;
const other = missing !== "" ? missing : isInstalled ? " (skipped: this machine has a user labfleet)" : "";
test.skipIf(other !== "")(`where nobody knows the unit's user root says that it is root${other}`, () => {
  using lab = collector(null);
  const { code, stderr } = lab.run("a-page-for-the-whole-lab");
  expect(code).toBe(0);
  expect(stderr).toContain(
    `tried as root, who may do more than the unit's own user: neither ${lab.path("fleet-health")} nor a user labfleet is there\n`,
  );
});
