// `receiver hosts` where its files cannot be read: one sentence and the fix, exit 2; what can be read is shown.

import { afterEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { openHeartbeats } from "../../../lib/receiver/heartbeats/store.ts";
import { heartbeat, T0 } from "../heartbeats/support.ts";
import { cleanUp, keptLog, tempDir } from "../support.ts";

afterEach(cleanUp);

const RECEIVER = join(import.meta.dir, "../../../bin/receiver.ts");
const NOBODY = 65534;
const IS_ROOT = process.getuid?.() === 0;
const MISSING =
  IS_ROOT && Bun.which("setpriv") === null ? " (skipped: root can read everything, and needs setpriv)" : "";

/** A collector with the heartbeats of lab1 and lab2, and the command as a user whom file modes stop. */
async function collector() {
  const root = tempDir();
  chmodSync(root, 0o755);
  const data = join(root, "data");
  const dir = join(data, "heartbeats");
  const config = join(root, "collector.toml");
  writeFileSync(config, `listen = "127.0.0.1:0"\n[paths]\ndata_root = "${data}"\nrun_dir = "${root}/run"\n`);
  const store = openHeartbeats(dir, keptLog());
  for (const host_id of ["lab1", "lab2"]) await store.put(heartbeat({ host_id }), null, T0);
  const open = {
    [data]: 0o755,
    [dir]: 0o755,
    [join(dir, "lab1.json.zst")]: 0o644,
    [join(dir, "lab2.json.zst")]: 0o644,
  };
  for (const [path, mode] of Object.entries(open)) chmodSync(path, mode);
  const hosts = (...args: string[]) => {
    const user = IS_ROOT ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"] : [];
    const argv = [...user, process.execPath, RECEIVER, "hosts", "--config", config, ...args];
    const { exitCode, stdout, stderr } = Bun.spawnSync(argv, {
      env: { ...process.env, NO_COLOR: "1" },
      timeout: 120_000,
    });
    return { code: exitCode, out: stdout.toString(), err: stderr.toString().split("\n") };
  };
  return { data, dir, hosts };
}

describe.skipIf(MISSING !== "")(`what the user may not read${MISSING}`, () => {
  test.each(["data", "dir"] as const)(
    "the directory (%s): one sentence, and who may",
    async (which) => {
      const at = await collector();
      chmodSync(at[which], 0);
      for (const operand of [[], ["lab1"], ["--json"]]) {
        const { code, out, err } = at.hosts(...operand);
        expect([code, out, err.length]).toEqual([2, "", 3]);
        expect(err[0]).toStartWith(`receiver: cannot read ${at.dir}: EACCES: `);
        expect(err[1]).toStartWith("receiver: fix: sudo ");
        expect(err[1]).toContain(" hosts --config ");
        expect(err[1]).toEndWith([...operand.slice(-1)].join());
      }
      chmodSync(at[which], 0o755);
    },
    180_000,
  );
  test("one file: the other host is shown, and this one not as torn", async () => {
    const { dir, hosts } = await collector();
    chmodSync(join(dir, "lab1.json.zst"), 0);
    const { code, out } = hosts();
    expect(code).toBe(0);
    expect(out).toMatch(/^lab1 +not known +unknown +its file cannot be read: EACCES$/m);
    expect(out).toMatch(/^lab2 .* late /m);
    expect(hosts("lab1").err[0]).toStartWith("receiver: cannot read ");
  }, 180_000);
});

test("no data root, and a directory that is none", async () => {
  const { data, dir, hosts } = await collector();
  rmSync(dir, { recursive: true });
  writeFileSync(dir, "");
  expect(hosts()).toMatchObject({ code: 2, err: [expect.stringMatching(/^receiver: cannot read .*: ENOTDIR: /), ""] });
  rmSync(data, { recursive: true });
  expect(hosts().err).toEqual([
    `receiver: there is no data root at ${data}`,
    "receiver: fix: mount its disk, set [paths] data_root, or name another config with --config PATH",
    "",
  ]);
  mkdirSync(data);
  const { code, out } = hosts();
  expect([code, out.split("\n")]).toEqual([
    0,
    [
      "the receiver is not running; fix: sudo systemctl start labfleet-receiver",
      expect.stringMatching(/^this collector cannot store: there is no store in .*; fix: mount its disk/),
      `no heartbeat has come yet: there is none in ${dir}`,
      "",
    ],
  ]);
}, 180_000);

test("one host is shown without a look into the files of the others", async () => {
  const { dir, hosts } = await collector();
  const pipe = join(dir, "lab3.json.zst");
  expect(Bun.spawnSync(["mkfifo", "-m", "666", pipe]).exitCode).toBe(0);
  // Who reads it takes this byte, and waits for more.
  const fd = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    writeSync(fd, "x");
    const { code, out } = hosts("lab1");
    expect([code, out.split("\n")[0]]).toEqual([0, "host       lab1"]);
    expect(readSync(fd, Buffer.alloc(2))).toBe(1);
  } finally {
    closeSync(fd);
  }
}, 180_000);
