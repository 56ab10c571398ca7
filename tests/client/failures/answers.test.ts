// What an answer that settles nothing says, and what mends it. Literals as nginx, haproxy, portals and our own receiver answer.

import { describe, expect, test } from "bun:test";
import { type AnswerFacts, explainAnswer } from "../../../lib/client/failures/answers.ts";
import { findingText } from "../../../lib/core/finding.ts";
import { PATH, RECEIVER } from "../support.ts";

const at = (url: string, more = {}) => ({ ...RECEIVER, url, ...more });
const TOKEN = { bearerTokenFile: "/etc/labfleet/token" };

function said(status: number, change: Partial<AnswerFacts> = {}): string {
  const receiver = at("https://collector.wg:8443", TOKEN);
  const facts = { status, reason: null, headers: {}, receiver, hostId: "lab1", path: PATH, ...change };
  return findingText(explainAnswer(facts));
}

describe("our own receiver's answer", () => {
  for (const [status, reason, fix] of [
    [
      401,
      "unauthorized",
      "make one, paste it into this command and end it with Ctrl-D: on the collector: sudo receiver token add lab1; then on the lab host: sudo install -D -m 0640 -g labfleet /dev/stdin /etc/labfleet/token",
    ],
    [403, "wrong-host", "the token must be lab1's own, or host_id another; make one, paste it"],
    [400, "missing-commit", "write the commit of the recording code into shipper.commit_file"],
    [412, "commit-not-accepted", "update the recording code on this host, or add its commit to accepted_commits_file"],
    [413, "too-large", "raise [limits] max_episode_bytes on the collector"],
    [507, "disk-full", "make room on the collector's disk: on the collector: sudo receiver status"],
    [404, "not-found", "update the receiver: it does not know this path"],
    [400, "digest-mismatch", "look for what damages requests or answers between this host and the collector"],
    [400, "malformed-digest", "look for what damages requests or answers between this host and the collector"],
    [411, "length-required", "let what stands before the receiver pass a body with its Content-Length"],
    [500, "internal", "look at what the receiver says of itself: on the collector: sudo journalctl"],
  ] as const) {
    test(`${status} ${reason}`, () => {
      expect(said(status, { reason, detail: "in its words" })).toStartWith(
        `the receiver answers ${status} (${reason}): "in its words"; fix: ${fix}`,
      );
    });
  }

  test("that it has nothing at this path, when the URL has one of its own: the URL without it", () => {
    const receiver = at("https://collector.wg:8443/labfleet", TOKEN);
    expect(said(404, { reason: "not-found", receiver })).toEndWith(
      "; fix: the receiver has nothing below /labfleet: set receiver.url to https://collector.wg:8443",
    );
  });

  test("to a heartbeat that it cannot read: two releases", () => {
    const path = "/v1/heartbeats/lab1";
    expect(said(422, { reason: "malformed", path })).toContain("; fix: update the older of the two: ");
  });

  test("403 wrong-host, where there is a certificate too: which name it has", () => {
    const receiver = at("https://collector.wg", { clientCert: "/tls/lab2.crt" });
    expect(said(403, { reason: "wrong-host", receiver })).toEndWith(
      "fix: the token must be lab1's own, and so must the certificate /tls/lab2.crt, which says: sudo openssl x509 -in /tls/lab2.crt -noout -subject -ext subjectAltName",
    );
  });

  test("is quoted, so that it forges no line, and cut", () => {
    const text = said(400, { reason: "malformed", detail: `no\n<3>a=b ${"x".repeat(1000)}` });
    expect(text).toContain('"no\\n<3>a\\u003db xxx');
    expect(text).not.toContain("x".repeat(300));
  });
});

describe("a redirect", () => {
  for (const [location, fix] of [
    [`https://collector.example${PATH}`, "set receiver.url to https://collector.example"],
    [`https://collector.wg:8443/ingest${PATH}`, "set receiver.url to https://collector.wg:8443/ingest"],
    [
      "https://portal.example/login?to=x",
      "sign in at the portal that stands between, or let this host reach the receiver without it: curl -sv -o /dev/null 'https://portal.example/login?to=x'",
    ],
    [
      "/login",
      "sign in at the portal that stands between, or let this host reach the receiver without it: curl -sv -o /dev/null https://collector.wg:8443/login",
    ],
    ["javascript:alert(1)", "set receiver.url to the receiver's own address"],
    ["https://u:p@x/", "set receiver.url to the receiver's own address"],
  ] as const) {
    test(`to ${location}`, () => {
      const text = said(302, { headers: { location, server: "nginx" } });
      expect(text).toStartWith(
        `collector.wg:8443 answers 302 from "nginx", not the receiver, and leads to ${JSON.stringify(location).replaceAll("=", "\\u003d")}; fix: `,
      );
      expect(text).toEndWith(`fix: ${fix}`);
    });
  }

  test("to https of the same name is a URL to set; one without a place says so", () => {
    const receiver = at("http://collector.wg");
    const headers = { location: `https://collector.wg${PATH}` };
    expect(said(301, { receiver, headers })).toEndWith("fix: set receiver.url to https://collector.wg");
    expect(said(307)).toEndWith(
      ", and does not say where it leads; fix: set receiver.url to the receiver's own address",
    );
  });
});

describe("another's answer", () => {
  const html = { "content-type": "text/html", server: "nginx/1.22.1" };
  for (const [status, fix, change] of [
    [
      200,
      "set receiver.url to the receiver's own address; at a labfleet receiver this says alive: curl -sS https://collector.wg:8443/healthz",
      {},
    ],
    [
      404,
      "set receiver.url to https://collector.wg:8443, without /data, or let what stands there pass it on; ",
      { receiver: at("https://collector.wg:8443/data") },
    ],
    [
      400,
      "set receiver.url to https://collector.wg:8443",
      {
        receiver: at("http://collector.wg:8443"),
        text: "<center>The plain HTTP request was sent to HTTPS port</center>",
      },
    ],
    [
      400,
      "set receiver.url to https://collector.wg:8443",
      { receiver: at("http://collector.wg:8443"), text: "Client sent an HTTP request to an HTTPS server." },
    ],
    [
      400,
      "have a certificate issued for lab1 by the authority that the server asks for",
      { text: "<title>400 No required SSL certificate was sent</title>" },
    ],
    [
      401,
      "let what stands before the receiver pass this host's requests and their Authorization unchanged (it asks for \"Basic realm",
      { headers: { ...html, "www-authenticate": 'Basic realm="x"' } },
    ],
    [403, "let what stands before the receiver pass this host's requests", {}],
    [407, "let this host reach the receiver without that proxy", {}],
    [411, "let what stands before the receiver pass a body with its Content-Length", {}],
    [413, "let what stands before the receiver take as much as episodes have: client_max_body_size 0", {}],
    [431, "let what stands before the receiver take heads of 16 KiB", {}],
    [426, "let receiver.url name the receiver itself", {}],
    [502, "look at the receiver, and at what stands before it: on the collector: sudo systemctl status", {}],
    [429, "look at the receiver, and at what stands before it", {}],
    [418, "set receiver.url to the receiver's own address", {}],
    [101, "set receiver.url to the receiver's own address", {}],
  ] as const satisfies readonly (readonly [number, string, Partial<AnswerFacts>])[]) {
    test(`${status} ${JSON.stringify(change).slice(0, 60)}`, () => {
      const text = said(status, { headers: html, ...change });
      expect(text).toStartWith(
        `collector.wg:8443 answers ${status} from "nginx/1.22.1", not the receiver, with "text/html"`,
      );
      expect(text).toContain(`; fix: ${fix}`);
    });
  }

  test("every status has words and a fix", () => {
    for (let status = 100; status < 600; status++)
      expect(said(status)).toMatch(/^collector\.wg.* answers \d+ .*; fix: ./);
  });
});

test("511 is a portal's own word, wherever it stands", () => {
  expect(said(511, { headers: { "content-type": "text/html" } })).toEndWith(
    "fix: sign in at the portal that stands between, or let this host reach the receiver without it",
  );
});
