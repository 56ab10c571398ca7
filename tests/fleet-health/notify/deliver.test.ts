// All channels of a run: none costs another anything.

import { afterEach, expect, test } from "bun:test";
import { type Finding, findingText, inWords } from "../../../lib/core/finding.ts";
import { NO_WATCH } from "../../../lib/fleet-health/incidents/watch.ts";
import { deliver, outgoingOf } from "../../../lib/fleet-health/notify/delivery/deliver.ts";
import { emptyMailbox, type Mailbox } from "../../../lib/fleet-health/notify/mailbox.ts";
import { HUB } from "../support.ts";
import { channel, hook, row, stopAll } from "./servers.ts";

afterEach(stopAll);

/** When the row was made. */
const AT = Date.parse(row().at);

test("a channel that is broken keeps no other from being told, and its notice waits", async () => {
  const good = hook();
  const bad = hook(500);
  const channels = [channel({ name: "bad", url: bad.url }), channel({ name: "good", url: good.url })];
  const outgoing = outgoingOf(
    { mailboxes: [emptyMailbox("gone")], rows: [row()], watch: NO_WATCH },
    channels,
    1000,
    HUB,
  );
  const { mailboxes, failures } = await deliver(outgoing, 1000);
  expect(
    mailboxes.map(({ channel, waiting, notice, failures }) => [channel, waiting.length, notice, failures]),
  ).toEqual([
    ["bad", 1, null, 1],
    ["good", 0, null, 0],
  ]);
  expect(failures.map((failure) => findingText(failure, "collector"))).toEqual([
    expect.stringMatching(
      /^bad was not told: it answered 500: "ok"; fix: look into the log of 127\.0\.0\.1:\d+: the fault is there$/,
    ),
  ]);
  expect(good.got).toHaveLength(1);
});

test("what some have taken and others have not is said, and is neither a failure nor sent again", async () => {
  const channels = [channel({ url: "http://127.0.0.1:1" })];
  const outgoing = outgoingOf({ mailboxes: [], rows: [row()], watch: NO_WATCH }, channels, 1000, HUB);
  const why = { what: "it takes no mail to gone@example.org", fix: null };
  const { mailboxes, failures, remarks } = await deliver(outgoing, 1000, async () => ({ sent: "taken", why }));
  expect([mailboxes[0]?.notice, mailboxes[0]?.waiting, failures]).toEqual([null, [], []]);
  expect(remarks.map(({ what }) => what)).toEqual(["ops was told: it takes no mail to gone@example.org"]);
});

test("a channel that waits for its next try is told with why the last one failed, and what mends that", async () => {
  const asked = async (boxes: Mailbox[], nowMs: number, why: Finding) => {
    const outgoing = outgoingOf({ mailboxes: boxes, rows: [row()], watch: NO_WATCH }, [channel({})], nowMs, HUB);
    return deliver(outgoing, nowMs, async () => ({ sent: "refused", why }));
  };
  const said = async (fix: Finding["fix"]): Promise<string> => {
    const first = await asked([], 0, { what: "another", fix: null });
    const second = await asked(first.mailboxes, 1000, { what: "it answered 403", fix });
    const [failure] = (await asked(second.mailboxes, 21_000, { what: "not asked", fix: null })).failures;
    return failure === undefined ? "" : findingText(failure, "collector");
  };
  const what = "ops was not told: it failed 2 times, the last as: it answered 403; it is tried again in 4min 40s";
  expect(await said(inWords("mend url"))).toBe(`${what}; fix: mend url`);
  expect(await said(null)).toBe(`${what}; fix: see what it takes: sudo fleet-health notify-test ops`);
});

test("a fault in one sender is told as that channel's failure, and what the others have taken is marked", async () => {
  const channels = ["bad", "worse", "good"].map((name) => channel({ name, url: "http://127.0.0.1:1" }));
  const outgoing = outgoingOf({ mailboxes: [], rows: [row()], watch: NO_WATCH }, channels, 1000, HUB);
  const { mailboxes, failures } = await deliver(outgoing, 1000, async ({ name }) => {
    if (name !== "good") throw new TypeError("x is not a function");
    return { sent: "taken", why: null };
  });
  // It may have gone out before that: it comes again as it was.
  expect(mailboxes.map(({ channel, notice, failures }) => [channel, notice?.id, failures])).toEqual([
    ["bad", `bad-hub-${AT}-7-7`, 1],
    ["worse", `worse-hub-${AT}-7-7`, 1],
    ["good", undefined, 0],
  ]);
  expect(failures.map((failure) => findingText(failure))).toEqual(
    ["bad", "worse"].map(
      (name) => `${name} was not told: "x is not a function"; fix: report this: it is a fault of fleet-health`,
    ),
  );
});
