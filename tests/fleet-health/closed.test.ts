// Files of the health check that are root's, as a copy by hand or a restored backup leaves them: a run of the service's user replaces
// none that it cannot read, tells nobody twice, and says one command that mends it.

import { expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dataPaths } from "../../lib/contract/places.ts";
import { isoText } from "../../lib/fleet-health/python/python-time.ts";
import { tempDir } from "../support/temp-dir.ts";

const NOBODY = 65534;
const MISSING = process.getuid?.() !== 0 || Bun.which("setpriv") === null ? " (skipped: needs root and setpriv)" : "";
const PROGRAM = join(import.meta.dir, "../../bin/fleet-health.ts");
const NOON = Date.UTC(2026, 4, 1, 12) * 1000;
const MINUTE = 60e6;

/** A collector of nobody's, with a host that was last seen at noon and a program that notes what it is told. */
function lab() {
  const root = tempDir();
  const config = join(root, "collector.toml");
  const told = join(root, "told");
  mkdirSync(dataPaths(root).attempts);
  writeFileSync(dataPaths(root).index, `${JSON.stringify({ host_id: "lab1", received_at_wall: isoText(NOON) })}\n`);
  const command = JSON.stringify(["/bin/sh", "-c", `cat >>${told}; echo >>${told}`]);
  const channel = `[[notify]]\nname = "ops"\ntype = "command"\ncommand = ${command}\n`;
  writeFileSync(config, `[paths]\ndata_root = "${root}"\n${channel}`);
  for (const path of [root, config, dataPaths(root).attempts, dataPaths(root).index]) chownSync(path, NOBODY, NOBODY);
  const state = join(root, "fleet-health");
  const look = (minutes: number) => {
    const now = isoText(NOON + minutes * MINUTE);
    const command = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", process.execPath, PROGRAM];
    const child = Bun.spawnSync([...command, "--config", config, "--now", now, "--state-path", state], {
      env: { PATH: process.env.PATH, HOME: root, INVOCATION_ID: "" },
    });
    const said = child.stderr.toString();
    // The last line counts incidents, and is about no file.
    const faults = said.split("\n").filter((line) => !line.includes(" INFO: "));
    const fixes = new Set(faults.flatMap((line) => /; fix: (.*)$/.exec(line)?.[1] ?? []));
    return { code: child.exitCode, said, fixes: [...fixes] };
  };
  const ofRoot = (...names: string[]): void => {
    for (const name of names) {
      chownSync(join(state, name), 0, 0);
      chmodSync(join(state, name), 0o600);
    }
  };
  const back = (...names: string[]): void => {
    for (const name of names) chownSync(join(state, name), NOBODY, NOBODY);
  };
  return { root, state, told: () => (existsSync(told) ? readFileSync(told, "utf8") : ""), look, ofRoot, back };
}

test.skipIf(MISSING !== "")(
  `state and history of root's: nobody is told anew, once they are back all goes on${MISSING}`,
  () => {
    const { state, told, look, ofRoot, back } = lab();
    for (const minutes of [31, 36, 41]) expect(look(minutes).code).toBe(0);
    const first = told();
    expect(first).toContain("FIRING lab1: silent");
    const kept = readFileSync(join(state, "state.json"), "utf8");
    ofRoot("state.json", "incidents.jsonl");
    for (const minutes of [46, 51, 56]) {
      const { code, said, fixes } = look(minutes);
      expect([code, fixes]).toEqual([3, [`sudo chown nobody ${join(state, "state.json")}`]]);
      expect(said).toContain("tells nobody and keeps nothing");
    }
    expect([told(), readFileSync(join(state, "state.json"), "utf8")]).toEqual([first, kept]);
    back("state.json", "incidents.jsonl");
    expect(look(61).code).toBe(0);
    expect(told()).toBe(first);
  },
  60_000,
);

test.skipIf(MISSING !== "").each([
  [
    "the history, where the state is torn",
    (state: string, ofRoot: (name: string) => void) => {
      writeFileSync(join(state, "state.json"), "{");
      ofRoot("incidents.jsonl");
    },
    (state: string) => `sudo chown nobody ${join(state, "incidents.jsonl")}`,
  ],
  [
    "the lock",
    (_: string, ofRoot: (name: string) => void) => ofRoot("lock"),
    (state: string) => `sudo chown nobody ${join(state, "lock")}`,
  ],
  [
    "the directory",
    (state: string) => {
      chownSync(state, 0, 0);
      chmodSync(state, 0o750);
    },
    // By hand nobody is the service there.
    () => expect.stringMatching(/^sudo .*fleet-health\.ts/),
  ],
])(
  `%s of root's is one fault with one command${MISSING}`,
  (_, put, fix) => {
    const { state, look, ofRoot } = lab();
    expect(look(31).code).toBe(0);
    put(state, ofRoot);
    const { code, fixes } = look(36);
    expect([code, fixes]).toEqual([3, [fix(state)]]);
  },
  60_000,
);
