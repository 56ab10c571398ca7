// collector.toml: defaults, sizes, addresses, and what is said of mistakes.

import { expect, test } from "bun:test";
import { parseReceiverConfig } from "../../lib/receiver/config.ts";
import { addressOption, parseAddress, rulesOf } from "../../lib/receiver/settings.ts";
import { inText } from "../support/in-text.ts";

const parse = (text: string) => parseReceiverConfig(text, "collector.toml");

test("an empty file takes every default", () => {
  expect(parse("")).toEqual({
    warnings: [],
    config: {
      listen: { host: "0.0.0.0", port: 8443 },
      dataRoot: "/var/lib/labfleet",
      runDir: "/run/labfleet/receiver",
      tls: null,
      tokensDir: "/etc/labfleet/tokens.d",
      requireToken: true,
      acceptedCommitsFile: null,
      requireCommit: null,
      commitHeaders: ["X-Labfleet-Code-Commit", "X-Cis490-Code-Commit"],
      maxEpisodeBytes: 17_179_869_184,
      diskReserveBytes: 1_073_741_824,
      uploadsTotal: 32,
      uploadsPerHost: 4,
      connectionsTotal: 1024,
      downloadsTotal: 16,
      downloadsPerHost: 4,
      minRateBytesPerS: 1024,
      minRateWindowS: 60,
      headerTimeoutS: 10,
      keepAliveTimeoutS: 15,
      drainTimeoutS: 60,
      releasesDir: "/opt/labfleet/served",
      historyBytes: 4_294_967_296,
    },
  });
});

test.each([
  ["", false],
  ['accepted_commits_file = "/accepted"', true],
  ["require_commit = true", true],
  ["require_commit = false", false],
  ['accepted_commits_file = "/accepted"\nrequire_commit = false', false],
  ['accepted_commits_file = ""', false],
])(
  "[gate] %j: a commit is required: %p; by default only where there is something to compare it with",
  (gate, required) => {
    expect(rulesOf(parse(`[gate]\n${gate}\n`).config).commitRequired).toBe(required);
  },
);

test("everything set", () => {
  const { config, warnings } = parse(`
    listen = "[::1]:0"
    [paths]
    data_root = "/srv/lab"
    run_dir = "/run/x"
    [tls]
    certificate = "/c.crt"
    key = "/c.key"
    client_ca = "/ca.crt"
    [auth]
    tokens_dir = "/t"
    require_token = false
    [gate]
    accepted_commits_file = "/accepted"
    require_commit = false
    headers = ["X-A"]
    [limits]
    max_episode_bytes = "2 GiB"
    disk_reserve = 5000
    uploads_total = 8
    uploads_per_host = 2
    min_rate_bytes_per_s = 0
    min_rate_window_s = 5
    header_timeout_s = 3
    keep_alive_timeout_s = 4
    [receiver]
    drain_timeout_s = 7
  `);
  expect(warnings).toEqual([]);
  expect(config).toMatchObject({
    listen: { host: "::1", port: 0 },
    tls: { certificate: "/c.crt", key: "/c.key", clientCa: "/ca.crt" },
    acceptedCommitsFile: "/accepted",
    commitHeaders: ["X-A"],
    maxEpisodeBytes: 2_147_483_648,
    diskReserveBytes: 5000,
    drainTimeoutS: 7,
  });
});

test.each([
  [
    'listen = "8443"',
    'collector.toml:1: listen must be an address and a port, such as "0.0.0.0:8443" or "[::]:8443", found "8443"',
  ],
  ['[tls]\ncertificate = "x"', 'collector.toml:1: tls.key is missing: add key = "/etc/labfleet/tls/collector.key"'],
  ...["-1", "0", "1023", '"0 GiB"'].map((size): [string, string] => [
    `[limits]\nmax_episode_bytes = ${size}`,
    `collector.toml:2: limits.max_episode_bytes must be a size of 1 KiB or more such as "16 GiB", or bytes as a whole number, found ${size}`,
  ]),
  [
    "[limits]\nmin_rate_window_s = 0.01",
    "collector.toml:2: limits.min_rate_window_s must be a number of seconds from 1 to 604800, found 0.01",
  ],
  [
    "[limits]\nheader_timeout_s = 1e7",
    "collector.toml:2: limits.header_timeout_s must be a number of seconds from 1 to 604800, found 10000000",
  ],
  [
    "[limits]\nkeep_alive_timeout_s = 1e7",
    "collector.toml:2: limits.keep_alive_timeout_s must be a number of seconds above 0, up to 604800, found 10000000",
  ],
  [
    "[limits]\nmin_rate_bytes_per_s = 1e12",
    "collector.toml:2: limits.min_rate_bytes_per_s must be a number from 0 to 100000000, found 1000000000000",
  ],
  [
    '[gate]\nheaders = ["X-A", "content-length"]',
    'collector.toml:2: gate.headers[1] must be a header that HTTP and labfleet do not use themselves, such as "X-Labfleet-Code-Commit", found "content-length"',
  ],
  ['[gate]\nheaders = ["a b"]', "collector.toml:2: gate.headers[0] must be an HTTP header name"],
  ["[auth]\nrequire_token = 1", "collector.toml:2: auth.require_token must be true or false, found 1"],
  [
    "[[limits]]\nuploads_total = 0",
    "collector.toml:1: limits must be a table such as [limits], found an array of tables",
  ],
  [
    "[limits]\nmin_rate_bytes_per_s = -1",
    "collector.toml:2: limits.min_rate_bytes_per_s must be a number from 0 to 100000000, found -1",
  ],
])("%p is told with file, line and rule", (text, sentence) => {
  expect(() => parse(text)).toThrow(sentence);
});

test("a mistyped key is told with the nearest known one; other tools' sections are theirs", () => {
  const { warnings } = parse("[limits]\nupload_total = 3\n[fleet_health]\nx = 1\n[fleet_helth]\n[colours]");
  expect(warnings.map((one) => inText(one))).toEqual([
    "collector.toml:2: unknown key limits.upload_total is ignored; fix: write limits.uploads_total",
    "collector.toml:5: unknown table [fleet_helth] is ignored; fix: write [fleet_health]",
    "collector.toml:6: unknown table [colours] is ignored; fix: remove the table; /opt/labfleet/current/units/collector.example.toml shows all that there are",
  ]);
});

test("addresses", () => {
  expect(parseAddress("10.0.0.1:80")).toEqual({ host: "10.0.0.1", port: 80 });
  expect(parseAddress("collector.wg:8443")).toEqual({ host: "collector.wg", port: 8443 });
  for (const text of ["", ":80", "x:", "x:99999", "::1:80", "[::1]", "x:80:90"]) expect(parseAddress(text)).toBeNull();
  expect(() => addressOption("x")).toThrow('--listen must be an address and a port, found "x"');
});
