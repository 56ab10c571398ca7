// Channels over real sockets and real programs: what goes out, what counts as taken, and what is said where it was not.

import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { IncidentRow } from "../../../lib/contract/incident-row.ts";
import { type Finding, findingText, inWords } from "../../../lib/core/finding.ts";
import { NO_WATCH } from "../../../lib/fleet-health/incidents/watch.ts";
import type { Channel } from "../../../lib/fleet-health/notify/channel.ts";
import { deliver, outgoingOf } from "../../../lib/fleet-health/notify/delivery/deliver.ts";
import { pipeTo } from "../../../lib/fleet-health/notify/delivery/pipe.ts";
import { post } from "../../../lib/fleet-health/notify/delivery/post.ts";
import { send } from "../../../lib/fleet-health/notify/delivery/send.ts";
import { explainPosted } from "../../../lib/fleet-health/notify/delivery/web-failures.ts";
import { emptyMailbox, type Mailbox, type Notice } from "../../../lib/fleet-health/notify/mailbox.ts";
import { body, document, lineOf, title } from "../../../lib/fleet-health/notify/words.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { CAREFUL, withEnv } from "../../support/with-env.ts";

const row = (more: Partial<IncidentRow> = {}): IncidentRow => ({
  ...{
    sequence: 7,
    at: "2026-05-01T06:45:00.000000+00:00",
    host: "lab7",
    hosts: [],
    symptom: "silent",
    cause: "queue",
  },
  ...{ change: "firing", told: true, since: "2026-05-01T06:35:00.000000+00:00" },
  ...{
    fired_at: "2026-05-01T06:45:00.000000+00:00",
    what: "it has shipped nothing for 45min",
    fix: "sudo shipper status",
  },
  ...more,
});
const NOTICE: Notice = { id: "ops-7-7", isRetried: false, rows: [row()] };
const channel = (more: Partial<Channel>): Channel => ({
  ...{ name: "ops", type: "webhook", url: null, urlFile: null, tokenFile: null, caBundle: null, command: [] },
  ...{ mail: null, symptoms: null, hosts: null, quiet: null },
  ...more,
});
const why = async (asked: ReturnType<typeof send>): Promise<string> => {
  const { sent, why } = await asked;
  return why === null ? sent : `${sent}: ${findingText(why, "collector")}`;
};

let servers: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const server of servers) await server.stop();
  servers = [];
});

interface Got {
  headers: Record<string, string>;
  text: string;
}

/** A server that takes what comes, and answers so. */
function hook(status = 200, answer = "ok"): { url: string; got: Got[] } {
  const got: Got[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      got.push({ headers: Object.fromEntries(request.headers), text: await request.text() });
      return new Response(answer, { status });
    },
  });
  servers.push({ stop: () => server.stop(true) });
  return { url: `http://127.0.0.1:${server.port}/hook`, got };
}

/** A server that speaks no HTTP. */
async function raw(act: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    act(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push({
    stop: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/`;
}

describe("what goes out", () => {
  test("a webhook gets the rows, with an id that is the same for each try", async () => {
    const { url, got } = hook();
    expect(await why(send(channel({ url }), NOTICE))).toBe("taken");
    expect(got[0]?.headers).toMatchObject({ "content-type": "application/json", "idempotency-key": "ops-7-7" });
    expect(JSON.parse(got[0]?.text ?? "")).toEqual({
      id: "ops-7-7",
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
  });
});

test("where it is known since when it is so, that is said, and how long it was is counted from there", () => {
  const began = "2026-05-01T06:00:00.000000+00:00";
  expect(body({ rows: [row({ began })] })).toStartWith("FIRING lab7: silent since 2026-05-01 06:00 UTC: ");
  expect(body({ rows: [row({ began, change: "recovered", at: "2026-05-01T06:50:00.000000+00:00" })] })).toBe(
    "RECOVERED lab7: silent after 50min",
  );
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

describe("what was not taken", () => {
  test("by its answer: only a 2xx has taken it, and a gateway's word says nothing", async () => {
    const answers = [201, 204, 299, 300, 302, 403, 404, 500, 502, 504].map(
      (status) => [status, hook(status, status === 204 ? "" : "no\nway").url] as const,
    );
    const outcomes = await Promise.all(
      answers.map(async ([status, url]) => `${status} ${await why(send(channel({ url }), NOTICE))}`),
    );
    expect(outcomes).toEqual([
      "201 taken",
      "204 taken",
      "299 taken",
      '300 refused: it answered 300: "no\\nway"; fix: name in url where that leads: no redirect is followed',
      '302 refused: it answered 302: "no\\nway"; fix: name in url where that leads: no redirect is followed',
      '403 refused: it answered 403: "no\\nway"; fix: name its token in token_file, or write a name and a password into url: https://name:password@host/',
      '404 refused: it answered 404: "no\\nway"; fix: mend url: there is no such place',
      '500 refused: it answered 500: "no\\nway"',
      '502 unsure: it answered 502: "no\\nway"',
      '504 unsure: it answered 504: "no\\nway"',
    ]);
  });

  test("for nobody was there: refused; for the line broke after all had gone out: unsure", async () => {
    const closed = await raw(() => undefined);
    await servers.pop()?.stop();
    expect(await why(send(channel({ url: closed }), NOTICE))).toStartWith("refused: ");
    const cut = await raw((socket) => socket.once("data", () => socket.destroy()));
    expect(await why(send(channel({ url: cut }), NOTICE))).toStartWith("unsure: ");
    const silent = await raw(() => undefined);
    expect(await post({ url: new URL(silent) }, "x", 200)).toEqual({
      kind: "failed",
      failure: { code: null, message: "no answer within 0.2 s", isMute: true },
      wasSent: true,
    });
  });

  test.each(CAREFUL)(
    "for its certificate is of nobody known, or of another name; with its authority in ca_bundle it is%s",
    async (_, env) => {
      using _env = withEnv(env);
      const authority = makeAuthority(tempDir());
      const { cert, key } = authority.issue("hook", { san: "DNS:localhost" });
      const got: string[] = [];
      const server = Bun.serve({
        ...{ port: 0, hostname: "127.0.0.1", tls: { cert, key } },
        fetch: async (request) => new Response(`${got.push(await request.text())}`),
      });
      servers.push({ stop: () => server.stop(true) });
      const url = `https://localhost:${server.port}/hook`;
      const said = (more: Partial<Channel>) => why(send(channel({ url, ...more }), NOTICE));
      expect(await said({})).toMatch(
        /^refused: nobody known has signed its certificate: .*; fix: name its authority's certificate in ca_bundle$/,
      );
      const other = makeAuthority(tempDir()).certFile;
      expect(await said({ caBundle: other })).toEndWith(
        `; fix: ${other} must hold the certificate of the authority that signed`,
      );
      const { certFile: caBundle } = authority;
      expect(await said({ caBundle, url: url.replace("localhost", "127.0.0.1") })).toMatch(
        /^refused: its certificate is not of 127.0.0.1: .*; fix: name it in url as its certificate does$/,
      );
      const none = join(tempDir(), "none");
      writeFileSync(none, "x");
      expect(await said({ caBundle: none })).toBe(
        `refused: ${none} holds no certificate; fix: write the authority's there, as PEM`,
      );
      expect(await said({ caBundle, url: hook().url.replace("http:", "https:") })).toMatch(
        /^refused: it speaks no TLS, and url says https:\/\/: .*; fix: name another port in url, or http:\/\/ where/,
      );
      expect(got).toEqual([]);
      expect(await said({ caBundle })).toBe("taken");
      const token = join(tempDir(), "url");
      writeFileSync(token, `${url}\n`);
      expect(await said({ caBundle, url: null, urlFile: token })).toBe("taken");
      expect(got).toHaveLength(2);
    },
  );

  test("for its secret is not there", async () => {
    const missing = join(tempDir(), "nothing");
    expect(await why(send(channel({ urlFile: missing }), NOTICE))).toBe(
      `refused: ${missing} is empty, or not there; fix: write it anew`,
    );
    writeFileSync(missing, "not a url\n");
    expect(await why(send(channel({ urlFile: missing }), NOTICE))).toBe(
      `refused: ${missing} must hold an address that begins with http:// or https://; fix: write it anew`,
    );
  });

  test("for what stands in its files is no address, no token and no certificate", async () => {
    const file = join(tempDir(), "file");
    const { url, got } = hook();
    const said = (text: string, more: Partial<Channel>) => {
      writeFileSync(file, text);
      return why(send(channel({ url, ...more }), NOTICE));
    };
    const address = { url: null, urlFile: file };
    expect(await said("localhost:9000/hook\n", address)).toBe(
      `refused: ${file} must hold an address that begins with http:// or https://; fix: write it anew`,
    );
    expect(await said("http://user:100%@x/\n", address)).toBe(
      `refused: ${file} must hold an address with %25 in place of each % of its name and password; fix: write it anew`,
    );
    for (const token of ["S3CR\u00e9T", "S3CRET 🔑", "S3C\rRET", "S3C\0RET"])
      expect(await said(`${token}\n`, { tokenFile: file })).toBe(
        `refused: ${file} holds a character that no header field can hold; fix: write the token there anew, alone in the first line`,
      );
    const { cert } = makeAuthority(tempDir()).issue("x", { san: "DNS:x" });
    expect(await said(cert.slice(0, 300), { caBundle: file })).toBe(
      `refused: ${file} holds a certificate that cannot be read: "Invalid CA"; fix: write the authority's there, as PEM`,
    );
    expect(got).toEqual([]);
  });

  test("whatever it is posted to and with: nothing is thrown", async () => {
    const posted = (url: string, headers = {}) => post({ url: new URL(url), headers }, "x", 1000);
    for (const url of ["http://a:%@127.0.0.1:1/", "ftp://127.0.0.1/", "mailto:a@b"])
      expect(await posted(url)).toMatchObject({ kind: "failed", wasSent: false });
    for (const headers of [{ title: "🔑" }, { "a b": "c" }, { title: "a\r\nb" }])
      expect(await posted("http://127.0.0.1:1/", headers)).toMatchObject({ kind: "failed", wasSent: false });
    expect(await post({ url: new URL("https://127.0.0.1:1/"), ca: "-----BEGIN CERTIFICATE-----" }, "x")).toMatchObject({
      kind: "failed",
    });
  });

  test("by an answer that never ends, or is cut: its status counts, with what has come of it", async () => {
    const head = "HTTP/1.1 500 No\r\ncontent-length: 999999\r\n\r\nfull";
    const endless = await raw((socket) => socket.once("data", () => socket.write(head)));
    expect(await post({ url: new URL(endless) }, "x", 500)).toEqual({ kind: "status", status: 500, text: "full" });
    const cut = await raw((socket) => socket.once("data", () => socket.end(head)));
    expect(await why(send(channel({ url: cut }), NOTICE))).toBe('refused: it answered 500: "full"');
    // Nobody reads all of it.
    const flood = await raw((socket) => {
      const more = (): void => {
        while (socket.write("x".repeat(4096)));
      };
      socket.on("drain", more);
      socket.once("data", () => socket.write(head.replace("999999", "99999999999"), more));
    });
    const { text } = (await post({ url: new URL(flood) }, "x", 60_000)) as { text: string };
    expect(text).toBe(`full${"x".repeat(196)}`);
  });

  test("by what speaks TLS, or no HTTP, where url says http://", async () => {
    const { cert, key } = makeAuthority(tempDir()).issue("hook", { san: "DNS:localhost" });
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", tls: { cert, key }, fetch: () => new Response("") });
    servers.push({ stop: () => server.stop(true) });
    const end = "; fix: if it speaks TLS, write https:// in url";
    expect(await why(send(channel({ url: `http://127.0.0.1:${server.port}/` }), NOTICE))).toBe(
      `unsure: ECONNRESET: "socket hang up"${end}`,
    );
    const ssh = await raw((socket) => socket.write("SSH-2.0-OpenSSH_9.2\r\n"));
    expect(await why(send(channel({ url: ssh }), NOTICE))).toEndWith(end);
    const { url } = hook(400, "The plain HTTP request was sent to HTTPS port");
    expect(await why(send(channel({ url }), NOTICE))).toEndWith(end);
  });

  test("by what takes the connection and says nothing, encrypted or not", async () => {
    const silent = await raw(() => undefined);
    for (const url of [silent, silent.replace("http:", "https:")]) {
      const posted = await post({ url: new URL(url) }, "x", 300);
      expect(findingText(explainPosted(posted, { url: new URL(url), key: "url", caBundle: null }))).toBe(
        'it takes the connection, and says nothing: "no answer within 0.3 s"; fix: see whether what listens there hangs, or name another port in url',
      );
    }
  });

  test("by one that says what it was given: no secret is in what it said", async () => {
    const echo = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      async fetch(request) {
        const { pathname, search } = new URL(request.url);
        const seen = `POST ${pathname}${search} authorization: ${request.headers.get("authorization")}`;
        return new Response(seen, { status: 401 });
      },
    });
    servers.push({ stop: () => echo.stop(true) });
    const [tokenFile, urlFile] = ["token", "url"].map((name) => join(tempDir(), name)) as [string, string];
    writeFileSync(tokenFile, "S3CRET\n");
    const at = `127.0.0.1:${echo.port}/services/T000/Xyz?key=abcd1234`;
    writeFileSync(urlFile, `http://${at}\n`);
    const shown = 'refused: it answered 401: "POST … authorization: ';
    expect(await why(send(channel({ urlFile, tokenFile }), NOTICE))).toStartWith(`${shown}Bearer …"; fix: `);
    expect(await why(send(channel({ url: `http://hub:open%20sesame@${at}` }), NOTICE))).toMatch(
      /^refused: it answered 401: "POST … authorization: Basic …"; fix: /,
    );
  });

  test("by a program: its code and words, that it is not there, and that it did not end", async () => {
    const sh = (script: string, ms?: number) => why(pipeTo(["/bin/sh", "-c", script], "x", ms));
    expect(await sh("cat >/dev/null; echo full >&2; exit 4")).toBe('refused: "/bin/sh" ended with 4: "full"');
    expect(await why(pipeTo(["/nowhere/page"], "x"))).toStartWith('refused: cannot start "/nowhere/page"');
    expect(await sh("sleep 60", 200)).toStartWith("unsure: ");
    expect(await sh("echo postdrop: warning >&2; exit 75")).toContain("; fix: sendmail gets no rights of its own");
  });
});

test("a channel that is broken keeps no other from being told, and its notice waits", async () => {
  const good = hook();
  const bad = hook(500);
  const channels = [channel({ name: "bad", url: bad.url }), channel({ name: "good", url: good.url })];
  const outgoing = outgoingOf(
    { mailboxes: [emptyMailbox("gone")], rows: [row()], watch: NO_WATCH },
    channels,
    1000,
    "hub",
  );
  const { mailboxes, failures } = await deliver(outgoing, 1000);
  expect(
    mailboxes.map(({ channel, waiting, notice, failures }) => [channel, waiting.length, notice, failures]),
  ).toEqual([
    ["bad", 1, null, 1],
    ["good", 0, null, 0],
  ]);
  expect(failures.map((failure) => findingText(failure, "collector"))).toEqual([
    'bad was not told: it answered 500: "ok"; fix: see what it takes: sudo fleet-health notify-test bad',
  ]);
  expect(good.got).toHaveLength(1);
});

test("what some have taken and others have not is said, and is neither a failure nor sent again", async () => {
  const channels = [channel({ url: "http://127.0.0.1:1" })];
  const outgoing = outgoingOf({ mailboxes: [], rows: [row()], watch: NO_WATCH }, channels, 1000, "hub");
  const why = { what: "it takes no mail to gone@example.org", fix: null };
  const { mailboxes, failures, remarks } = await deliver(outgoing, 1000, async () => ({ sent: "taken", why }));
  expect([mailboxes[0]?.notice, mailboxes[0]?.waiting, failures]).toEqual([null, [], []]);
  expect(remarks.map(({ what }) => what)).toEqual(["ops was told: it takes no mail to gone@example.org"]);
});

test("a channel that waits for its next try is told with why the last one failed, and what mends that", async () => {
  const asked = async (boxes: Mailbox[], nowMs: number, why: Finding) => {
    const outgoing = outgoingOf({ mailboxes: boxes, rows: [row()], watch: NO_WATCH }, [channel({})], nowMs, "hub");
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
  const outgoing = outgoingOf({ mailboxes: [], rows: [row()], watch: NO_WATCH }, channels, 1000, "hub");
  const { mailboxes, failures } = await deliver(outgoing, 1000, async ({ name }) => {
    if (name !== "good") throw new TypeError("x is not a function");
    return { sent: "taken", why: null };
  });
  // It may have gone out before that: it comes again as it was.
  expect(mailboxes.map(({ channel, notice, failures }) => [channel, notice?.id, failures])).toEqual([
    ["bad", "bad-7-7", 1],
    ["worse", "worse-7-7", 1],
    ["good", undefined, 0],
  ]);
  expect(failures.map((failure) => findingText(failure))).toEqual(
    ["bad", "worse"].map(
      (name) => `${name} was not told: "x is not a function"; fix: report this: it is a fault of fleet-health`,
    ),
  );
});
