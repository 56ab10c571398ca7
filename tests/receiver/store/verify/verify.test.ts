// `receiver verify`: finds each kind of damage, names it, repairs what can be repaired, deletes nothing.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { stopAndRepair } from "../../../../lib/receiver/disk/repair-line.ts";
import { verify } from "../../../../lib/receiver/store/verify/verify.ts";
import {
  emptyReport,
  isSound,
  reportJson,
  type VerifyReport,
} from "../../../../lib/receiver/store/verify/verify-report.ts";
import { summary } from "../../../../lib/receiver/store/verify/verify-summary.ts";
import { bytes, cleanUp, put, rowsOf, sha256, startReceiver, tempDir } from "../../support.ts";

afterEach(cleanUp);

const [NOBODY, GROUP] = [65534, 12];
const isRoot = process.geteuid?.() === 0;
const rootTest = (name: string, body: () => Promise<void>): void =>
  test.skipIf(!isRoot)(isRoot ? name : `${name} (skipped: needs root)`, body);

let root = "";
const episode = (id: string): string => join(root, `episodes/lab1/${id}.tar.zst`);
const check = (deep = false, settleMs = 0): Promise<VerifyReport> =>
  verify({ dataRoot: root, deep, settleMs, onProblem: () => undefined });
const SOUND: VerifyReport = { ...emptyReport(), checked: 3, bytes: 15_000 };

beforeEach(async () => {
  const receiver = await startReceiver();
  root = receiver.dataRoot;
  for (const id of ["a", "b", "c"]) await put(receiver.url, "lab1", id, bytes(5000, id.charCodeAt(0)));
});

describe("finds", () => {
  test("nothing where nothing is wrong", async () => {
    expect(await check()).toEqual(SOUND);
    expect(summary(SOUND)).toBe("sound: 3 episodes, 14.6 KiB read");
  });
  test("a missing file", async () => {
    rmSync(episode("b"));
    expect(await check()).toEqual({ ...SOUND, bytes: 10_000, missing: ["episodes/lab1/b.tar.zst"] });
  });
  test("a flipped bit", async () => {
    const damaged = readFileSync(episode("b"));
    damaged[100] = (damaged[100] ?? 0) ^ 1;
    writeFileSync(episode("b"), damaged);
    const { mismatch } = await check();
    expect(mismatch).toEqual([{ path: "episodes/lab1/b.tar.zst", detail: expect.stringContaining(sha256(damaged)) }]);
  });
  test("a shorter file", async () => {
    truncateSync(episode("b"), 4000);
    expect((await check()).mismatch).toEqual([
      { path: "episodes/lab1/b.tar.zst", detail: "has 4000 bytes, its row says 5000" },
    ]);
  });
  test("files that no row tells of, archives and strangers", async () => {
    writeFileSync(episode("d"), "x");
    writeFileSync(join(root, "episodes/lab1/notes.txt"), "x");
    mkdirSync(join(root, "episodes/.hidden"));
    mkdirSync(episode("dir"));
    expect((await check()).extra.sort()).toEqual(
      ["episodes/.hidden", "episodes/lab1/d.tar.zst", "episodes/lab1/dir.tar.zst", "episodes/lab1/notes.txt"].sort(),
    );
  });
  test("lines that are no rows, at the end and within", async () => {
    appendFileSync(join(root, "index.jsonl"), 'garbage\n{"host_id":"lab1","epis');
    const report = await check();
    expect([report.torn, report.torn_lines]).toEqual([2, [4, 5]]);
    expect(isSound(report)).toBe(false);
  });
  test("two rows for one episode", async () => {
    appendFileSync(
      join(root, "index.jsonl"),
      readFileSync(join(root, "index.jsonl"), "utf8").split("\n")[1]?.concat("\n") ?? "",
    );
    expect((await check()).duplicate).toEqual(["episodes/lab1/b.tar.zst"]);
  });
});

test("beside a running receiver that keeps storing it reports nothing", async () => {
  const receiver = await startReceiver();
  root = receiver.dataRoot;
  let stop = false;
  const storing = (async () => {
    for (let i = 0; !stop; i++) await put(receiver.url, "lab1", `ep${i}`, bytes(500, i));
  })();
  const reports: VerifyReport[] = [];
  for (let i = 0; i < 8; i++) reports.push(await check(false, 3000));
  stop = true;
  await storing;
  expect(reports.filter((report) => !isSound(report))).toEqual([]);
}, 180_000);

describe("as a command", () => {
  const RECEIVER = join(import.meta.dir, "../../../../bin/receiver.ts");
  const run = async (...args: string[]) => {
    const config = join(root, "collector.toml");
    writeFileSync(config, `[paths]\ndata_root = "${root}"\nrun_dir = "${root}/run"\n`);
    const child = Bun.spawn([process.execPath, RECEIVER, "verify", "--config", config, ...args], { stderr: "pipe" });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { code: await child.exited, stdout, stderr };
  };

  test("--json is one object; exit 0 when sound, 1 when not", async () => {
    const sound = await run("--json");
    expect([sound.code, JSON.parse(sound.stdout)]).toEqual([0, SOUND]);
    rmSync(episode("a"));
    const damaged = await run();
    expect(damaged.code).toBe(1);
    expect(damaged.stdout).toMatch(
      /^missing: episodes\/lab1\/a\.tar\.zst stored .*\nDAMAGED: 1 missing; 3 episodes, 9\.8 KiB read; fix: restore [^\n]*\n$/,
    );
  });

  test("--repair appends rows, moves strangers and damaged files aside, deletes nothing", async () => {
    writeFileSync(episode("d"), bytes(700));
    writeFileSync(join(root, "episodes/lab1/notes.txt"), "x");
    truncateSync(episode("b"), 4000);
    const repaired = await run("--repair");
    expect(repaired.code).toBe(1);
    expect(repaired.stdout).toContain("missing: episodes/lab1/b.tar.zst");
    expect(repaired.stdout).toContain("DAMAGED: 1 missing;");
    expect(rowsOf(join(root, "index.jsonl")).at(-1)).toMatchObject({ episode_id: "d", bytes: 700, recovered: true });
    const aside = join(root, "aside", readdirSync(join(root, "aside"))[0] ?? "");
    expect(readFileSync(join(aside, "episodes/lab1/notes.txt"), "utf8")).toBe("x");
    expect(readFileSync(join(aside, "episodes/lab1/b.tar.zst"))).toHaveLength(4000);
    // The host ships it again, and all is well.
    const receiver = await startReceiver({ dataRoot: root });
    expect((await put(receiver.url, "lab1", "b", bytes(5000, "b".charCodeAt(0)))).status).toBe(201);
    expect(isSound(await check())).toBe(true);
  });

  rootTest(
    "--repair by root, whatever its umask: all that it makes belongs to whom the data root belongs to, who can read it",
    async () => {
      writeFileSync(episode("d"), bytes(700));
      truncateSync(episode("b"), 4000);
      appendFileSync(join(root, "index.jsonl"), '{"a row that is to');
      expect(Bun.spawnSync(["chown", "-R", `${NOBODY}:${GROUP}`, root]).exitCode).toBe(0);
      expect((await run("--repair")).stdout).toContain("DAMAGED: 1 missing;");
      const [moment = ""] = readdirSync(join(root, "aside"));
      const made = ["aside", join("aside", moment), join("aside", moment, "episodes/lab1/b.tar.zst"), "index.jsonl"];
      expect(made.map((name) => existsSync(join(root, name)))).toEqual([true, true, true, true]);
      const find = ["find", root, "!", "-name", "collector.toml", "("];
      const others = ["!", "-user", `${NOBODY}`, "-o", "!", "-group", `${GROUP}`, ")"];
      expect(Bun.spawnSync([...find, ...others]).stdout.toString()).toBe("");
      const who = ["setpriv", `--reuid=${NOBODY}`, `--regid=${GROUP}`, "--clear-groups"];
      const read = Bun.spawnSync([...who, "grep", "-rc", "", root]);
      expect([read.exitCode, read.stderr.toString()]).toEqual([0, ""]);
    },
  );

  rootTest(
    "by root: what the receiver's user cannot read is unreadable, and the line that is said mends it",
    async () => {
      expect(Bun.spawnSync(["chown", "-R", `${NOBODY}:${GROUP}`, root]).exitCode).toBe(0);
      chownSync(episode("a"), 0, 0);
      chmodSync(episode("a"), 0o600);
      chownSync(episode("b"), 0, GROUP);
      chmodSync(episode("b"), 0o640);
      const fix = `sudo chown -R nobody ${join(root, "episodes")} && sudo chmod -R u+rX ${join(root, "episodes")}`;
      const report = await check();
      const detail = "cannot be read by nobody, the receiver's user: it is root's, mode 0600";
      expect(JSON.parse(reportJson(report))).toEqual({
        ...SOUND,
        unreadable: [{ path: "episodes/lab1/a.tar.zst", detail, fix }],
      });
      expect(summary(report)).toBe(`DAMAGED: 1 unreadable; 3 episodes, 14.6 KiB read; fix: ${fix}`);
      expect(Bun.spawnSync(["sh", "-c", fix.replaceAll("sudo ", "")]).exitCode).toBe(0);
      expect(await check()).toEqual(SOUND);
      // A directory that it may not enter closes all that is in it.
      chownSync(join(root, "episodes/lab1"), 0, 0);
      chmodSync(join(root, "episodes/lab1"), 0o700);
      expect((await check()).unreadable.map(({ path }) => path)).toEqual(
        ["a", "b", "c"].map((id) => `episodes/lab1/${id}.tar.zst`),
      );
    },
  );

  test("lines that are no rows are named by their numbers; --repair leaves them out and keeps the file as it was", async () => {
    const index = join(root, "index.jsonl");
    const [a = "", b = "", c = ""] = readFileSync(index, "utf8").split("\n");
    const zeros = "\0".repeat(9);
    const damaged = `${a}\n\ngarbage\n${b.slice(0, 90)}}\n${c}\n${zeros}\n`;
    writeFileSync(index, damaged);
    const found = await run();
    expect([found.code, found.stdout]).toEqual([
      1,
      "torn: index.jsonl line 3 is no row\n" +
        "torn: index.jsonl line 4 is no row\n" +
        "torn: index.jsonl line 6 is no row\n" +
        "extra: episodes/lab1/b.tar.zst is not in the index\n" +
        "DAMAGED: 1 not in the index, 3 unreadable index lines; 2 episodes, 9.8 KiB read; fix: sudo systemctl stop labfleet-receiver && sudo receiver verify --repair; sudo systemctl start labfleet-receiver\n",
    ]);
    const repaired = await run("--repair");
    expect([repaired.code, repaired.stdout]).toEqual([0, "sound: 3 episodes, 14.6 KiB read\n"]);
    const aside = join(root, "aside", readdirSync(join(root, "aside"))[0] ?? "", "index.jsonl");
    expect(repaired.stderr).toContain(`left 3 lines that are no rows out of ${index}; the file as it was: ${aside}`);
    expect(readFileSync(aside, "utf8")).toBe(damaged);
    expect(readFileSync(index, "utf8")).toStartWith(`${a}\n${c}\n`);
    expect(rowsOf(index)).toMatchObject([{ episode_id: "a" }, { episode_id: "c" }, { episode_id: "b" }]);
    expect(readdirSync(root).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("a row with another size, whose digest fits: --repair puts the row right, and the archive never moves", async () => {
    const index = join(root, "index.jsonl");
    const [a = "", ...others] = readFileSync(index, "utf8").split("\n");
    writeFileSync(
      index,
      [a.replace(/"bytes":\s*(\d+)/, (_, n: string) => `"bytes":${Number(n) + 1}`), ...others].join("\n"),
    );
    const found = await run();
    expect([found.code, found.stdout]).toEqual([
      1,
      "wrong_bytes: episodes/lab1/a.tar.zst has 5000 bytes, its row says 5001; its digest fits, the file itself is as it was received\n" +
        "WRONG ROWS: 1 row claims another size than is stored, no episode is damaged; 3 episodes, 14.6 KiB read; fix: sudo systemctl stop labfleet-receiver && sudo receiver verify --repair; sudo systemctl start labfleet-receiver\n",
    ]);
    const repaired = await run("--repair");
    expect([repaired.code, repaired.stdout]).toEqual([0, "sound: 3 episodes, 19.5 KiB read\n"]);
    expect(existsSync(episode("a"))).toBe(true);
    const receiver = await startReceiver({ dataRoot: root });
    expect((await fetch(`${receiver.url}/v1/episodes/lab1/a.tar.zst`)).status).toBe(200);
  });

  test("an index that fits is not written anew by --repair", async () => {
    writeFileSync(join(root, "episodes/lab1/notes.txt"), "x");
    const { ino } = statSync(join(root, "index.jsonl"));
    expect((await run("--repair")).code).toBe(0);
    expect(statSync(join(root, "index.jsonl")).ino).toBe(ino);
  });

  test("--repair refuses while a receiver is at work, plain verify does not", async () => {
    const { lockDataRoot } = await import("../../../../lib/os/files/lock.ts");
    lockDataRoot("receiver", root, join(root, "run"));
    const refused = await run("--repair");
    expect([refused.code, refused.stderr]).toEqual([
      3,
      `receiver: another receiver is at work on ${root} (pid ${process.pid}), and a repair needs the store for itself\nreceiver: fix: receiver stop && receiver verify --repair, then start it again\n`,
    ]);
    expect(stopAndRepair("--deep --repair", false)).toBe(
      "sudo systemctl stop labfleet-receiver && sudo receiver verify --deep --repair; sudo systemctl start labfleet-receiver",
    );
    expect((await run()).code).toBe(0);
  });

  test.each([
    ["no data root", "/nonexistent/x", "there is no data root at /nonexistent/x"],
    ["a mount point without its disk", tempDir, "there is no store in"],
    ["a file", "/etc/hostname", "/etc/hostname is no directory"],
  ])("%s is exit 2 and one sentence, never sound", async (_, root, sentence) => {
    const config = join(tempDir(), "c.toml");
    const dataRoot = typeof root === "string" ? root : root();
    writeFileSync(config, `[paths]\ndata_root = "${dataRoot}"\n`);
    const child = Bun.spawn([process.execPath, RECEIVER, "verify", "--config", config], {
      stdout: "pipe",
      stderr: "pipe",
    });
    expect([await child.exited, await child.stdout.text()]).toEqual([2, ""]);
    expect(await child.stderr.text()).toContain(sentence);
    expect(existsSync("/nonexistent")).toBe(false);
    if (typeof root !== "string") expect(readdirSync(dataRoot)).toEqual([]);
  });
});
