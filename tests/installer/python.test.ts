// What the Python fleet's own configuration (seed 001) says, by our options; and how a collector that is still theirs is named.

import { describe, expect, test } from "bun:test";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { endpointOf } from "../../lib/client/endpoint.ts";
import { RECEIVER_ID_HEADER } from "../../lib/contract/judgement.ts";
import { hostAnswers, takesOver } from "../../lib/installer/answers/python.ts";
import { configFor, forWhoAnswers } from "../../lib/installer/answers/take-over.ts";
import { whoAnswers } from "../../lib/installer/preflight/collector.ts";
import { parseToml } from "../../lib/schema/toml.ts";

const FILE = "/etc/cis490/lab-host.toml";
const said = (text: string) => Object.fromEntries(hostAnswers(parseToml(text, FILE), FILE));

test("all that it says is taken", () => {
  expect(
    said(`host_id = "elliott-thinkpad"
[paths]
data_root = "/srv/cis490/data/"
[receiver]
url = "https://collector.wg/"
ca_bundle = "/etc/cis490/ca.pem"
client_cert = "/etc/cis490/c.pem"
client_key = "/etc/cis490/k.pem"
bearer_token = "s3cret"
verify_tls = false
[shipper]
scan_interval_s = 2.5
request_timeout_s = 90
[retention]
keep_local_for_days = 3
quarantine_keep_days = 0
`),
  ).toEqual({
    host: "elliott-thinkpad",
    url: "https://collector.wg",
    "data-root": "/srv/cis490/data",
    "ca-bundle": "/etc/cis490/ca.pem",
    "client-cert": "/etc/cis490/c.pem",
    "client-key": "/etc/cis490/k.pem",
    "python.token": "s3cret",
    "python.receiver": "verify_tls = false",
    "python.shipper": "scan_interval_s = 2.5\nrequest_timeout_s = 90",
    "python.retention": "keep_local_for_days = 3\nquarantine_keep_days = 0",
  });
});

test("what it leaves out is left out, and what is of another type, too", () => {
  expect(
    said('host_id = "lab1"\n[receiver]\nurl = "http://hub"\nbearer_token = 3\n[shipper]\nscan_interval_s = "5"'),
  ).toEqual({
    host: "lab1",
    url: "http://hub",
  });
});

test("a path that depends on where it was started is none", () => {
  expect(() => said('[receiver]\nca_bundle = "ca.pem"')).toThrow(`${FILE}: [receiver] ca_bundle is "ca.pem"`);
});

test("taking over is said with yes or no", () => {
  const asked = (value: string) => takesOver(new Map([["take-over", value]]));
  expect([asked("yes"), asked("no"), takesOver(new Map())]).toEqual([true, false, false]);
  expect(() => asked("y")).toThrow('--take-over: found "y", expected yes or no');
});

describe("a collector", () => {
  const plain = 'host_id = "lab1"\n\n[receiver]\nurl = "https://hub"\n\n[paths]\ndata_root = "/d"\n';
  const more = `${plain}\n[shipper]\nscan_interval_s = 2\n`;

  test("of the Python fleet is named as one, with the header that it looks for; of ours it is not", () => {
    const named = plain.replace("[receiver]\n", '[receiver]\nkind = "python"\n');
    const header = '[shipper]\ncommit_header = "X-Cis490-Code-Commit"\n';
    expect(configFor(plain, "python")).toBe(`${named}\n${header}`);
    expect(configFor(more, "python")).toBe(`${named}\n${header}scan_interval_s = 2\n`);
    for (const text of [plain, more]) {
      expect(configFor(text, "labfleet")).toBe(text);
      expect(configFor(configFor(text, "python"), "python")).toBe(configFor(text, "python"));
    }
    expect(configFor(configFor(more, "python"), "labfleet")).toBe(more);
    expect(configFor(configFor(plain, "python"), "labfleet")).toBe(plain);
  });

  test("is known by whether it says which one it is; of one that does not answer nothing is changed", async () => {
    let headers: Record<string, string> = {};
    const server = createServer((_, response) => response.writeHead(401, headers).end("{}"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const introduced = {
      hostId: "lab1",
      receiver: endpointOf({ url, trusted_network: true, bearer_token: "x" }, "lab-host.toml"),
      ...{ credentials: null, enrolment: null },
    };
    expect(await whoAnswers(introduced)).toBe("python");
    expect(await forWhoAnswers(plain, { isNew: true }, introduced)).toBe(configFor(plain, "python"));
    // What was there before is not asked about, unless it names one of theirs.
    expect(await forWhoAnswers(plain, { isNew: false }, introduced)).toBe(plain);
    headers = { [RECEIVER_ID_HEADER]: "0123456789abcdef0123456789abcdef" };
    expect(await whoAnswers(introduced)).toBe("labfleet");
    expect(await forWhoAnswers(plain, { isNew: true }, introduced)).toBe(plain);
    await new Promise((resolve) => server.close(resolve));
    expect(await whoAnswers(introduced)).toBeNull();
    expect(await forWhoAnswers(plain, { isNew: true }, introduced)).toBe(plain);
  });
});
