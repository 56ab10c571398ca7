// What a host says of its shipper, as an operator sees it: literals in, lines out.

import { describe, expect, test } from "bun:test";
import type { SentQueue } from "../../lib/contract/queue.ts";
import { hostView } from "../../lib/fleet/host-view.ts";
import { queueOf, trustsAnother } from "../../lib/fleet/queue-view.ts";
import { withDuplicate } from "../../lib/fleet/senders.ts";
import { renderHost, renderHosts } from "../../lib/fleet/table.ts";
import { briefOf, summarise } from "../../lib/fleet/view.ts";
import { heartbeat, result, storedAfter, T0 } from "../receiver/heartbeats/support.ts";

/** What mends a silence. */
const SPEAK =
  "; fix: switch the host on, or, where it is on, see why no heartbeat comes from it: on the lab host: sudo heartbeat status";

const [OURS, OTHER, OLD] = ["a".repeat(32), "b".repeat(32), "c".repeat(32)] as const;
const OWN = { id: OURS, succeeds: [OLD] };

const IDLE = {
  pending: 0,
  outbox: 0,
  quarantined: 0,
  quarantined_bytes: 0,
  expiring: 0,
  announcement: 0,
  unverified: 0,
  oldest_pending_s: null,
  paused: null,
  waiting: null,
  held: null,
} as const;
// Taken at 12:00:00Z by the host's clock.
const PAUSE = {
  kind: "misconfigured",
  reason: "unauthorized",
  detail: "401: no token of lab1's",
  fix: "sudo receiver token add lab1",
  since: "2026-05-01T10:00:00.000Z",
  next_try_at: "2026-05-01T12:00:52.000Z",
} as const;
const WAITING = { count: 2, reason: "403, Server: waf", since: "2026-05-01T11:00:00.000Z" };
const FULL: SentQueue = {
  ...IDLE,
  pending: 3,
  oldest_pending_s: 7200,
  quarantined: 4,
  quarantined_bytes: 4096,
  expiring: 2,
  unverified: 5,
  paused: PAUSE,
  waiting: WAITING,
  held: { ...WAITING, count: 1, reason: "mode 0700; fix: on the lab host: chmod g+rx ep9" },
};

/** The rows of the head that are the shipper's, 12 s after the heartbeat. */
function rows(queue: SentQueue | null, more: { receiver_id?: string | null; late_s?: number } = {}): string[] {
  const { late_s = 0, ...fields } = more;
  const stored = storedAfter([[]], { late_s, heartbeat: heartbeat({ queue, ...fields }) });
  const lines = renderHost(withDuplicate(hostView("lab1", stored, T0 + 12_000, OWN), null)).split("\n");
  return lines.slice(
    4,
    lines.findIndex((line) => line.startsWith("versions")),
  );
}

test("all that there is to say: each on a line, with how long and with its remedy", () => {
  expect(rows(FULL, { receiver_id: OTHER })).toEqual([
    "queue       3 to ship, oldest 2h, 4 quarantined (4.0 KiB), PAUSED",
    "paused      for 2h 12s (misconfigured), next try in 40s: 401: no token of lab1's",
    "fix         sudo receiver token add lab1",
    "waiting     2 wait for 1h 12s: 403, Server: waf",
    "held        1 for 1h 12s: mode 0700; fix: on the lab host: chmod g+rx ep9",
    "expiring    2 refused episodes are removed in a week or later; fix: take their commit into accepted_commits_file here, or copy them from quarantine/; this names them: on the lab host: sudo shipper status",
    "unverified  5 shipped to a receiver that proves nothing: never removed by themselves; to give them up: on the lab host: sudo shipper discard --shipped-unverified",
    `trusts      ANOTHER: ${OTHER}`,
  ]);
});

test.each<[string, SentQueue | null, string[]]>([
  ["nothing known", null, ["queue      not known"]],
  ["idle", IDLE, ["queue      nothing to ship"]],
  [
    "one that was never tried and waits for a person",
    { ...IDLE, held: { ...WAITING, count: 1 } },
    ["queue      0 to ship", "held       1 for 1h 12s: 403, Server: waf"],
  ],
  [
    "one alone",
    { ...IDLE, pending: 1, waiting: { ...WAITING, count: 1 } },
    ["queue      1 to ship", "waiting    1 waits alone for 1h 12s: 403, Server: waf"],
  ],
  [
    "a probe under way, and nothing known that mends it",
    { ...IDLE, pending: 1, paused: { ...PAUSE, fix: null, next_try_at: null } },
    ["queue      1 to ship, PAUSED", "paused     for 2h 12s (misconfigured): 401: no token of lab1's"],
  ],
  [
    "a try that was due since",
    { ...IDLE, paused: { ...PAUSE, fix: null, next_try_at: "2026-05-01T12:00:12.000Z" } },
    ["queue      nothing to ship, PAUSED", "paused     for 2h 12s (misconfigured): 401: no token of lab1's"],
  ],
  [
    "an older agent's pause, in words alone",
    { pending: 0, outbox: 0, quarantined: 4, oldest_pending_s: null, paused_reason: "no route" },
    ["queue      nothing to ship, 4 quarantined, PAUSED", "paused     no route"],
  ],
  [
    "an older agent without a pause",
    { pending: 0, outbox: 0, quarantined: 0, oldest_pending_s: null, paused_reason: null },
    ["queue      nothing to ship"],
  ],
])("%s", (_, queue, lines) => {
  expect(rows(queue)).toEqual(lines);
});

test("a heartbeat that had lain in the spool is older by that", () => {
  expect(rows({ ...IDLE, waiting: WAITING }, { late_s: 3600 })[1]).toBe(
    "waiting    2 wait for 2h 12s: 403, Server: waf",
  );
});

test("a hostile host neither breaks a line, nor steers the terminal, nor is older than its own clock", () => {
  const evil = "x\nlab2  1s  ok\u001b[2J\u202e";
  const shown = rows({
    ...IDLE,
    paused: { ...PAUSE, kind: evil as "failing", detail: evil, fix: evil, since: "9999-01-01T00:00:00Z" },
    waiting: { ...WAITING, reason: evil },
    held: { ...WAITING, reason: evil },
  });
  const safe = "x\\u000alab2  1s  ok\\u001b[2J\\u202e";
  expect(shown).toEqual([
    "queue      0 to ship, PAUSED",
    `paused     for 0s (${safe}), next try in 40s: ${safe}`,
    `fix        on the lab host: ${safe}`,
    `waiting    2 wait for 1h 12s: ${safe}`,
    `held       2 for 1h 12s: ${safe}`,
  ]);
});

test("a file of a release that did not check the queue spoils nothing", () => {
  const odd = {
    ...IDLE,
    quarantined_bytes: "many",
    paused: { detail: 7 },
    waiting: "x",
    held: { count: 1, reason: "r", since: "yesterday" },
    expiring: {},
    paused_reason: 7,
  } as unknown as SentQueue;
  expect(queueOf(odd)).toEqual({ ...IDLE, quarantined_bytes: null, expiring: null });
  const stored = storedAfter([[]], { heartbeat: heartbeat({ queue: odd, receiver_id: { a: 1 } as never }) });
  expect(summarise(briefOf("lab1", stored), T0, OWN)).toMatchObject({ receiver_id: null, trusts_another: false });
});

describe("in the list of all hosts", () => {
  const row = (
    queue: SentQueue | null,
    over: { results?: ReturnType<typeof result>[]; receiver_id?: string } = {},
    afterS = 12,
  ) => {
    const { results = [result()], ...fields } = over;
    const stored = storedAfter([results], { heartbeat: heartbeat({ queue, results, ...fields }) });
    return summarise(briefOf("lab1", stored), T0 + afterS * 1000, OWN);
  };
  const problem = (...args: Parameters<typeof row>) => sent(...args).problem;
  const sent = (...args: Parameters<typeof row>) => withDuplicate(row(...args), null);
  const bad = (name: string, plugin = name) => result({ plugin, name, status: "critical", message: `${name} is bad` });

  test("what is wrong with the queue is said where no check says it", () => {
    const paused = "queue paused for 2h 12s (misconfigured), next try in 40s: 401: no token of lab1's";
    const held = "1 held for 1h 12s: mode 0700";
    // One remedy, the gravest one's, and nothing behind it; the others have rows of their own.
    expect(problem(FULL)).toBe(
      `${paused}; ${held}; 2 refused episodes are removed in a week or later; fix: sudo receiver token add lab1`,
    );
    expect(problem(FULL, { results: [bad("load")] })).toStartWith(
      `load critical (soft, run 1): load is bad; ${paused}`,
    );
    expect(problem(FULL, { results: [bad("queue")] })).toBe("queue critical (soft, run 1): queue is bad");
    expect(problem(IDLE)).toBeNull();
    expect(problem({ ...IDLE, pending: 3, waiting: WAITING })).toBeNull();
  });
  test("what waits for more than a day is wrong", () => {
    const since = "2026-04-30T12:00:12.000Z";
    expect(problem({ ...IDLE, waiting: { ...WAITING, since } })).toBeNull();
    expect(problem({ ...IDLE, waiting: { ...WAITING, since } }, {}, 13)).toBe("2 wait for 1d 1s: 403, Server: waf");
  });
  test("of a host that is silent nobody knows it", () => {
    expect(problem(FULL, {}, 7200)).toBe(`no heartbeat for 2h${SPEAK}`);
  });
  test("the words of the queue's own check are more than those of others; a remedy is whole, or not there", () => {
    const message = `${"x".repeat(500)}; fix: y`;
    const said = (plugin: string) => problem(IDLE, { results: [{ ...bad("queue", plugin), message }] });
    expect(said("queue")).toEndWith(`${"x".repeat(500)}; fix: on the lab host: y`);
    expect(said("nagios_runner")).toBe(`queue critical (soft, run 1): ${"x".repeat(160)}…; fix: on the lab host: y`);
  });
  test("texts are cut short: the list is kept in memory", () => {
    const long = "x".repeat(2000);
    const { queue } = row({
      ...FULL,
      paused: { ...PAUSE, reason: long, detail: long, fix: long },
      held: { ...WAITING, reason: long },
    });
    const cut = "x".repeat(400);
    expect(queue).toMatchObject({ paused: { reason: cut, detail: cut, fix: cut }, held: { reason: cut } });
  });
  test("a host that trusts another store is told, with the command that mends it", () => {
    expect(sent(IDLE, { receiver_id: OTHER })).toMatchObject({
      receiver_id: OTHER,
      trusts_another: true,
      problem: `it trusts another collector (${OTHER}); fix: if its data disk is mounted here, and it shall trust this one: on the lab host: sudo shipper pin --accept ${OURS}`,
    });
    expect(renderHosts([sent(IDLE, { receiver_id: OURS })])).not.toContain("trusts");
    // Of one that is silent, too; but what makes it speak is the remedy of that line.
    const silent = sent(IDLE, { receiver_id: OTHER }, 7200).problem ?? "";
    expect(silent).toStartWith(`no heartbeat for 2h; it trusts another collector (${OTHER}); if its data`);
    expect(silent.split("; fix: ")).toHaveLength(2);
    expect(silent).toEndWith(SPEAK);
  });
  test.each([
    [OURS, false],
    [OLD, false],
    [null, false],
    [OTHER, true],
  ])("trust in %p is another's: %p", (id, is) => {
    expect(trustsAnother(id, OWN)).toBe(is);
    expect(trustsAnother(id, null)).toBe(false);
  });
});
