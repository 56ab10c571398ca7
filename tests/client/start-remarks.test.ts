// What is said at the start about the way to the receiver: forged answers, secrets that everyone can read, certificates that are
// none. Never a secret itself.

import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startRemarks } from "../../lib/client/start-remarks.ts";
import type { ReceiverEndpoint } from "../../lib/contract/endpoint.ts";
import { findingText } from "../../lib/core/finding.ts";
import { makeAuthority } from "../support/certificates.ts";
import { tempDir } from "../support/temp-dir.ts";
import { RECEIVER } from "./support.ts";

const TOKEN = "lf_secret";

function fileOf(name: string, text: string, mode = 0o640): string {
  const path = join(tempDir(), name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

async function said(change: Partial<ReceiverEndpoint>, configFile = fileOf("lab-host.toml", "")): Promise<string[]> {
  const receiver = { ...RECEIVER, url: "https://collector.wg", ...change };
  const texts = (await startRemarks({ hostId: "lab1", receiver, configFile })).map((finding) => findingText(finding));
  expect(texts.join()).not.toContain(TOKEN);
  return texts;
}

describe("answers that anyone can forge", () => {
  const FORGED = "can read the token, and forge a receipt for what nobody has stored; fix: ";
  for (const [change, why] of [
    [
      { url: "http://10.0.0.1:8443" },
      `receiver.url is http://: whoever is on the way to 10.0.0.1:8443 ${FORGED}use https://; or`,
    ],
    [
      { verifyTls: false },
      `receiver.verify_tls is false: whoever is on the way to collector.wg ${FORGED}remove verify_tls`,
    ],
  ] as const) {
    test(`are said: ${JSON.stringify(change)}; and how to say that nobody is there`, async () => {
      const [text = "", ...more] = await said(change);
      expect([text.slice(0, why.length), more]).toEqual([why, []]);
      expect(text).toEndWith("set trusted_network = true in [receiver]");
    });
  }

  for (const change of [
    {},
    { url: "http://127.0.0.1:8443" },
    { url: "http://localhost", verifyTls: false },
    { url: "http://10.0.0.1", trustedNetwork: true },
    { verifyTls: false, trustedNetwork: true },
  ]) {
    test(`are not feared: ${JSON.stringify(change)}`, async () => expect(await said(change)).toEqual([]));
  }
});

describe("files of everyone", () => {
  test("a configuration that everyone can read and that holds the token; one without a secret may be read", async () => {
    const config = fileOf("lab-host.toml", `bearer_token = "${TOKEN}"`, 0o644);
    expect(await said({ bearerToken: TOKEN }, config)).toEqual([
      `${config} holds receiver.bearer_token and can be read by every user of this machine (mode 0644); fix: take that right away: sudo chmod o-rw ${config}`,
    ]);
    expect(await said({}, config)).toEqual([]);
    chmodSync(config, 0o640);
    expect(await said({ bearerToken: TOKEN }, config)).toEqual([]);
  });

  test("a configuration that everyone can change, whatever it holds", async () => {
    const config = fileOf("lab-host.toml", "", 0o662);
    expect(await said({}, config)).toEqual([
      `${config} can be changed by every user of this machine (mode 0662); fix: take that right away: sudo chmod o-rw ${config}`,
    ]);
  });

  test("a token and a key that everyone can read; the commands mend it", async () => {
    const { certFile, keyFile } = makeAuthority(tempDir());
    chmodSync(keyFile, 0o644);
    const receiver = { clientCert: certFile, clientKey: keyFile, bearerTokenFile: fileOf("token", TOKEN, 0o644) };
    expect((await said(receiver)).map((text) => /holds (this host's \w+( key)?)/.exec(text)?.[1])).toEqual([
      "this host's token",
      "this host's private key",
    ]);
    const start = { hostId: "lab1", receiver: { ...RECEIVER, ...receiver }, configFile: "/nowhere" };
    for (const { fix } of await startRemarks(start))
      for (const { argv } of fix.commands) expect(Bun.spawnSync(argv.slice(1)).exitCode).toBe(0);
    expect(await said(receiver)).toEqual([]);
  });
});

describe("an authority's file", () => {
  test("without a certificate, in DER, or damaged, is said before anything is sent", async () => {
    const { certFile, keyFile } = makeAuthority(tempDir());
    const der = join(tempDir(), "ca.der");
    Bun.spawnSync(["openssl", "x509", "-in", certFile, "-outform", "DER", "-out", der]);
    const broken = fileOf("broken", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for (const [caBundle, what] of [
      [fileOf("empty", ""), "is empty"],
      [fileOf("token", TOKEN), "holds no PEM text"],
      [keyFile, "holds a private key and no certificate"],
      [der, "is DER, and PEM is needed"],
      [broken, "is damaged"],
    ] as const) {
      const [text = "", ...more] = await said({ caBundle });
      expect([text.slice(0, `receiver.ca_bundle ${caBundle} ${what}`.length), more]).toEqual([
        `receiver.ca_bundle ${caBundle} ${what}`,
        [],
      ]);
    }
  });

  test("that holds a private key besides: whoever reads it can pose as the receiver", async () => {
    const dir = tempDir();
    mkdirSync(join(dir, "ca"));
    const { certFile, keyFile } = makeAuthority(join(dir, "ca"));
    const both = fileOf("both", readFileSync(certFile, "utf8") + readFileSync(keyFile, "utf8"));
    expect((await said({ caBundle: both })).map((text) => text.split("; fix")[0])).toEqual([
      `receiver.ca_bundle ${both} holds a private key besides certificates: whoever reads it can pose as the receiver`,
    ]);
  });
});
