// A host that runs the Python shipper moves to labfleet with its lab-host.toml as it is.

import { describe, expect, test } from "bun:test";
import { homedir } from "node:os";
import { parseShipperConfig } from "../../lib/shipper/config.ts";

const SEED = `# /etc/cis490/lab-host.toml
host_id = "lab-host-07"

[paths]
data_root = "/var/lib/cis490/data"

[receiver]
url = "https://collector.wg/"
ca_bundle = "/etc/cis490/ca.pem"
client_cert = "/etc/cis490/host.pem"
client_key = "/etc/cis490/host.key"
bearer_token = "abcDEF123-_=="
verify_tls = true

[shipper]
scan_interval_s = 5.0
request_timeout_s = 60.0

[retention]
keep_local_for_days = 7
quarantine_keep_days = 30
`;

const load = (text: string) => parseShipperConfig(text, "lab-host.toml");
const MINIMAL = 'host_id = "lab1"\n[receiver]\nurl = "https://collector.wg"\n';

describe("a lab-host.toml of the Python fleet", () => {
  test("loads without a warning", () => {
    expect(load(SEED).warnings).toEqual([]);
  });

  test("means what it meant", () => {
    expect(load(SEED).config).toMatchObject({
      hostId: "lab-host-07",
      dataRoot: "/var/lib/cis490/data",
      dataRootIsSet: true,
      receiver: {
        url: "https://collector.wg",
        caBundle: "/etc/cis490/ca.pem",
        clientCert: "/etc/cis490/host.pem",
        clientKey: "/etc/cis490/host.key",
        bearerToken: "abcDEF123-_==",
        verifyTls: true,
      },
      scanIntervalS: 5,
      requestTimeoutS: 60,
      keepLocalForDays: 7,
      quarantineKeepDays: 30,
    });
  });

  test("with nothing but a name and a URL has the Python shipper's defaults", () => {
    expect(load(MINIMAL).config).toMatchObject({
      scanIntervalS: 5,
      requestTimeoutS: 60,
      backoffSeconds: [1, 2, 4, 8, 16, 32, 60, 120, 300],
      keepLocalForDays: 7,
      quarantineKeepDays: 30,
      quarantineCleanupIntervalS: 3600,
      receiver: { caBundle: null, clientCert: null, clientKey: null, bearerToken: null, verifyTls: true },
    });
    // Nothing is trusted, and nothing unproved removed, unless someone says so.
    expect(load(MINIMAL).config).toMatchObject({
      receiver: { kind: "labfleet", trustedNetwork: false },
      pruneUnverified: false,
    });
  });

  test("may say that its receiver is the old one, that nobody is in between, and that the old pruning holds", () => {
    const text = `${MINIMAL}kind = "python"\ntrusted_network = true\n[retention]\nprune_unverified = true\n`;
    expect(load(text)).toMatchObject({
      warnings: [],
      config: { receiver: { kind: "python", trustedNetwork: true }, pruneUnverified: true },
    });
    expect(() => load(`${MINIMAL}kind = "Python"\n`)).toThrow(
      'receiver.kind must be "labfleet" or "python", found "Python"',
    );
  });

  test("may have whole numbers where the Python shipper read decimals, and decimals where it read whole numbers", () => {
    const text = `${MINIMAL}[shipper]\nscan_interval_s = 2\nrequest_timeout_s = 0.5\n[retention]\nkeep_local_for_days = 3.0\n`;
    expect(load(text).config).toMatchObject({ scanIntervalS: 2, requestTimeoutS: 0.5, keepLocalForDays: 3 });
  });

  test("may leave paths empty and mean none", () => {
    const text = `${MINIMAL}ca_bundle = ""\nclient_cert = ""\nclient_key = ""\nbearer_token = ""\n`;
    const none = { caBundle: null, clientCert: null, clientKey: null, bearerToken: null };
    expect(load(text)).toMatchObject({ warnings: [], config: { receiver: none } });
  });

  test("may name files below the home directory", () => {
    const { receiver } = load(`${MINIMAL}ca_bundle = "~/ca.pem"\n`).config;
    expect(receiver.caBundle).toBe(`${homedir()}/ca.pem`);
    expect(load('host_id = "a"\npaths = { data_root = "~" }\nreceiver = { url = "http://x" }\n').config.dataRoot).toBe(
      homedir(),
    );
  });

  test("may switch pruning off with 0 days", () => {
    const text = `${MINIMAL}[retention]\nkeep_local_for_days = 0\nquarantine_keep_days = 0\n`;
    expect(load(text).config).toMatchObject({ keepLocalForDays: 0, quarantineKeepDays: 0 });
  });

  test("may carry other programs' sections", () => {
    const text = `${SEED}[heartbeat]\ninterval_s = 30\n[nagios_runner]\ntimeout = 10\n`;
    expect(load(text).warnings).toEqual([]);
  });
});

describe("a receiver's URL", () => {
  for (const [url, base] of [
    ["https://collector.wg", "https://collector.wg"],
    ["https://collector.wg///", "https://collector.wg"],
    ["http://10.0.0.1:8443/ingest/", "http://10.0.0.1:8443/ingest"],
    ["https://[fd00::1]:8443", "https://[fd00::1]:8443"],
  ] as const) {
    test(`${url} is the base ${base}`, () => {
      expect(load(`host_id = "a"\n[receiver]\nurl = "${url}"\n`).config.receiver.url).toBe(base);
    });
  }

  for (const url of [
    "collector.wg",
    "",
    "ftp://x",
    "file:///x",
    "https://x?a=1",
    "https://x#a",
    "https://u@x",
    "https://",
    "//x",
    "http://x:0",
  ]) {
    test(`${JSON.stringify(url)} is refused`, () => {
      expect(() => load(`host_id = "a"\n[receiver]\nurl = "${url}"\n`)).toThrow("receiver.url must be");
    });
  }

  for (const url of [
    "https://:hunter2@x",
    "https://u:hun/hunter2@x",
    `https://u:${"x".repeat(80)}hunter2@x`,
    "u:hunter2@x",
    "https://x/?token=hunter2",
  ]) {
    test(`${url.slice(0, 40)} is refused, and its secret is not shown`, () => {
      let said = "";
      try {
        load(`host_id = "a"\n[receiver]\nurl = "${url}"\n`);
      } catch (error) {
        said = String(error);
      }
      expect(said).toContain("receiver.url must be");
      expect(said).not.toMatch(/hunter|xxx/);
    });
  }
});
