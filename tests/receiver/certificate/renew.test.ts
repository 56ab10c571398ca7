// `receiver certificate renew`: the same key and names with a new end, of an authority that this tool or openssl has made.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { chmodSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeAuthority } from "../../support/certificates.ts";
import { smallDisk, smallDiskMissing } from "../../support/small-disk.ts";
import { type CollectorTls, collectorTls, isTaken, openssl, rightsOf } from "./support.ts";

setDefaultTimeout(60_000);

const DAY_MS = 86_400_000;
const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
const RELOAD = "let the receiver read it: sudo systemctl reload labfleet-receiver\n";

interface ByHand {
  /** Of both keys. */
  how?: readonly string[];
  caDays?: number;
  days?: number;
  names?: string;
}

/** An authority and a certificate as the documents made them before there was this command. */
function byHand(
  tls: CollectorTls,
  { how = EC, caDays = 3650, days = 10, names = "DNS:collector.wg,IP:10.77.0.11" }: ByHand = {},
): void {
  const own = ["-nodes", "-subj", "/CN=labfleet authority", "-keyout", "ca.key", "-out", "ca.crt"];
  openssl(tls.dir, "req", "-x509", ...how, "-days", String(caDays), ...own);
  openssl(
    tls.dir,
    "req",
    ...how,
    "-nodes",
    "-subj",
    "/CN=collector.wg",
    "-keyout",
    "collector.key",
    "-out",
    "collector.csr",
  );
  writeFileSync(tls.at("collector.ext"), `subjectAltName=${names}\n`);
  const issuer = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", String(days)];
  openssl(
    tls.dir,
    "x509",
    "-req",
    "-in",
    "collector.csr",
    "-extfile",
    "collector.ext",
    ...issuer,
    "-out",
    "collector.crt",
  );
  chmodSync(tls.at("collector.crt"), 0o640);
}

const certificateOf = (tls: CollectorTls, name = "collector.crt") => new X509Certificate(tls.text(name));
const endOf = (tls: CollectorTls, name = "collector.crt") => Date.parse(certificateOf(tls, name).validTo);

test.each([
  ["EC", EC],
  ["RSA", ["-newkey", "rsa:2048"]],
])("made by openssl, %s: the key, the names and the authority stay", async (_, how) => {
  const tls = collectorTls();
  byHand(tls, { how });
  const { "collector.crt": before, ...others } = tls.state();
  const old = certificateOf(tls);
  const { code, stdout, stderr } = await tls.run(["renew"]);
  const fresh = certificateOf(tls);
  expect([code, stderr]).toEqual([0, ""]);
  const day = new Date(fresh.validTo).toISOString().slice(0, 10);
  expect(stdout).toMatch(new RegExp(`^${tls.at("collector.crt")}: valid until ${day} \\d\\d:\\d\\d UTC\n${RELOAD}$`));
  expect([fresh.subject, fresh.subjectAltName]).toEqual([old.subject, old.subjectAltName]);
  expect(fresh.publicKey.equals(old.publicKey)).toBe(true);
  expect(fresh.validTo).toBe(certificateOf(tls, "ca.crt").validTo);
  expect(isTaken(tls.dir)).toBe(true);
  const { "collector.crt": after, ...same } = tls.state();
  expect(same).toEqual(others);
  expect([before?.slice(0, 4), rightsOf(tls.at("collector.crt")).slice(0, 4), after === before]).toEqual([
    "640 ",
    "640 ",
    false,
  ]);
});

test("made by the command, and renewed again and again", async () => {
  const tls = collectorTls();
  await tls.run(["make", "collector.wg", "fd00::1"]);
  for (let i = 0; i < 2; i++) {
    const serial = certificateOf(tls).serialNumber;
    expect(await tls.run(["renew"])).toMatchObject({ code: 0, stderr: "" });
    expect(certificateOf(tls).serialNumber).not.toBe(serial);
    expect([isTaken(tls.dir), certificateOf(tls).subjectAltName]).toEqual([
      true,
      "DNS:collector.wg, IP Address:FD00:0:0:0:0:0:0:1",
    ]);
  }
});

describe("an authority that soon ends", () => {
  test.each([
    [13, true],
    [16, false],
  ])("in %d days: renewed %p, of the same key, and then hosts need it", async (caDays, isRenewed) => {
    const tls = collectorTls();
    byHand(tls, { caDays });
    const [ca, key] = [certificateOf(tls, "ca.crt"), tls.text("ca.key")];
    renameSync(tls.at("collector.csr"), tls.at("x"));
    writeFileSync(tls.at("old-ca.crt"), tls.text("ca.crt"));
    const { code, stdout } = await tls.run(["renew"]);
    expect([code, stdout.includes(`copy ${tls.at("ca.crt")} to each lab host's receiver.ca_bundle\n`)]).toEqual([
      0,
      isRenewed,
    ]);
    const fresh = certificateOf(tls, "ca.crt");
    expect([tls.text("ca.key"), fresh.subject, fresh.publicKey.equals(ca.publicKey)]).toEqual([key, ca.subject, true]);
    for (const end of [endOf(tls), endOf(tls, "ca.crt")])
      expect(Math.round((end - Date.now()) / DAY_MS / 365)).toBe(isRenewed ? 10 : 0);
    // By a host that has the new one, and by one that has not got it yet.
    for (const of of ["ca.crt", "old-ca.crt"]) expect(isTaken(tls.dir, of)).toBe(true);
  });

  test("in the chain that is sent it is the renewed one, too; what else is sent stays", async () => {
    const tls = collectorTls();
    byHand(tls, { caDays: 10 });
    const other = makeAuthority(tls.at("other")).cert;
    rmSync(tls.at("other"), { recursive: true });
    writeFileSync(tls.at("collector.crt"), tls.text("collector.crt") + tls.text("ca.crt") + other);
    await tls.run(["renew"]);
    const [own = "", ...sent] = tls.text("collector.crt").match(/-----BEGIN[\s\S]*?-----END CERTIFICATE-----\n/g) ?? [];
    expect(sent).toEqual([tls.text("ca.crt"), other]);
    expect(new X509Certificate(own).checkIssued(certificateOf(tls, "ca.crt"))).toBe(true);
  });

  test("which another one has issued is that one's to renew", async () => {
    const tls = collectorTls();
    byHand(tls, { caDays: 10 });
    const root = makeAuthority(tls.at("root"));
    writeFileSync(tls.at("ca.ext"), "basicConstraints=critical,CA:TRUE\n");
    openssl(tls.dir, "x509", "-in", "ca.crt", "-x509toreq", "-signkey", "ca.key", "-out", "ca.csr");
    const issuer = [
      "-CA",
      root.certFile,
      "-CAkey",
      root.keyFile,
      "-CAcreateserial",
      "-days",
      "10",
      "-extfile",
      "ca.ext",
    ];
    openssl(tls.dir, "x509", "-req", "-in", "ca.csr", ...issuer, "-out", "ca.crt");
    rmSync(tls.at("root"), { recursive: true });
    const before = tls.state();
    const { code, stderr } = await tls.run(["renew"]);
    expect([code, tls.state()]).toEqual([2, before]);
    expect(stderr).toStartWith(`receiver: the authority ${tls.at("ca.crt")} ends, and another one has issued it\n`);
  });

  test.each([
    ["before-rename:1", ["old", "old"]],
    ["before-flush:1", ["new", "old"]],
    ["before-rename:2", ["new", "old"]],
    ["before-flush:2", ["new", "new"]],
  ])(
    "killed at %s, hosts take what is there, and the same command says again what they need",
    async (point, wanted) => {
      const tls = collectorTls();
      byHand(tls, { caDays: 10 });
      const old = [endOf(tls), endOf(tls, "ca.crt")];
      expect((await tls.run(["renew"], { failpoint: `sync-files.replace.${point}` })).code).not.toBe(0);
      const ends: string[] = [endOf(tls), endOf(tls, "ca.crt")].map((end, i) => (end === old[i] ? "old" : "new"));
      expect([ends, isTaken(tls.dir)]).toEqual([wanted, true]);
      const { code, stdout } = await tls.run(["renew"]);
      expect([code, isTaken(tls.dir)]).toEqual([0, true]);
      expect(stdout.includes("receiver.ca_bundle")).toBe(wanted[1] === "old");
      expect(readdirSync(tls.dir).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    },
  );
});

describe("what cannot be renewed is one sentence, and all stays", () => {
  const other = (dir: string, name: string, from: string, to: string): void => {
    const authority = makeAuthority(join(dir, name));
    authority.issue("collector", { san: "DNS:collector.wg" });
    renameSync(join(dir, name, from), join(dir, to));
    rmSync(join(dir, name), { recursive: true });
  };
  const cases: Record<string, [(tls: CollectorTls) => void, said: string, fix: string]> = {
    "no certificate": [
      ({ at }) => rmSync(at("collector.crt")),
      "there is nothing to renew",
      "receiver certificate make <name>…",
    ],
    "no authority": [
      ({ at }) => ["ca.crt", "ca.key"].forEach((name) => void rmSync(at(name))),
      "there is no DIR/ca.crt and no DIR/ca.key",
      "have its authority issue a new one, put it into that file, then: sudo systemctl reload",
    ],
    "no key of it": [({ at }) => rmSync(at("ca.key")), "there is no DIR/ca.key", "have its authority issue a new one"],
    "another authority beside it": [
      ({ dir }) => {
        const authority = makeAuthority(dir);
        expect(authority.cert).toContain("BEGIN");
      },
      "DIR/collector.crt was issued by CN=labfleet authority, and not by the authority DIR/ca.crt",
      "have its authority issue a new one",
    ],
    "the key of another certificate": [
      ({ dir }) => other(dir, "o", "collector.key", "collector.key"),
      "tls.key DIR/collector.key does not belong to tls.certificate DIR/collector.crt",
      "name in [tls] the key",
    ],
    "the key of another authority": [
      ({ dir }) => other(dir, "o", "ca.key", "ca.key"),
      "DIR/ca.key is not the key of the authority DIR/ca.crt",
      "put the authority's files there again",
    ],
    "a key of the authority behind a password": [
      ({ dir }) => {
        openssl(dir, "pkey", "-in", "ca.key", "-aes256", "-passout", "pass:x", "-out", "locked");
        renameSync(join(dir, "locked"), join(dir, "ca.key"));
      },
      "the authority's key: DIR/ca.key is encrypted, and nobody is asked for its password",
      "take the password off: sudo cp -p DIR/ca.key",
    ],
    "a torn certificate": [
      ({ at }) => writeFileSync(at("collector.crt"), readFileSync(at("collector.crt"), "utf8").replace(/\n.*\n/, "\n")),
      "tls.certificate: DIR/collector.crt is damaged",
      "put the certificate",
    ],
    "an authority in DER": [
      ({ dir }) => void openssl(dir, "x509", "-in", "ca.crt", "-outform", "DER", "-out", "ca.crt"),
      "the authority's certificate: DIR/ca.crt is DER, and PEM is needed",
      "write it as PEM: sudo cp -p DIR/ca.crt",
    ],
  };

  test.each(Object.entries(cases))("%s", async (_, [spoil, said, fix]) => {
    const tls = collectorTls();
    byHand(tls);
    spoil(tls);
    const before = tls.state();
    const { code, stdout, stderr } = await tls.run(["renew"]);
    const there = (text: string): string => text.replaceAll("DIR", tls.dir);
    expect([code, stdout, stderr.split("\n").length]).toEqual([2, "", 3]);
    expect(stderr).toContain(there(said));
    expect(stderr).toContain(`\nreceiver: fix: ${there(fix)}`);
    expect(stderr).not.toContain("PRIVATE KEY");
    expect(tls.state()).toEqual(before);
  });

  test.skipIf(smallDiskMissing !== null)("a full disk", async () => {
    using disk = smallDisk(1);
    const tls = collectorTls(join(disk.path, "tls"));
    byHand(tls, { caDays: 10 });
    Bun.spawnSync(["dd", "if=/dev/zero", `of=${join(disk.path, "fill")}`, "bs=4096"], { stderr: "ignore" });
    const before = tls.state();
    const { code, stderr } = await tls.run(["renew"]);
    expect([code, tls.state()]).toEqual([3, before]);
    expect(stderr).toMatch(/^receiver: cannot write collector\.crt: the file system at .* is full/);
  });
});
