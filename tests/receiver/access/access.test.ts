// Tokens and the gate: files that an operator edits while the receiver runs.

import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  bearerToken,
  createTokenCheck,
  hashToken,
  openToOthers,
  parseTokenFile,
} from "../../../lib/receiver/access/auth.ts";
import { createGate, parseCommits } from "../../../lib/receiver/access/gate.ts";
import { openTokenTable } from "../../../lib/receiver/access/token-table.ts";
import { withoutOldest } from "../../../lib/receiver/commands/token.ts";
import { inText } from "../../support/in-text.ts";
import { bytes, cleanUp, keptLog, put, startReceiver, tempDir } from "../support.ts";

afterEach(cleanUp);

const line = (token: string): string => `sha256:${hashToken(token).toString("hex")}\n`;

describe("tokens", () => {
  test("are valid from the moment they are written until they are removed", () => {
    const dir = tempDir();
    const check = createTokenCheck(dir, keptLog());
    expect(check("lab1", "Bearer one")).toBe("unknown");
    writeFileSync(join(dir, "lab1"), line("one"));
    expect(check("lab1", "Bearer one")).toBe("valid");
    expect(check("lab1", "bearer   one ")).toBe("valid");
    writeFileSync(join(dir, "lab1"), `# the next one\n${line("one")}${line("two")}`);
    expect([check("lab1", "Bearer one"), check("lab1", "Bearer two")]).toEqual(["valid", "valid"]);
    writeFileSync(join(dir, "lab1"), line("two"));
    expect([check("lab1", "Bearer one"), check("lab1", "Bearer two")]).toEqual(["unknown", "valid"]);
    rmSync(join(dir, "lab1"));
    expect(check("lab1", "Bearer two")).toBe("unknown");
  });

  test("a file of the same size put in place by rename is noticed", () => {
    const dir = tempDir();
    const check = createTokenCheck(dir, keptLog());
    writeFileSync(join(dir, "lab1"), line("one"));
    expect(check("lab1", "Bearer one")).toBe("valid");
    writeFileSync(join(dir, ".new"), line("two"));
    renameSync(join(dir, ".new"), join(dir, "lab1"));
    expect([check("lab1", "Bearer one"), check("lab1", "Bearer two")]).toEqual(["unknown", "valid"]);
  });

  test("one of another host is told from one of nobody", async () => {
    const dir = tempDir();
    writeFileSync(join(dir, "lab1"), line("one"));
    writeFileSync(join(dir, "lab2"), line("two"));
    const table = openTokenTable(dir, parseTokenFile);
    await table.look();
    const check = createTokenCheck(dir, keptLog(), table);
    expect([
      check("lab1", "Bearer two"),
      check("lab3", "Bearer two"),
      check("lab1", "Bearer x"),
      check("lab1", null),
    ]).toEqual(["other-host", "other-host", "unknown", "absent"]);
  });

  test("a file that was mended and is none again is told again", async () => {
    const dir = tempDir();
    const log = keptLog();
    writeFileSync(join(dir, "lab1"), line("one"));
    const table = openTokenTable(dir, parseTokenFile);
    await table.look();
    const check = createTokenCheck(dir, log, table);
    for (const text of ["x\n", "x\n", line("one"), "x\n"]) {
      writeFileSync(join(dir, "lab1"), text);
      check("lab1", "Bearer one");
    }
    table.close();
    expect(log.lines).toHaveLength(2);
  });

  test("a file that is none is our fault, and told once, with the fix", () => {
    const dir = tempDir();
    const log = keptLog();
    const check = createTokenCheck(dir, log);
    writeFileSync(join(dir, "lab1"), "one\n");
    expect(check("lab1", "Bearer one")).toEqual({ unreadable: "line 1 is not sha256: and 64 hex digits" });
    check("lab1", "Bearer one");
    check("lab1", null);
    expect(log.lines).toEqual([expect.stringContaining(`cannot use token file ${dir}/lab1: "line 1 is not sha256:`)]);
    expect(log.lines[0]).toContain("fix: ");
    mkdirSync(join(dir, "lab2"));
    expect(check("lab2", "Bearer one")).toHaveProperty("unreadable");
    writeFileSync(join(dir, "lab1"), line("one"));
    expect(check("lab1", "Bearer one")).toBe("valid");
  });

  test("an Authorization header that is none holds no token", () => {
    const cases: [string | null, string | null][] = [
      ["Bearer abc", "abc"],
      ["Basic abc", null],
      ["Bearer", null],
      ["Bearer a b", null],
      [`Bearer ${"a".repeat(600)}`, null],
      [null, null],
    ];
    for (const [header, token] of cases) expect(bearerToken(header)).toBe(token);
  });

  test("three in a file are too many: a rotation that nobody ended", () => {
    expect(() => parseTokenFile(line("a") + line("b") + line("c"))).toThrow("it holds 3 tokens, 2 are allowed");
  });

  test("the oldest is the first, and its comment goes with it", () => {
    expect(withoutOldest(`# added 1\n${line("a")}# added 2\n${line("b")}`)).toBe(`# added 2\n${line("b")}`);
    expect(withoutOldest(line("a"))).toBe("");
  });

  test("a directory that others can read is told", () => {
    const dir = join(tempDir(), "the tokens");
    mkdirSync(dir);
    chmodSync(dir, 0o750);
    expect(openToOthers(dir)).toBeNull();
    chmodSync(dir, 0o755);
    expect(inText(openToOthers(dir))).toEndWith(`(mode 755); fix: sudo chmod 0750 '${dir}'`);
  });
});

describe("the gate", () => {
  test("is read again when it changes; absent is open, unreadable is ours", () => {
    const file = join(tempDir(), "accepted");
    const log = keptLog();
    const gate = createGate(file, log);
    expect(gate()).toEqual({ kind: "any" });
    writeFileSync(file, "abc # release 1\n\n# old\ndef\n");
    expect(gate()).toEqual({ kind: "list", commits: new Set(["abc", "def"]) });
    writeFileSync(file, "ghi\n");
    expect(gate()).toEqual({ kind: "list", commits: new Set(["ghi"]) });
    writeFileSync(file, "# a write that is not done yet\n");
    expect(gate()).toEqual({ kind: "unreadable" });
    gate();
    writeFileSync(file, "ghi\n");
    expect(gate()).toEqual({ kind: "list", commits: new Set(["ghi"]) });
    rmSync(file);
    gate();
    gate();
    const levels = log.lines.map((l) => l.split(":")[0]);
    expect(levels).toEqual(["warn", "info", "error", "info", "warn"]);
  });
  test("no file set: any commit, and not a word", () => {
    const log = keptLog();
    expect(createGate(null, log)()).toEqual({ kind: "any" });
    expect(log.lines).toEqual([]);
  });
  test("commits are the first words of their lines", () => {
    expect([...parseCommits("  abc  \r\ndef#x\n")]).toEqual(["abc", "def"]);
  });
});

describe("over the wire", () => {
  const COMMIT = { "X-Labfleet-Code-Commit": "abc" };
  test("tokens, hosts and commits are looked at in this order, and nothing is stored without all three", async () => {
    const dir = tempDir();
    writeFileSync(join(dir, "lab1"), line("one"));
    writeFileSync(join(dir, "lab2"), line("two"));
    const table = openTokenTable(dir, parseTokenFile);
    await table.look();
    const receiver = await startReceiver({
      deps: {
        checkToken: createTokenCheck(dir, keptLog(), table),
        accepted: () => ({ kind: "list", commits: new Set(["abc"]) }),
      },
      rules: { commitRequired: true },
    });
    const tried = async (headers: Record<string, string>) => {
      const answer = await put(receiver.url, "lab1", "ep1", bytes(1000), headers);
      const body: unknown = await answer.json();
      return [answer.status, typeof body === "object" && body !== null && "reason" in body ? body.reason : "stored"];
    };
    expect(await tried({})).toEqual([401, "unauthorized"]);
    expect(await tried({ Authorization: "Bearer nobody" })).toEqual([401, "unauthorized"]);
    expect(await tried({ Authorization: "Bearer two", ...COMMIT })).toEqual([403, "wrong-host"]);
    expect(await tried({ Authorization: "Bearer one" })).toEqual([400, "missing-commit"]);
    expect(await tried({ Authorization: "Bearer one", "X-Labfleet-Code-Commit": "old" })).toEqual([
      412,
      "commit-not-accepted",
    ]);
    expect(await tried({ Authorization: "Bearer one", "X-Cis490-Code-Commit": "a b" })).toEqual([
      400,
      "malformed-commit",
    ]);
    expect(receiver.rows()).toEqual([]);
    expect(await tried({ Authorization: "Bearer one", "X-Cis490-Code-Commit": "abc" })).toEqual([201, "stored"]);
    const url = `${receiver.url}/v1/episodes/lab1/ep1.tar.zst`;
    const asked = await fetch(url, { headers: { Authorization: "Bearer two" } });
    expect([asked.status, (await fetch(url)).status, (await fetch(url)).headers.get("www-authenticate")]).toEqual([
      403,
      401,
      'Bearer realm="labfleet"',
    ]);
    expect((await fetch(url, { headers: { Authorization: "Bearer one" } })).status).toBe(200);
    expect(receiver.log.lines).toContain(
      "warn: rejected episode host=lab1 id=ep1: missing X-Labfleet-Code-Commit, missing X-Cis490-Code-Commit",
    );
    expect((await receiver.attemptRows()).map((row) => row.status)).toEqual([400, 412, 400, 201]);
    expect(await receiver.sums()).toMatchObject([
      { remote: "127.0.0.1", host_id: "lab1", what: "episode", reason: "unauthorized", count: 2 },
      { remote: "127.0.0.1", host_id: "lab1", what: "episode", reason: "wrong-host", count: 1 },
      { remote: "127.0.0.1", host_id: "lab1", what: "read", reason: "wrong-host", count: 1 },
      { remote: "127.0.0.1", host_id: "lab1", what: "read", reason: "unauthorized", count: 2 },
    ]);
    // Whatever went wrong, no token is in the log.
    expect(receiver.log.lines.join("\n")).not.toMatch(/Bearer|nobody/);
  });

  test("is asked of nobody who wants what there is not; that is counted", async () => {
    const receiver = await startReceiver({ deps: { checkToken: createTokenCheck(tempDir(), keptLog()) } });
    const asked = [
      ["GET", "/wp-login.php"],
      ["GET", "/.env"],
      ["DELETE", "/v1/episodes/lab1/ep1.tar.zst"],
      ["GET", "/v1/judge/lab1/ep1"],
      ["POST", "/v1/hosts"],
      ["GET", "/v1/heartbeats/lab1"],
    ] as const;
    const statuses: number[] = [];
    for (const [method, path] of asked) statuses.push((await fetch(`${receiver.url}${path}`, { method })).status);
    expect(statuses).toEqual([404, 404, 405, 405, 405, 405]);
    expect(await receiver.sums()).toMatchObject([
      { remote: "127.0.0.1", host_id: null, what: "request", reason: "not-found", count: 2 },
      { remote: "127.0.0.1", host_id: null, what: "request", reason: "method-not-allowed", count: 4 },
    ]);
  });

  test("rotation under load loses no request", async () => {
    const dir = tempDir();
    writeFileSync(join(dir, "lab1"), line("old"));
    const receiver = await startReceiver({ deps: { checkToken: createTokenCheck(dir, keptLog()) } });
    let token = "old";
    let count = 0;
    const statuses = new Set<number>();
    const load = Array.from({ length: 4 }, async () => {
      while (count < 200) {
        const answer = await put(receiver.url, "lab1", `ep${count++}`, bytes(100), {
          Authorization: `Bearer ${token}`,
        });
        statuses.add(answer.status);
      }
    });
    writeFileSync(join(dir, "lab1"), line("old") + line("new"));
    while (count < 100) await Bun.sleep(1);
    token = "new";
    await Promise.all(load);
    expect(statuses).toEqual(new Set([201]));
  });
});
