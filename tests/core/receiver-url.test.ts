// What [receiver] url may be: what the URL parser would mend in silence, or Bun would take for something else, is refused.

import { describe, expect, test } from "bun:test";
import { isLoopback, urlFault } from "../../lib/core/receiver-url.ts";

const SCHEME = "an http:// or https:// URL";
const PORT = "a URL with a port from 1 to 65535, or with none";
const HOST = "a URL with a host";
const SECRET = "a URL without user and password";
const QUERY = "a URL without query and fragment";
const BLANKS = "a URL without blanks and backslashes";
const BASE = "the collector's base URL";

describe("a URL that works", () => {
  for (const url of [
    "https://collector.wg",
    "https://collector.wg/",
    "HTTPS://Collector.wg:8443",
    "http://10.77.0.11:1",
    "http://10.77.0.11:65535",
    "https://[fd00::1]:8443",
    "https://[fd00::1]",
    "http://collector.wg/ingest/",
    "http://collector.wg/v1",
    "http://v1/episode",
    "https://sammler.örtlich",
  ]) {
    test(`${url} is taken`, () => expect(urlFault(url)).toBeNull());
  }
});

describe("a URL that is a mistake", () => {
  for (const [url, fault] of [
    ["", SCHEME],
    ["collector.wg:8443", SCHEME],
    ["ftp://collector.wg", SCHEME],
    // The parser finds a host in each of these.
    ["https:collector.wg", SCHEME],
    ["https:/collector.wg", SCHEME],
    ["http:///collector.wg", HOST],
    ["http://:8443", HOST],
    // Bun asks port 80, and the token goes there.
    ["http://collector.wg:0", PORT],
    ["http://collector.wg:00", PORT],
    ["https://[fd00::1]:0", PORT],
    ["http://collector.wg:65536", PORT],
    ["http://collector.wg:", PORT],
    ["http://collector.wg:port", PORT],
    ["http://collector.wg:1.5", PORT],
    ["https://lab1@collector.wg", SECRET],
    ["https://:secret@collector.wg", SECRET],
    ["https://collector.wg?token=secret", QUERY],
    ["https://collector.wg/?", QUERY],
    ["https://collector.wg/#", QUERY],
    [" https://collector.wg", BLANKS],
    ["https://collector.wg\n", BLANKS],
    ["https://collec\ttor.wg", BLANKS],
    ["https:\\\\collector.wg", SCHEME],
    ["https://collector.wg\\x", BLANKS],
    ["https://[fd00::1", PORT],
    ["https://[lab1]", "a URL with a name or an address as its host"],
    ["https://a%zz", "a URL with a name or an address as its host"],
    ["https://collector.wg/v1/episodes", BASE],
    ["https://collector.wg/v1/heartbeats/lab1", BASE],
  ] as const) {
    test(`${JSON.stringify(url)} must be ${fault}`, () => expect(urlFault(url)?.slice(0, fault.length)).toBe(fault));
  }
});

test("what stays on this machine needs no encryption; what only looks like it does", () => {
  const stays = ["localhost", "a.localhost:80", "127.0.0.1:8080", "127.1", "[::1]:1", "[::ffff:127.0.0.1]"];
  const goes = ["10.0.0.1", "localhost.wg", "127.wg", "[::2]", "128.0.0.1", "notlocalhost"];
  expect(stays.filter((host) => !isLoopback(`http://${host}/`))).toEqual([]);
  expect(goes.filter((host) => isLoopback(`http://${host}/`))).toEqual([]);
});
