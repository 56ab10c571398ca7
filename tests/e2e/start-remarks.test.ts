// What is odd about a configuration and the files that it names is said when a daemon starts, before anything is sent or has
// failed: by the real executables, each remark once, and never the secret.

import { expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { makeAuthority } from "../support/certificates.ts";
import { Fleet, type Tool, until } from "../support/fleet.ts";

setDefaultTimeout(180_000);

const SECRET = "lf_secret";

/** A path as somebody in this directory would write it. */
const fromHere = (path: string): string => relative(process.cwd(), path);

function isRelative(file: string, key: string, path: string): string {
  const name = key.split(".").at(-1);
  return `${file}: ${key} ${JSON.stringify(fromHere(path))} is relative: it means ${path}, because this was started in ${process.cwd()}; fix: write ${name} = ${JSON.stringify(path)}\n`;
}

/** Waits for the remarks, and checks that each came once. */
async function expectSaid(tool: Tool, remarks: readonly string[]): Promise<void> {
  for (const remark of remarks) await until(remark, () => tool.log().includes(remark), tool);
  expect(remarks.map((remark) => tool.log().split(remark).length - 1)).toEqual(remarks.map(() => 1));
  expect(tool.log()).not.toContain(SECRET);
}

/** The rest of the agent's paths: a test touches nothing of this machine's own. */
const elsewhere = (dir: string): string =>
  `plugins_dir = "${dir}/plugins.d"\n[paths]\ndata_root = "${dir}/host"\nrun_dir = "${dir}/run-shipper"\n`;

for (const [tool, table, key, more] of [
  ["shipper", "paths", "data_root", () => ""],
  ["heartbeat", "heartbeat", "state_dir", elsewhere],
] as const) {
  test(`${tool}: a token in a file of everyone, one that is not used, a relative ${key}, an authority without a certificate`, async () => {
    await using fleet = new Fleet();
    const { directory } = fleet;
    const config = join(directory, "odd.toml");
    const ca = join(directory, "ca.crt");
    const token = join(directory, "token");
    writeFileSync(ca, "this is no certificate\n");
    writeFileSync(token, `${SECRET}\n`, { mode: 0o640 });
    writeFileSync(
      config,
      `host_id = "lab1"
[receiver]
url = "https://127.0.0.1:9"
bearer_token = "${SECRET}"
bearer_token_file = "${token}"
ca_bundle = "${ca}"
[${table}]
${key} = "${fromHere(join(directory, "data"))}"
run_dir = "${join(directory, "run")}"
${more(directory)}`,
    );
    chmodSync(config, 0o644);
    mkdirSync(join(directory, "data/episodes"), { recursive: true });
    await expectSaid(fleet.start(tool, ["--config", config]), [
      `${config} holds receiver.bearer_token and can be read by every user of this machine (mode 0644); fix: take that right away: sudo chmod o-rw ${config}\n`,
      `${config}: receiver.bearer_token is not used, because bearer_token_file is set; fix: remove the line bearer_token\n`,
      isRelative(config, `${table}.${key}`, join(directory, "data")),
      `receiver.ca_bundle ${ca} holds no PEM text; fix: `,
    ]);
  });
}

test("receiver: a TLS key that everyone can read, a relative data_root", async () => {
  await using fleet = new Fleet();
  const { certFile, keyFile } = makeAuthority(join(fleet.directory, "ca")).issue("collector", { san: "IP:127.0.0.1" });
  chmodSync(keyFile, 0o644);
  const config = join(fleet.directory, "odd.toml");
  writeFileSync(
    config,
    `listen = "127.0.0.1:0"
[paths]
data_root = "${fromHere(fleet.collectorData)}"
run_dir = "${join(fleet.directory, "run")}"
[auth]
tokens_dir = "${join(fleet.directory, "tokens.d")}"
[tls]
certificate = "${certFile}"
key = "${keyFile}"
`,
  );
  await expectSaid(fleet.start("receiver", ["--config", config]), [
    `${keyFile} holds tls.key and can be read by every user of this machine (mode 0644); fix: sudo chmod o-rw ${keyFile}\n`,
    isRelative(config, "paths.data_root", fleet.collectorData),
    "listening on 127.0.0.1:",
  ]);
});
