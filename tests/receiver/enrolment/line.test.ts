// The line that a person copies to a new host, run by real shells: the script that it fetches runs only if it is the one that was meant.

import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { enrolLine, type Line } from "../../../lib/receiver/enrolment/line.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { sha256 } from "../support.ts";

const SHELLS: readonly string[][] = [["dash"], ["busybox", "sh"], ["bash"]].filter(
  ([name = ""]) => Bun.which(name) !== null,
);
const SCRIPT = 'echo "ran $*" >"$TRACE"\n';
const URL = "https://hub.wg:8443";
const of = (more: Partial<Line> = {}): string =>
  enrolLine({ url: URL, authority: "ab", script: sha256(SCRIPT), host: "lab1", code: "k3v", ...more });

/** A machine on which only these can fetch something. */
function machine(fetchers: readonly string[], script = SCRIPT) {
  const dir = tempDir();
  const at = (name: string): string => join(dir, name);
  const [bin, trace, served, tmp] = [at("bin"), at("trace"), at("served"), at("tmp")];
  for (const made of [bin, tmp]) mkdirSync(made);
  writeFileSync(served, script);
  for (const name of ["mktemp", "sha256sum", "cat", "sh", "rm"]) symlinkSync(Bun.which(name) ?? "", join(bin, name));
  const stub = (name: string, body: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  stub("sudo", 'exec "$@"');
  for (const name of fetchers) stub(name, `for last; do :; done; [ "$last" = '${URL}/install.sh' ] && cat ${served}`);
  const run = (shell: readonly string[], line: string) => {
    const done = Bun.spawnSync([Bun.which(shell[0] ?? "") ?? "", ...shell.slice(1), "-c", line], {
      env: { PATH: bin, TRACE: trace, TMPDIR: tmp },
      stderr: "pipe",
    });
    expect(readdirSync(tmp)).toEqual([]);
    return { code: done.exitCode, ran: existsSync(trace) ? readFileSync(trace, "utf8") : null };
  };
  return { run };
}

test.each(SHELLS)("%s runs the script that was meant, fetched by whatever there is", (...shell) => {
  const told = `ran --url ${URL} --ca-sha256 ab --host lab1 --code k3v\n`;
  for (const fetchers of [["curl"], ["wget"], ["curl", "wget"]])
    expect(machine(fetchers).run(shell, of())).toEqual({ code: 0, ran: told });
});

test.each(SHELLS)("%s ends as the script does", (...shell) => {
  const failing = `${SCRIPT}exit 3\n`;
  const host = machine(["curl"], failing);
  expect(host.run(shell, of({ script: sha256(failing) })).code).toBe(3);
});

test.each(SHELLS)("%s runs nothing else", (...shell) => {
  for (const [fetchers, line] of [
    [["curl"], of({ script: sha256(`${SCRIPT}#`) })],
    [["curl"], of().replace("hub.wg", "rogue.wg")],
    [[], of()],
  ] as const) {
    const { code, ran } = machine(fetchers).run(shell, line);
    expect([code === 0, ran]).toEqual([false, null]);
  }
});

test("what is not needed is not said; without a release the script comes with its bundle", () => {
  expect(of({ authority: null, host: null })).toEndWith(`sudo sh "$f" --url ${URL} --code k3v)`);
  expect(of({ url: "http://hub" })).toContain("--trusted-network yes");
  expect(of({ script: null })).toBe(
    `sudo sh install.sh --bundle labfleet-0.0.0-source.tar --url ${URL} --ca-sha256 ab --host lab1 --code k3v`,
  );
});
