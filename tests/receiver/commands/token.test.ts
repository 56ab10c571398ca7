// `receiver token add|list|revoke`: what they print, what they write, for whom. And what the receiver notes of their use.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTokenCheck, hashToken } from "../../../lib/receiver/access/auth.ts";
import { tokenId } from "../../../lib/receiver/access/token-file.ts";
import { openTokenUse, readTokenUse } from "../../../lib/receiver/access/token-use.ts";
import { findCode, writeCode } from "../../../lib/receiver/enrolment/codes.ts";
import { cleanUp, keptLog, startReceiver, tempDir } from "../support.ts";

afterEach(cleanUp);

const RECEIVER = join(import.meta.dir, "../../../bin/receiver.ts");
const NOBODY = 65534;

let config = "";
let tokens = "";
let dataRoot = "";
beforeEach(() => {
  const dir = tempDir();
  config = join(dir, "c.toml");
  tokens = join(dir, "tokens.d");
  dataRoot = join(dir, "data");
  mkdirSync(dataRoot);
  writeFileSync(
    config,
    `[auth]\ntokens_dir = "${tokens}"\n[paths]\ndata_root = "${dataRoot}"\nrun_dir = "${dir}/run"\n`,
  );
});

/** Runs it under a umask that lets nobody else read. */
async function run(...args: string[]) {
  const line = [process.execPath, RECEIVER, "token", ...args, "--config", config].map((word) => `'${word}'`).join(" ");
  const child = Bun.spawn(["sh", "-c", `umask 077; exec ${line}`], { stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

const idOf = (token: string): string => tokenId(hashToken(token.trim()).toString("hex"));
const isValid = (token: string) => createTokenCheck(tokens, keptLog())("lab1", `Bearer ${token.trim()}`) === "valid";

test("what is taken away from a host does not come back by a code that it has used", async () => {
  await run("add", "lab1");
  const codes = join(dataRoot, "enrolment");
  const [made_at, until] = [new Date().toISOString(), new Date(Date.now() + 3_600_000).toISOString()];
  const code = { made_at, until, host: null, replaces: false, used: null };
  const used = (host: string) => ({ ...code, used: { host, token_sha256: "a".repeat(64), at: made_at } });
  await writeCode(codes, "used", used("lab1"));
  await writeCode(codes, "own", { ...code, host: "lab1" });
  await writeCode(codes, "others", used("lab2"));
  await writeCode(codes, "free", code);
  expect((await run("revoke", "lab1", "--all")).code).toBe(0);
  const left = await Promise.all(["used", "own", "others", "free"].map((name) => findCode(codes, name)));
  expect(left.map((one) => one !== null)).toEqual([false, false, true, true]);
});

test("add, list, revoke exactly the one that is named", async () => {
  const first = await run("add", "lab1");
  expect(first.code).toBe(0);
  expect(first.stdout).toMatch(/^lf_[\w-]{43}\n$/);
  expect(isValid(first.stdout)).toBe(true);
  expect(readFileSync(join(tokens, "lab1"), "utf8")).not.toContain(first.stdout.trim());
  const second = await run("add", "lab1");
  expect(second.code).toBe(0);

  const day = new Date().toISOString().slice(0, 10);
  const listed = await run("list");
  expect(listed.stdout).toMatch(
    new RegExp(
      `^HOST  TOKEN     ADDED {12} LAST USED \\(UTC\\)\nlab1  ${idOf(first.stdout)}  ${day} .*  not known\nlab1  ${idOf(second.stdout)} `,
    ),
  );
  expect(JSON.parse((await run("list", "--json")).stdout)).toEqual({
    tokens_dir: tokens,
    hosts: [
      {
        host: "lab1",
        tokens: 2,
        each: [first, second].map(({ stdout }) => ({
          id: idOf(stdout),
          added: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
          last_used: null,
          watched_since: null,
        })),
      },
    ],
  });

  expect((await run("revoke", "lab1", "--token", "00000000")).stderr).toContain(
    `lab1 has no token "00000000": it has ${idOf(first.stdout)} (added ${day}`,
  );
  expect((await run("revoke", "lab1")).stderr).toContain("say which: --token ID, --oldest or --all; lab1 has");
  expect((await run("revoke", "lab1", "--oldest", "--all")).code).toBe(2);
  const revoked = await run("revoke", "lab1", "--token", idOf(second.stdout));
  // Whoever revokes the one in use by mistake reads it here, and not from a host that is refused.
  const left = `lab1: 1 revoked, 1 left: ${idOf(first.stdout)} (added ${day}`;
  expect([revoked.code, revoked.stdout.startsWith(left)]).toEqual([0, true]);
  expect(revoked.stdout).toEndWith(", last use not known)\n");
  expect([isValid(first.stdout), isValid(second.stdout)]).toEqual([true, false]);
  expect((await run("revoke", "lab1", "--oldest")).stdout).toBe("lab1: 1 revoked, 0 left\n");
  expect((await run("revoke", "lab1", "--all")).stderr).toBe(
    "receiver: lab1 has no token\nreceiver: fix: to give it one (`receiver token list` shows who has one): sudo receiver token add lab1\n",
  );
  expect((await run("add", "../x")).stderr).toContain('"../x" is no host name');
}, 180_000);

test("at two tokens the one that nobody uses is named, with the command that revokes it", async () => {
  const [first, second] = [(await run("add", "lab1")).stdout, (await run("add", "lab1")).stdout];
  // Noted since before both were added, and used after that.
  for (const [at, used] of [
    ["2026-05-01T06:37:53Z", ""],
    ["2099-05-01T06:37:53Z", first.trim()],
  ] as const) {
    const notes = openTokenUse(join(dataRoot, "token-use.json"), keptLog(), () => Date.parse(at));
    if (used !== "") notes.used("lab1", hashToken(used));
    notes.write();
    notes.close();
  }
  const third = await run("add", "lab1");
  expect([third.code, third.stdout]).toEqual([2, ""]);
  expect(third.stderr).toMatch(
    /lab1 has 2 tokens already: \w{8} \(added .*, last used 2099-05-01 06:00\), \w{8} \(added .*, never used\)/,
  );
  expect(third.stderr).toContain(`fix: sudo receiver token revoke lab1 --token ${idOf(second)}\n`);
  const fix = /fix: sudo receiver token (.*)\n/.exec(third.stderr)?.[1] ?? "";
  expect((await run(...fix.split(" "))).code).toBe(0);
  expect([isValid(first), isValid(second)]).toEqual([true, false]);
}, 180_000);

test.each([
  [">&-", "standard output is closed, or /dev/null, and a token is shown only once; no token was added"],
  [">/dev/null", "standard output is closed, or /dev/null, and a token is shown only once; no token was added"],
  [">/dev/full", "the answer cannot be written to standard output: ENOSPC; no token was added"],
  ["| true", "whoever reads standard output has gone; no token was added"],
])(
  "a token that %s keeps from being shown is not added",
  (where, said) => {
    // The last one's reader has gone before there is anything to read.
    const line = `{ sleep 0.2; '${process.execPath}' '${RECEIVER}' token add lab1 --config '${config}'; } ${where}`;
    const { stderr } = Bun.spawnSync(["sh", "-c", line], { stderr: "pipe" });
    expect(stderr.toString()).toContain(said);
    expect(existsSync(join(tokens, "lab1")) ? readFileSync(join(tokens, "lab1"), "utf8") : "").toBe("");
  },
  180_000,
);

describe.skipIf(process.getuid?.() !== 0)("by root, under a umask of 077", () => {
  const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

  test("a directory that is new can be read by the group of the data root, and so can what is in it", async () => {
    chownSync(dataRoot, NOBODY, NOBODY);
    expect((await run("add", "lab1")).code).toBe(0);
    const [dir, file] = [statSync(tokens), statSync(join(tokens, "lab1"))];
    expect([dir.uid, dir.gid, modeOf(tokens)]).toEqual([0, NOBODY, "2770"]);
    expect([file.uid, file.gid, modeOf(join(tokens, "lab1"))]).toEqual([0, NOBODY, "640"]);
  });

  test("a token file belongs to whom its directory belongs to", async () => {
    mkdirSync(tokens);
    chownSync(tokens, NOBODY, 12);
    chmodSync(tokens, 0o750);
    expect((await run("add", "lab1")).code).toBe(0);
    const file = statSync(join(tokens, "lab1"));
    expect([file.uid, file.gid, modeOf(join(tokens, "lab1")), modeOf(tokens)]).toEqual([NOBODY, 12, "640", "750"]);
  });
});

describe("a receiver notes when a token was used", () => {
  const HASH = hashToken("a");
  const HOUR = 3_600_000;
  const T0 = Date.parse("2026-05-01T06:37:53Z");
  const path = (): string => join(dataRoot, "token-use.json");

  test("of a request with a valid token, not of a refused one", async () => {
    mkdirSync(tokens);
    writeFileSync(join(tokens, "lab1"), `sha256:${HASH.toString("hex")}\n`);
    const used: string[] = [];
    const check = createTokenCheck(tokens, keptLog(), undefined, (host, hash) =>
      used.push(`${host} ${hash.toString("hex")}`),
    );
    const receiver = await startReceiver({ deps: { checkToken: check } });
    const ask = (token: string): Promise<Response> =>
      fetch(`${receiver.url}/v1/hosts/lab1`, { headers: { Authorization: `Bearer ${token}` } });
    await ask("b");
    expect(used).toEqual([]);
    await ask("a");
    expect(new Set(used)).toEqual(new Set([`lab1 ${HASH.toString("hex")}`]));
  });

  test("to the hour, and writes nothing when nothing is new", () => {
    let now = T0;
    const notes = openTokenUse(path(), keptLog(), () => now);
    notes.used("lab1", HASH);
    notes.write();
    const written = readTokenUse(path());
    expect(written).toEqual({
      since: "2026-05-01T06:37:53.000Z",
      used: { lab1: { [tokenId(HASH.toString("hex"))]: "2026-05-01T06:00:00.000Z" } },
    });
    expect((statSync(path()).mode & 0o777).toString(8)).toBe("640");
    writeFileSync(path(), "untouched");
    now += HOUR / 4;
    notes.used("lab1", HASH);
    notes.write();
    expect(readFileSync(path(), "utf8")).toBe("untouched");
    now += HOUR;
    notes.used("lab1", HASH);
    notes.write();
    expect(readTokenUse(path())?.used.lab1).toEqual({ [tokenId(HASH.toString("hex"))]: "2026-05-01T07:00:00.000Z" });
    notes.close();
  });

  test("within a second when it is a token's first: 'never used' is said of none that its host has gone over to", async () => {
    const notes = openTokenUse(path(), keptLog(), () => T0);
    notes.used("lab1", HASH);
    while (readTokenUse(path())?.used.lab1 === undefined) await Bun.sleep(10);
    expect(readTokenUse(path())?.used.lab1).toEqual({ [tokenId(HASH.toString("hex"))]: "2026-05-01T06:00:00.000Z" });
    notes.close();
  });

  test("from when nobody has used one yet: of a token that is added just after the first start nobody says 'not known'", () => {
    const notes = openTokenUse(path(), keptLog(), () => T0);
    expect(readTokenUse(path())).toEqual({ since: "2026-05-01T06:37:53.000Z", used: {} });
    notes.close();
  });

  test("over a restart: what was noted stays, and since when", () => {
    const before = openTokenUse(path(), keptLog(), () => T0);
    before.used("lab1", HASH);
    before.write();
    const after = openTokenUse(path(), keptLog(), () => T0 + 24 * HOUR);
    after.used("lab2", HASH);
    after.write();
    const use = readTokenUse(path());
    expect([use?.since, Object.keys(use?.used ?? {})]).toEqual(["2026-05-01T06:37:53.000Z", ["lab1", "lab2"]]);
    before.close();
    after.close();
  });

  test("of four tokens a host, for 400 days", () => {
    let now = T0;
    const notes = openTokenUse(path(), keptLog(), () => now);
    notes.used("gone", HASH);
    for (const token of ["1", "2", "3", "4", "5", "6"]) {
      now += 80 * 24 * HOUR;
      notes.used("lab1", hashToken(token));
    }
    notes.write();
    const use = readTokenUse(path());
    const ids = ["3", "4", "5", "6"].map((token) => tokenId(hashToken(token).toString("hex")));
    expect([Object.keys(use?.used ?? {}), Object.keys(use?.used.lab1 ?? {}).sort()]).toEqual([["lab1"], ids.sort()]);
    notes.close();
  });

  test("a file that is torn, or cannot be written, fails no request", () => {
    writeFileSync(path(), '{"since":"20');
    const log = keptLog();
    const notes = openTokenUse(path(), log, () => T0);
    mkdirSync(join(dataRoot, ".token-use.json.tmp"));
    notes.used("lab1", HASH);
    notes.write();
    notes.write();
    expect(log.lines).toEqual([expect.stringMatching(/^warn: cannot write .*when tokens were used stays unknown$/)]);
    notes.close();
  });
});
