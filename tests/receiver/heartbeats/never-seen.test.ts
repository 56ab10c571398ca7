// A host that has a token and was never heard of is in the list, with what was refused of it.

import { afterEach, describe, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AttemptRow, formatAttempt, type RefusalSum } from "../../../lib/contract/attempt-row.ts";
import type { Finding } from "../../../lib/core/finding.ts";
import { withDuplicate } from "../../../lib/fleet/senders.ts";
import { renderHosts } from "../../../lib/fleet/table.ts";
import { unknownSummary } from "../../../lib/fleet/view.ts";
import { openRefusedHosts, type RefusedHosts } from "../../../lib/os/files/refused-hosts.ts";
import { hashToken, parseTokenFile } from "../../../lib/receiver/access/auth.ts";
import { openTokenTable } from "../../../lib/receiver/access/token-table.ts";
import { withNeverSeen, withRefusal } from "../../../lib/receiver/heartbeats/never-seen.ts";
import { inText } from "../../support/in-text.ts";
import { cleanUp, tempDir } from "../support.ts";

afterEach(cleanUp);

const NOON = Date.parse("2026-05-02T12:00:00Z");

const sum = (over: Partial<RefusalSum> = {}): RefusalSum => ({
  from: "2026-05-02T06:00:00.000000+00:00",
  to: "2026-05-02T06:01:00.000000+00:00",
  remote: "10.0.0.5",
  host_id: "lab1",
  what: "heartbeat",
  reason: "unauthorized",
  count: 3,
  ...over,
});
const row = (over: Partial<AttemptRow> = {}): AttemptRow => ({
  at: "2026-05-02T07:00:00.000000+00:00",
  host_id: "lab1",
  episode_id: null,
  status: 400,
  reason: "malformed",
  bytes: 5,
  code_commit: null,
  remote: "10.0.0.5:4000",
  what: "heartbeat",
  ...over,
});

function attempts() {
  const dir = join(tempDir(), "attempts");
  mkdirSync(dir);
  const add = (day: string, ...rows: (AttemptRow | RefusalSum)[]) =>
    appendFileSync(join(dir, `${day}.jsonl`), rows.map((one) => `${formatAttempt(one)}\n`).join(""));
  return { dir, add };
}

describe("what was refused", () => {
  test("is counted of yesterday and today, sums and rows alike; the newest says why; what was stored is none", async () => {
    const { dir, add } = attempts();
    add("2026-04-30", sum({ count: 1000 }));
    add("2026-05-01", sum({ count: 2, to: "2026-05-01T23:59:00.000000+00:00", reason: "wrong-host" }));
    // A sum is written after the rows of its minute.
    add("2026-05-02", row(), sum(), row({ status: 201, reason: "stored", host_id: "lab2" }), sum({ host_id: null }));
    add("2026-05-02", sum({ host_id: "lab3", count: 1 }));
    const at = (time: string) => Date.parse(`2026-05-02T${time}Z`);
    expect(Object.fromEntries(await openRefusedHosts(dir).look(NOON))).toEqual({
      lab1: { count: 6, reason: "malformed", atMs: at("07:00:00"), remote: "10.0.0.5" },
      lab3: { count: 1, reason: "unauthorized", atMs: at("06:01:00"), remote: "10.0.0.5" },
    });
  });

  test("is read on from where it was read, and a line that is being written is read when it is whole", async () => {
    const { dir, add } = attempts();
    add("2026-05-02", sum());
    const refused = openRefusedHosts(dir);
    const count = async (nowMs = NOON) => (await refused.look(nowMs)).get("lab1")?.count ?? 0;
    expect(await count()).toBe(3);
    const line = formatAttempt(sum({ count: 5 }));
    appendFileSync(join(dir, "2026-05-02.jsonl"), line.slice(0, 40));
    expect(await count()).toBe(3);
    appendFileSync(join(dir, "2026-05-02.jsonl"), `${line.slice(40)}\n`);
    expect([await count(), await count()]).toEqual([8, 8]);
    expect(await Promise.all([count(), count()])).toEqual([8, 8]);
    add("2026-05-03", sum({ count: 1 }));
    expect(await count(NOON + 86_400_000)).toBe(9);
    expect(await count(NOON + 2 * 86_400_000)).toBe(1);
  });

  test("before an upload was taken is none any more, of yesterday neither; what was refused of heartbeats is", async () => {
    const { dir, add } = attempts();
    const stored = (host_id: string, at: string) => {
      const { what: _, ...upload } = row({ host_id, status: 201, reason: "stored", episode_id: "e", at });
      return upload;
    };
    const wrongToken = (host_id: string, more: Partial<RefusalSum> = {}) => sum({ host_id, what: "episode", ...more });
    add("2026-05-01", wrongToken("lab1", { to: "2026-05-01T23:00:00.000000+00:00" }));
    add("2026-05-02", wrongToken("lab1"), stored("lab1", "2026-05-02T06:02:00.000000+00:00"));
    // What comes after it counts with all before; the order of the rows says nothing.
    add("2026-05-02", wrongToken("lab2", { to: "2026-05-02T07:00:00.000000+00:00" }), wrongToken("lab2"));
    add("2026-05-02", stored("lab2", "2026-05-02T06:30:00.000000+00:00"));
    add("2026-05-02", sum({ host_id: "lab3" }), stored("lab3", "2026-05-02T07:00:00.000000+00:00"));
    const beat = row({ host_id: "lab4", status: 200, reason: "stored", at: "2026-05-02T08:00:00.000000+00:00" });
    add("2026-05-02", wrongToken("lab4"), beat);
    const found = await openRefusedHosts(dir).look(NOON);
    expect([...found].map(([host, { count }]) => [host, count]).sort()).toEqual([
      ["lab2", 6],
      ["lab3", 3],
      ["lab4", 3],
    ]);
  });

  test("in a large file is what its end says, and rubbish is passed over", async () => {
    const { dir, add } = attempts();
    const path = join(dir, "2026-05-02.jsonl");
    for (let i = 0; i < 500; i++) add("2026-05-02", sum({ count: 1 }));
    writeFileSync(
      join(dir, "2026-05-01.jsonl"),
      `${"x".repeat(200_000)}\n{"count":1}\n${formatAttempt(sum({ count: 7 }))}\n`,
    );
    appendFileSync(path, "torn");
    const lineBytes = formatAttempt(sum({ count: 1 })).length + 1;
    const tally = (await openRefusedHosts(dir, 10 * lineBytes + 4).look(NOON)).get("lab1");
    expect(tally?.count).toBe(10 + 7);
    expect((await openRefusedHosts(dir).look(NOON)).get("lab1")?.count).toBe(507);
  });

  test("is nothing where nothing was written", async () => {
    expect((await openRefusedHosts(join(tempDir(), "none")).look(NOON)).size).toBe(0);
  });
});

const X = { what: "x", fix: null };

describe("the list", () => {
  test("has every host that has a token, but the operator; each with why nothing is known of it", async () => {
    const { dir, add } = attempts();
    add("2026-05-02", sum(), sum({ host_id: "lab3", count: 1, reason: "wrong-host" }), row({ host_id: "lab5" }));
    const heard = [{ ...unknownSummary("lab2"), problem: X }];
    const tokens = ["lab5", "operator", "lab4", "lab3", "lab2", "lab1"];
    const hosts = await withNeverSeen(heard, { withToken: tokens, others: [] }, openRefusedHosts(dir), NOON);
    expect(
      hosts.map(({ host, never, refused, problem }) => [
        host,
        never,
        refused?.count ?? null,
        inText(problem, "collector"),
      ]),
    ).toEqual([
      [
        "lab1",
        true,
        3,
        "no heartbeat has ever come; refused 3 times since yesterday, the newest unauthorized from 10.0.0.5; fix: make lab1 a token, paste it into the second command and end it with Ctrl-D: sudo receiver token add lab1; then on the lab host: sudo install -D -m 0640 -g labfleet /dev/stdin /etc/labfleet/token",
      ],
      ["lab2", false, null, "x"],
      [
        "lab3",
        true,
        1,
        "no heartbeat has ever come; refused once since yesterday, the newest wrong-host from 10.0.0.5; fix: give lab3 its own token and certificate: it sends another host's",
      ],
      [
        "lab4",
        true,
        null,
        "no heartbeat has ever come, and none was refused since yesterday; fix: see what the host says: on the lab host: sudo heartbeat status",
      ],
      ["lab5", true, 1, "no heartbeat has ever come; refused once since yesterday, the newest malformed from 10.0.0.5"],
    ]);
    expect(hosts[0]).toMatchObject({ worst: "unknown", stale: true, age_s: null, received_at_wall: null });
    expect(hosts[0]?.refused).toEqual({ count: 3, reason: "unauthorized", at: "2026-05-02T06:01:00.000000+00:00" });
    expect(renderHosts(hosts.map((row) => withDuplicate(row, null)))).toMatch(
      /^lab1 +never +unknown +no heartbeat has ever come; refused 3 times/m,
    );
  });

  test("says of a host that is silent that it was refused since, and what mends that; of any other nothing new", async () => {
    const { dir, add } = attempts();
    const names = ["lab1", "lab2", "lab3", "lab4"];
    for (const host_id of names.slice(0, 3)) add("2026-05-02", sum({ host_id, count: 2 }));
    add("2026-05-02", row({ host_id: "lab4" }));
    // Refused at 06:01: five hours and 59 minutes before noon.
    const [heardBefore, heardSince] = [6 * 3600, 3600];
    const heard = names.map((host) => ({
      ...unknownSummary(host),
      received_at_wall: "",
      age_s: heardBefore,
      problem: X,
    }));
    Object.assign(heard[1] ?? {}, { age_s: heardSince });
    Object.assign(heard[2] ?? {}, { stale: false });
    const hosts = await withNeverSeen(heard, { withToken: [], others: [] }, openRefusedHosts(dir), NOON);
    expect(hosts.map(({ problem, refused }) => [inText(problem), refused?.count ?? null])).toEqual([
      [
        "no heartbeat for 6h; refused 2 times since yesterday, the newest unauthorized from 10.0.0.5; fix: make lab1 a token, paste it into the second command and end it with Ctrl-D: on the collector: sudo receiver token add lab1; then on the lab host: sudo install -D -m 0640 -g labfleet /dev/stdin /etc/labfleet/token",
        2,
      ],
      ["x", null],
      ["x", null],
      ["x", null],
    ]);
    // One whose file cannot be read is told that; and of one host the same is said as in the list.
    const [first] = heard;
    if (first === undefined) throw new Error("there is one");
    const unreadable = { ...first, received_at_wall: null };
    const refused = openRefusedHosts(dir);
    expect((await withRefusal(unreadable, refused, NOON)).problem).toBe(X);
    expect<Finding | null>((await withRefusal(first, refused, NOON)).problem).toEqual(hosts[0]?.problem ?? null);
  });

  test("says of a host whose heartbeats this receiver itself refused that it did, for as long as that explains its silence", async () => {
    const { dir, add } = attempts();
    const silent = (host: string, age_s: number) => ({
      ...unknownSummary(host),
      received_at_wall: "",
      age_s,
      problem: X,
    });
    const full = {
      count: 3,
      status: 507,
      reason: "disk-full",
      detail: "no room for 2.0 KiB above the reserve of 1.0 MiB",
    };
    const beats = new Map([
      ["lab1", { ...full, atMs: NOON - 60_000 }],
      ["lab2", { ...full, atMs: NOON - 60_000 }],
      ["lab3", { count: 1, status: 503, reason: "stopping", detail: "the receiver is stopping", atMs: NOON - 60_000 }],
      ["lab4", { ...full, atMs: NOON - 60_000 }],
      ["lab5", { ...full, count: 1, atMs: NOON - 60_000 }],
    ]);
    // A token that was revoked since is the newer news.
    add("2026-05-02", sum({ host_id: "lab4", count: 2, to: "2026-05-02T11:59:30.000000+00:00" }));
    const heard = [silent("lab1", 285), silent("lab2", 30), silent("lab3", 285), silent("lab4", 285)];
    const hosts = await withNeverSeen(heard, { withToken: ["lab5"], others: [] }, openRefusedHosts(dir), NOON, beats);
    const why =
      "with 507 (disk-full): no room for 2.0 KiB above the reserve of 1.0 MiB; fix: make room on this collector's disk: sudo receiver status";
    expect(hosts.map(({ problem }) => inText(problem, "collector"))).toEqual([
      `no heartbeat for 4min 45s; this collector refused 3, the newest ${why}`,
      "x",
      "no heartbeat for 4min 45s; this collector refused it with 503 (stopping): the receiver is stopping",
      "no heartbeat for 4min 45s; refused 2 times since yesterday, the newest unauthorized from 10.0.0.5; fix: make lab4 a token, paste it into the second command and end it with Ctrl-D: sudo receiver token add lab4; then on the lab host: sudo install -D -m 0640 -g labfleet /dev/stdin /etc/labfleet/token",
      `no heartbeat has ever come; this collector refused it ${why}`,
    ]);
    expect(hosts[0]?.refused).toEqual({ count: 3, reason: "disk-full", at: "2026-05-02T11:59:00.000000+00:00" });
    const [first] = heard;
    if (first === undefined) throw new Error("there is one");
    const one = await withRefusal(first, openRefusedHosts(dir), NOON, beats);
    expect<Finding | null>(one.problem).toEqual(hosts[0]?.problem ?? null);
  });

  test("reads nothing where all were heard of, and is shown where attempts cannot be read", async () => {
    const heard = [{ ...unknownSummary("lab1"), stale: false }];
    const failing = {
      dir: "/data/attempts",
      look: () => Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" })),
    };
    expect(await withNeverSeen(heard, { withToken: ["lab1"], others: [] }, failing, NOON)).toEqual(heard);
    const [, never] = await withNeverSeen(heard, { withToken: ["lab1", "lab2"], others: [] }, failing, NOON);
    expect(never && { ...never, problem: inText(never.problem) }).toMatchObject({
      host: "lab2",
      refused: null,
      problem:
        "no heartbeat has ever come; whether any was refused is not known, since /data/attempts cannot be read: EIO; fix: sudo ls -la /data/attempts",
    });
  });

  test("does not say that nothing was refused where attempts is no directory, or closed", async () => {
    const file = join(tempDir(), "attempts");
    writeFileSync(file, "");
    const problems = async (refused: RefusedHosts) =>
      (await withNeverSeen([], { withToken: ["lab1"], others: [] }, refused, NOON)).map(({ problem }) =>
        inText(problem),
      );
    const unknown = (path: string, code: string) =>
      `no heartbeat has ever come; whether any was refused is not known, since ${path} cannot be read: ${code}; fix: `;
    expect(await problems(openRefusedHosts(file))).toEqual([`${unknown(file, "ENOTDIR")}sudo ls -la ${file}`]);
    const closed = { dir: "/a", look: () => Promise.reject(Object.assign(new Error("no"), { code: "EACCES" })) };
    expect(await problems(closed)).toEqual([`${unknown("/a", "EACCES")}sudo receiver hosts`]);
  });
});

test("who has no token any more is in the list when it was refused of late, and else is not missed", async () => {
  const { dir, add } = attempts();
  add("2026-05-02", sum({ host_id: "lab5", count: 12 }));
  const named = { withToken: [], others: ["lab5", "lab6"] };
  const hosts = await withNeverSeen([], named, openRefusedHosts(dir), NOON);
  expect(hosts.map(({ host, never, problem }) => [host, never, inText(problem)])).toEqual([
    [
      "lab5",
      true,
      expect.stringMatching(
        /^no heartbeat has ever come; refused 12 times since yesterday, the newest unauthorized from 10\.0\.0\.5; fix: make lab5 a token/,
      ),
    ],
  ]);
  expect(await withNeverSeen([], named, openRefusedHosts(join(dir, "none")), NOON)).toEqual([]);
});

test("a host whose tokens were all revoked has none; one whose file cannot be read may have", async () => {
  const dir = tempDir();
  writeFileSync(join(dir, "lab1"), `sha256:${hashToken("x").toString("hex")}\n`);
  writeFileSync(join(dir, "lab2"), "# all revoked\n");
  writeFileSync(join(dir, "lab3"), "rubbish");
  const table = openTokenTable(dir, parseTokenFile);
  await table.look();
  table.close();
  expect(table.hosts().sort()).toEqual(["lab1", "lab3"]);
  expect(table.revoked()).toEqual(["lab2"]);
});
