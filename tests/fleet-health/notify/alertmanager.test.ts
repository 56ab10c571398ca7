// Alerts to a real Alertmanager: what it takes, groups, resolves and tells; and what is said where it takes nothing.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import type { IncidentRow } from "../../../lib/contract/incident-row.ts";
import { isoWall } from "../../../lib/core/clock.ts";
import { findingText } from "../../../lib/core/finding.ts";
import type { Incident } from "../../../lib/fleet-health/incidents/incident.ts";
import { type Alert, testAlert } from "../../../lib/fleet-health/notify/alerts.ts";
import type { Channel } from "../../../lib/fleet-health/notify/channel.ts";
import { postAlerts } from "../../../lib/fleet-health/notify/delivery/alertmanager.ts";
import { deliver, outgoingOf } from "../../../lib/fleet-health/notify/delivery/deliver.ts";
import { emptyMailbox, type Mailbox } from "../../../lib/fleet-health/notify/mailbox.ts";
import { Alertmanager, alertmanagerMissing } from "../../support/alertmanager.ts";
import { until } from "../../support/fleet.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { HUB } from "../support.ts";

const channel = (url: string, more: Partial<Channel> = {}): Channel => ({
  ...{ name: "am", type: "alertmanager", url, urlFile: null, tokenFile: null, caBundle: null, command: [] },
  ...{ mail: null, symptoms: null, hosts: null, quiet: null },
  ...more,
});
const incident = (host: string, more: Partial<Incident> = {}): Incident => ({
  ...{ host, hosts: [], symptom: "silent", cause: "", what: "it is silent", fix: "sudo shipper status" },
  ...{
    phase: "firing",
    pendingRuns: 2,
    sinceMs: Date.now() - 600_000,
    firedMs: Date.now(),
    isTold: true,
    heldBy: null,
  },
  ...{ hasNoData: false, flappingMs: null },
  ...more,
});

/** Runs one after another, each with the incidents that stand then. */
class Runs {
  mailbox: Mailbox = emptyMailbox("am");
  constructor(private readonly to: Channel) {}

  /** @returns what was in the way; null: nothing */
  async run(incidents: Incident[], rows: IncidentRow[] = []): Promise<string | null> {
    const nowMs = Date.now();
    const watch = { incidents, runsMs: [nowMs, nowMs - 300_000] };
    const outgoing = outgoingOf({ mailboxes: [this.mailbox], rows, watch }, [this.to], nowMs, HUB);
    const { mailboxes, failures } = await deliver(outgoing, nowMs);
    this.mailbox = mailboxes[0] ?? this.mailbox;
    return failures[0] === undefined ? null : findingText(failures[0], "collector");
  }

  get open(): string[] {
    return this.mailbox.open.map((key) => JSON.parse(key).host ?? JSON.parse(key).alertname);
  }
}

const alert = (labels: Record<string, string>): Alert => ({
  labels,
  annotations: {},
  endsAt: isoWall(Date.now() + 3_600_000),
});

describe.skipIf(alertmanagerMissing !== "")(`a real Alertmanager${alertmanagerMissing}`, () => {
  test("holds what stands, tells it in groups, and tells that it is over", async () => {
    await using am = await Alertmanager.start({ directory: tempDir() });
    const runs = new Runs(channel(`${am.origin}/`));
    const two = [incident("lab1"), incident("lab2", { cause: "queue", what: 'it says "no"\nat all', fix: null })];
    expect(await runs.run(two)).toBeNull();
    const held = await am.held();
    expect(held.map(({ labels }) => labels).sort((a, b) => `${a.host}`.localeCompare(`${b.host}`))).toEqual([
      { alertname: "labfleet_silent", severity: "critical", collector: "hub", host: "lab1" },
      { alertname: "labfleet_silent", severity: "critical", collector: "hub", host: "lab2" },
      { alertname: "labfleet_watchdog", collector: "hub" },
    ]);
    await until("both are told in one group", () => am.told.some(({ alerts }) => alerts.length === 2));
    // The text of one changes, and it is the same alert all the same.
    const later = [incident("lab1", { what: "it has been silent for long", cause: "disk" }), ...two.slice(1)];
    expect(await runs.run(later)).toBeNull();
    expect((await am.held()).map(({ labels, annotations }) => [labels.host, annotations.what])).toContainEqual([
      "lab1",
      "it has been silent for long",
    ]);
    expect((await am.held()).length).toBe(3);
    expect(await runs.run(two.slice(1))).toBeNull();
    await until("the end is told", () => am.changes().includes("labfleet_silent lab1 resolved"));
    expect(am.changes().filter((line) => line.includes("lab2"))).toEqual(["labfleet_silent lab2 firing"]);
    expect((await am.held()).map(({ labels }) => labels.host)).not.toContain("lab1");
    expect(runs.open).toEqual(["lab2"]);
  });

  test("that was away when an incident ended is told the end when it is back, though it has forgotten the beginning", async () => {
    await using am = await Alertmanager.start({ directory: tempDir() });
    const runs = new Runs(channel(am.origin));
    await runs.run([incident("lab1"), incident("lab2")]);
    await until("both are told", () => am.changes().filter((line) => line.endsWith("lab2 firing")).length === 1);
    await am.end();
    expect(await runs.run([incident("lab2")])).toMatch(
      /^am was not told all: .*ECONNREFUSED.*; fix: mend url, or let this machine reach it$/,
    );
    expect(await runs.run([incident("lab2")])).not.toBeNull();
    expect(runs.open.sort()).toEqual(["lab1", "lab2"]);
    await am.run();
    expect(await runs.run([incident("lab2")])).toBeNull();
    expect(runs.open).toEqual(["lab2"]);
    await until("the end is told", () => am.changes().includes("labfleet_silent lab1 resolved"));
    expect(am.changes().filter((line) => line.includes("lab2"))).toEqual(["labfleet_silent lab2 firing"]);
  });

  test("is told nothing of an end whose beginning it was never told", async () => {
    await using am = await Alertmanager.start({ directory: tempDir() });
    const runs = new Runs(channel(am.origin));
    const key = JSON.stringify({ alertname: "labfleet_silent", host: "lab9", severity: "critical", collector: "hub" });
    runs.mailbox = { ...runs.mailbox, open: [key] };
    expect(await runs.run([incident("lab1")])).toBeNull();
    expect(runs.open).toEqual(["lab1"]);
    await until("the other one of its group is told", () => am.changes().includes("labfleet_silent lab1 firing"));
    expect(await runs.run([])).toBeNull();
    await until("so is its end", () => am.changes().includes("labfleet_silent lab1 resolved"));
    expect(am.changes().filter((line) => line.includes("lab9 firing"))).toEqual([]);
  });

  test("that refuses one alert has taken all others, and that one is named", async () => {
    await using am = await Alertmanager.start({ directory: tempDir() });
    const alerts = [alert({ alertname: "good", a: "1" }), alert({ alertname: "bad", "a-b": "1", host: "lab1" })];
    const { done, why } = await postAlerts(channel(am.origin), [...alerts, alert({ alertname: "good", a: "2" })]);
    expect(done.size).toBe(3);
    expect(why?.what).toMatch(/^1 of 3 alerts were refused, bad of lab1 first: it answered 400: ".*invalid label/);
    expect((await am.held()).map(({ labels }) => labels.a)).toEqual(expect.arrayContaining(["1", "2"]));
  });

  test("behind a path and a password: both stand in url; a wrong path, or none, is said", async () => {
    const login = { user: "hub", password: "pass word" };
    await using am = await Alertmanager.start({ directory: tempDir(), prefix: "/am", login });
    const withLogin = am.origin.replace("//", "//hub:pass%20word@");
    const asked = async (url: string) => {
      const { why } = await postAlerts(channel(url), [testAlert(hostname(), Date.now())]);
      return why === null ? "taken" : findingText(why, "collector");
    };
    for (const path of ["/am", "/am/", "/am/api/v2/alerts", "/am/api/v2"])
      expect(await asked(withLogin + path)).toBe("taken");
    expect(await asked(`${am.origin}/am`)).toMatch(/^it answered 401: .*; fix: name its token in token_file, or write/);
    expect(await asked(withLogin)).toMatch(
      /^it answered 404.*; fix: url must be the Alertmanager's own, such as http:\/\/127\.0\.0\.1:9093, with its --web.route-prefix$/,
    );
    expect((await am.held()).map(({ labels }) => labels.alertname)).toEqual(["labfleet_test"]);
  });

  test("takes thousands", async () => {
    await using am = await Alertmanager.start({ directory: tempDir() });
    const runs = new Runs(channel(am.origin));
    expect(await runs.run(Array.from({ length: 3000 }, (_, i) => incident(`lab${i}`)))).toBeNull();
    expect(await am.held()).toHaveLength(3001);
  });
});

test("what is too slow for all of it is asked no more, and what was not taken is left for the next run", async () => {
  let asked = 0;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response("", { status: ++asked === 1 ? 200 : 503 }),
  });
  const alerts = Array.from({ length: 1001 }, (_, i) => alert({ alertname: `a${i}` }));
  const late = await postAlerts(channel(`http://127.0.0.1:${server.port}`), alerts, 0);
  expect([late.done.size, late.why?.what, asked]).toEqual([0, "it is too slow: it has taken 0 alerts in time", 0]);
  const half = await postAlerts(channel(`http://127.0.0.1:${server.port}`), alerts);
  expect([half.done.size, half.why?.what, asked]).toEqual([500, "it answered 503", 2]);
  await server.stop(true);
});

test("what is too large in one is posted one by one; a redirect leads nowhere, and a token is shown", async () => {
  const seen: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname.startsWith("/moved")) return Response.redirect("/", 302);
      const posted = (await request.json()) as Alert[];
      seen.push(`${request.headers.get("authorization")} ${posted.map(({ labels }) => labels.alertname).join(" ")}`);
      return new Response("", { status: posted.length > 1 ? 413 : 200 });
    },
  });
  const url = `http://127.0.0.1:${server.port}`;
  const tokenFile = join(tempDir(), "token");
  writeFileSync(tokenFile, "t0ken\n");
  const alerts = ["a", "b"].map((alertname) => alert({ alertname }));
  expect(await postAlerts(channel(url, { tokenFile }), alerts)).toMatchObject({ why: null });
  expect(seen).toEqual(["Bearer t0ken a b", "Bearer t0ken a", "Bearer t0ken b"]);
  const { why } = await postAlerts(channel(`${url}/moved`), alerts);
  expect(why === null ? "" : findingText(why)).toBe(
    "it answered 302; fix: name in url where that leads: no redirect is followed",
  );
  const gone = join(tempDir(), "gone");
  expect(await postAlerts(channel(url, { tokenFile: gone }), alerts)).toMatchObject({
    why: { what: `${gone} is empty, or not there` },
  });
  await server.stop(true);
});

describe("what answers in place of an Alertmanager", () => {
  const ends = (count: number) => Array.from({ length: count }, (_, i) => alert({ alertname: `a${i}` }));
  const stub = (answer: (posted: Alert[]) => Response) =>
    Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => answer((await request.json()) as Alert[]),
    });

  test("and refuses all alerts, whichever: none is forgotten, and url is what is wrong", async () => {
    await using server = stub(() => new Response("The plain HTTP request was sent to HTTPS port", { status: 400 }));
    const { done, why } = await postAlerts(channel(`http://127.0.0.1:${server.port}`), ends(3));
    expect([done.size, why && findingText(why)]).toEqual([
      0,
      'it takes none: it answered 400: "The plain HTTP request was sent to HTTPS port"; fix: if it speaks TLS, write https:// in url',
    ]);
    await using other = stub(() => new Response("what?", { status: 400 }));
    const odd = await postAlerts(channel(`http://127.0.0.1:${other.port}`), ends(1));
    expect([odd.done.size, odd.why && findingText(odd.why)]).toEqual([
      0,
      'it takes none: it answered 400: "what?"; fix: url must be the Alertmanager\'s own, such as http://127.0.0.1:9093, with its --web.route-prefix',
    ]);
  });

  test("an alert that is refused alone among others is done with", async () => {
    const isBad = ({ labels }: Alert): boolean => labels.alertname === "a1";
    await using server = stub((posted) => new Response("bad", { status: posted.some(isBad) ? 400 : 200 }));
    const { done } = await postAlerts(channel(`http://127.0.0.1:${server.port}`), ends(3));
    expect(done.size).toBe(3);
  });

  test("and ends each connection after its answer without a word: each post has its own", async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      socket.on("error", () => undefined);
      socket.once("data", (head) => {
        const isOne = !String(head).includes("},{");
        const [status, text] = isOne ? ["200 OK", ""] : ["413 Too Much", "no"];
        socket.end(`HTTP/1.1 ${status}\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    expect(await postAlerts(channel(`http://127.0.0.1:${port}`), ends(5))).toMatchObject({ why: null });
    expect(connections).toBe(6);
    await new Promise((resolve) => server.close(resolve));
  });
});
