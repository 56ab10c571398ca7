// What is odd about [receiver] and about paths in a configuration: one sentence each, for every program that reads it.

import { describe, expect, test } from "bun:test";
import { parseHeartbeatConfig } from "../../lib/heartbeat/config.ts";
import { parseReceiverConfig } from "../../lib/receiver/config.ts";
import { parseShipperConfig } from "../../lib/shipper/config.ts";
import { inText } from "../support/in-text.ts";

const HOST = 'host_id = "lab1"\n[receiver]\nurl = "https://collector.wg"\n';
const HERE = process.cwd();

const PROGRAMS = {
  shipper: (text: string) => parseShipperConfig(text, "f.toml").warnings.map((one) => inText(one)),
  heartbeat: (text: string) => parseHeartbeatConfig(text, "f.toml").warnings.map((one) => inText(one)),
};

for (const [program, warnings] of Object.entries(PROGRAMS)) {
  describe(program, () => {
    test("a token beside a token file is not used, and a key without its certificate neither", () => {
      const [unused = "", ...more] = warnings(`${HOST}bearer_token = "lf_secret"\nbearer_token_file = "/t"\n`);
      expect([unused, more]).toEqual([
        "f.toml: receiver.bearer_token is not used, because bearer_token_file is set; fix: remove the line bearer_token",
        [],
      ]);
      expect(warnings(`${HOST}client_key = "/k"\n`)).toHaveLength(1);
      expect(warnings(`${HOST}bearer_token = ""\nbearer_token_file = "/t"\nclient_key = ""\n`)).toEqual([]);
    });

    test("a relative path says which place it means, and how to write that", () => {
      expect(warnings(`${HOST}[paths]\ndata_root = "data x"\n`)).toEqual([
        `f.toml: paths.data_root "data x" is relative: it means ${HERE}/data x, because this was started in ${HERE}; fix: write data_root = "${HERE}/data x"`,
      ]);
      expect(warnings(`${HOST}ca_bundle = "./ca.crt"\nbearer_token_file = "../t"\n`)).toHaveLength(2);
      expect(warnings(`${HOST}ca_bundle = "~/ca.crt"\n[paths]\ndata_root = "~"\nrun_dir = "/run/x"\n`)).toEqual([]);
    });
  });
}

test("the receiver's relative paths are said too", () => {
  const text = '[paths]\ndata_root = "data"\n[tls]\ncertificate = "c"\nkey = "/k"\n';
  expect(parseReceiverConfig(text, "f.toml").warnings.map(({ what }) => what.split(" is relative")[0])).toEqual([
    'f.toml: paths.data_root "data"',
    'f.toml: tls.certificate "c"',
  ]);
});
