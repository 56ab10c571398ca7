// Channels over real sockets and real programs: what goes out, and what counts as taken.

import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { IncidentRow } from "../../../lib/contract/incident-row.ts";
import { send } from "../../../lib/fleet-health/notify/delivery/send.ts";
import { body, document, lineOf, title } from "../../../lib/fleet-health/notify/words.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { channel, hook, NOTICE, raw, row, stopAll, why } from "./servers.ts";

afterEach(stopAll);

describe("what goes out", () => {
  test("a webhook gets the rows, with an id that is the same for each try", async () => {
    const { url, got } = hook();
    expect(await why(send(channel({ url }), NOTICE))).toBe("taken");
    expect(got[0]?.headers).toMatchObject({ "content-type": "application/json", "idempotency-key": "ops-7-7" });
    expect(JSON.parse(got[0]?.text ?? "")).toEqual({
      id: "ops-7-7",
      collector: null,
      title: "lab7: silent",
      text: "FIRING lab7: silent since 2026-05-01 06:35 UTC: it has shipped nothing for 45min; fix: sudo shipper status",
      items: [{ ...row(), severity: "critical" }],
    });
  });

  test("ntfy gets a text, its title and priority in the head, and a token from a file", async () => {
    const { url, got } = hook();
    const tokenFile = join(tempDir(), "token");
    writeFileSync(tokenFile, "tk_x\n");
    await send(channel({ type: "ntfy", url, tokenFile }), { id: "i", isRetried: false, rows: [row({ what: "ü" })] });
    await send(channel({ type: "ntfy", url }), {
      id: "i",
      isRetried: false,
      rows: [row({ change: "recovered", host: "läb" })],
    });
    expect(
      got.map(({ headers: { title, priority, tags, authorization } }) => [title, priority, tags, authorization]),
    ).toEqual([
      ["lab7: silent", "high", "rotating_light", "Bearer tk_x"],
      ["l?b: silent recovered", "default", "white_check_mark", undefined],
    ]);
    expect(got[0]?.text).toContain(": ü; fix: ");
  });

  test("slack gets a text; its address may stand in a file", async () => {
    const { url, got } = hook();
    const urlFile = join(tempDir(), "url");
    writeFileSync(urlFile, `${url}\n`);
    expect(await why(send(channel({ type: "slack", urlFile }), NOTICE))).toBe("taken");
    expect(JSON.parse(got[0]?.text ?? "")).toEqual({ text: `*lab7: silent*\n${body(NOTICE)}` });
  });

  test("slack makes no mention and no link of what a check says", async () => {
    const { url, got } = hook();
    const what = "<!channel> <@U123> <https://evil|click> R&D &lt;";
    const rows = [row({ symptom: "check-failing", cause: "<!here>", what }), row({ what: "&".repeat(9000) })];
    await send(channel({ type: "slack", url }), { ...NOTICE, rows: rows.slice(0, 1) });
    const { text } = JSON.parse(got[0]?.text ?? "");
    expect(text).toStartWith(
      "*lab7: check-failing (&lt;!here&gt;)*\nFIRING lab7: check-failing (&lt;!here&gt;) since ",
    );
    expect(text).toContain(": &lt;!channel&gt; &lt;@U123&gt; &lt;https://evil|click&gt; R&amp;D &amp;lt;; fix: ");
    expect(text).not.toMatch(/[<>]/);
    // Entities are longer: the text keeps to its size all the same.
    await send(channel({ type: "slack", url }), { ...NOTICE, rows });
    const long = JSON.parse(got[1]?.text ?? "").text;
    expect(Buffer.byteLength(long)).toBeLessThan(36_000);
    expect(long).toEndWith("and 1 more: sudo fleet-health status");
  });

  test("ntfy takes it as plain text: neither the title nor what is asked of it comes from a check", async () => {
    const { url, got } = hook();
    const evil = row({ symptom: "check-failing", cause: "x\r\nMarkdown: yes", what: "[click](https://evil)" });
    await send(channel({ type: "ntfy", url }), { ...NOTICE, rows: [evil] });
    const { headers = {} } = got[0] ?? {};
    expect(headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(
      Object.keys(headers).filter((name) => /^(x-)?(markdown|md|actions?|click|attach|icon|template)$/.test(name)),
    ).toEqual([]);
    expect(headers.title).toBe("lab7: check-failing (x\\u000d\\u000aMarkdown: yes)");
  });

  test("a program gets it on its standard input, and no shell is asked", async () => {
    const out = join(tempDir(), "out");
    const program = join(tempDir(), "page");
    writeFileSync(program, `#!/bin/sh\nprintf '%s ' "$1" >${out}; cat >>${out}\n`);
    chmodSync(program, 0o755);
    expect(await why(send(channel({ type: "command", command: [program, "$(id)"] }), NOTICE))).toBe("taken");
    expect(readFileSync(out, "utf8")).toBe(`$(id) ${JSON.stringify(document(NOTICE))}\n`);
  });
});

describe("words", () => {
  test("of many hosts, of the collector, and of what is over", () => {
    const many = row({ host: "*", hosts: ["lab1", "lab2"], symptom: "fleet-silent", fix: null });
    const over = row({ change: "recovered", at: "2026-05-01T08:50:05.000000+00:00" });
    const gap = row({
      host: "@",
      symptom: "collector-gap",
      change: "noted",
      fired_at: null,
      what: "nothing could come for 2h",
    });
    const all = { id: "x", isRetried: false, rows: [many, over, gap] };
    expect(title(all)).toBe("1 firing, 1 recovered, 1 noted: lab1, lab2, lab7 and 1 more");
    expect(body(all).split("\n")).toEqual([
      "FIRING 2 hosts: fleet-silent since 2026-05-01 06:35 UTC: it has shipped nothing for 45min, as each of lab1, lab2",
      "RECOVERED lab7: silent after 2h 15min 5s",
      "NOTED this collector: collector-gap: nothing could come for 2h",
    ]);
    expect(body({ rows: [{ ...many, change: "growing" }] })).toBe(
      "GROWING 2 hosts: fleet-silent since 2026-05-01 06:35 UTC: it has shipped nothing for 45min, as each of lab1, lab2",
    );
    expect(title({ rows: [many] })).toBe("2 hosts: fleet-silent: lab1, lab2");
    const hosts = Array.from({ length: 23 }, (_, i) => `h${i}`);
    expect(body({ rows: [{ ...many, hosts }] })).toContain("h19, and 3 more");
    expect(title({ rows: [{ ...many, hosts, change: "growing" }] })).toBe(
      "23 hosts: fleet-silent growing: h0, h1, h2 and 20 more",
    );
  });

  test("of checks: a title says which it is, and so does an end", () => {
    const of = (change: string, more: Partial<IncidentRow> = {}) =>
      row({ change, symptom: "check-failing", cause: "raid: critical", what: "raid critical: 1 of 2 disks", ...more });
    expect(title({ rows: [of("firing")] })).toBe("lab7: check-failing (raid: critical)");
    expect(title({ rows: [of("recovered")] })).toBe("lab7: check-failing (raid: critical) recovered");
    expect(lineOf(of("firing"))).toStartWith("FIRING lab7: check-failing (raid: critical) since ");
    expect(lineOf(of("recovered"))).toStartWith("RECOVERED lab7: check-failing (raid: critical) after ");
    const blind = { host: "@", symptom: "detector-blind", cause: "no journal", what: "no journal" };
    expect(title({ rows: [of("firing", blind)] })).toBe("this collector: detector-blind");
    expect(lineOf(of("recovered", blind))).toStartWith("RECOVERED this collector: detector-blind (no journal) after ");
  });

  test("a title of several says who first, those that fire before the others, and each once", () => {
    const over = row({ host: "lab9", change: "recovered" });
    const paused = row({ symptom: "paused" });
    expect(title({ rows: [over, row(), paused] })).toBe("2 firing, 1 recovered: lab7, lab9");
    const many = row({ host: "*", hosts: ["lab4", "lab5"], symptom: "fleet-silent", change: "growing" });
    expect(title({ rows: [over, many, row(), row({ host: "@" })] })).toBe(
      "2 firing, 1 growing, 1 recovered: lab7, this collector, lab4 and 2 more",
    );
  });

  test("what is told once is said once", () => {
    const once = { since: "2026-05-01T06:35:00.000000+00:00", fired_at: null };
    const back = row({ ...once, symptom: "returned", change: "returned", what: "it was retired, and ships again" });
    expect([title({ rows: [back] }), body({ rows: [back] })]).toEqual([
      "lab7: returned",
      "RETURNED lab7: it was retired, and ships again",
    ]);
    const gap = row({ ...once, host: "@", symptom: "collector-gap", change: "noted", what: "nothing could come" });
    expect(title({ rows: [gap] })).toBe("this collector: collector-gap");
    expect(title({ rows: [gap], collector: "hub" })).toBe("collector hub: collector-gap");
    expect(title({ rows: [row()], collector: "hub" })).toBe("lab7: silent");
    expect(document({ id: "i", isRetried: false, rows: [row()], collector: "hub" }).collector).toBe("hub");
  });
});

test("where it is known since when it is so, that is said, and how long it was is counted from there", () => {
  const began = "2026-05-01T06:00:00.000000+00:00";
  expect(body({ rows: [row({ began })] })).toStartWith("FIRING lab7: silent since 2026-05-01 06:00 UTC: ");
  expect(body({ rows: [row({ began, change: "recovered", at: "2026-05-01T06:50:00.000000+00:00" })] })).toBe(
    "RECOVERED lab7: silent after 50min",
  );
});

test("what a host says begins no line of its own, in whatever it is told", () => {
  const evil = row({ what: "x\nFIRING lab9: silent" });
  expect(body({ rows: [evil] }).split("\n")).toHaveLength(1);
  expect(document({ ...NOTICE, rows: [evil] }).text).toContain("x\\u000aFIRING lab9");
  expect(title({ rows: [row({ host: "a\nb" })] })).toBe("a\\u000ab: silent");
});

test("what comes and goes says so, and so does its end", () => {
  const flaps = row({ flapping: true });
  const over = row({ flapping: true, change: "recovered", at: "2026-05-01T09:10:00.000000+00:00" });
  const [notice, end] = [
    { id: "x", isRetried: false, rows: [flaps] },
    { id: "x", isRetried: false, rows: [over] },
  ];
  expect([title(notice), title(end)]).toEqual(["lab7: silent, flapping", "lab7: silent, flapping recovered"]);
  expect(body(notice)).toStartWith(
    "FIRING lab7: silent, flapping since 2026-05-01 06:35 UTC: it comes and goes; it has shipped nothing for 45min;",
  );
  expect(body(end)).toBe("RECOVERED lab7: silent, flapping after 2h 35min: steady for 2h");
  expect(body({ rows: [row({ flapping: true, change: "retired" })] })).toBe(
    "RETIRED lab7: silent, flapping after 10min",
  );
});

test("what can wait for the morning makes no noise at night", async () => {
  const { url, got } = hook();
  const rows = (...symptoms: string[]) => symptoms.map((symptom) => row({ symptom }));
  const tell = (some: IncidentRow[]) => send(channel({ type: "ntfy", url }), { id: "i", isRetried: false, rows: some });
  await tell(rows("heartbeat-late", "fleet-clock-skew"));
  await tell(rows("heartbeat-late", "fleet-silent"));
  await tell([row({ change: "growing" })]);
  await tell([row({ change: "recovered" })]);
  expect(got.map(({ headers }) => headers.priority)).toEqual(["default", "high", "high", "default"]);
  const { items } = document({ id: "i", isRetried: false, rows: rows("heartbeat-late", "silent") });
  expect(items.map(({ severity }) => severity)).toEqual(["warning", "critical"]);
});

test("what was over before it could be told is counted, and a text that is too long for its channel says so", async () => {
  expect(body({ rows: [row()], dropped: 1 }).split("\n")[1]).toBe(
    "and 1 other incident was over before this could be told",
  );
  expect(body({ rows: [row()], dropped: 570 }).split("\n")[1]).toBe(
    "and 570 other incidents were over before this could be told",
  );
  const rows = Array.from({ length: 200 }, (_, i) => row({ host: `läb${i}`, what: "ü".repeat(30) }));
  const { url, got } = hook();
  await send(channel({ type: "ntfy", url }), { ...NOTICE, rows });
  const lines = got[0]?.text.split("\n") ?? [];
  expect(Buffer.byteLength(got[0]?.text ?? "")).toBeLessThanOrEqual(4096);
  expect(lines.length).toBeGreaterThan(20);
  expect(lines.at(-1)).toBe(`and ${200 - lines.length + 1} more: sudo fleet-health status`);
  await send(channel({ type: "slack", url }), { ...NOTICE, rows });
  expect(JSON.parse(got[1]?.text ?? "").text).toEndWith(lineOf(row({ host: "läb199", what: "ü".repeat(30) })));
});

test("an answer that says yes has taken it, whether it ever ends or not", async () => {
  const endless = await raw((socket) =>
    socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\nx")),
  );
  expect(await why(send(channel({ url: endless }), NOTICE))).toBe("taken");
});
