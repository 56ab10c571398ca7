// `receiver certificate make`: what it makes, for whom, what it leaves alone, and that it goes on wherever it was cut off.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { tryLock } from "../../../lib/os/file-calls.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { smallDisk, smallDiskMissing } from "../../support/small-disk.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { collectorTls, GROUP, isRoot, isTaken, openssl, rightsOf } from "./support.ts";

setDefaultTimeout(60_000);

const MAKE = ["make", "collector.wg", "10.77.0.11"];
const ROOT = `${process.geteuid?.()}:${process.getegid?.()}`;
const FILES = ["ca.crt", "ca.key", "collector.crt", "collector.key"];

test("an authority, a key and a certificate: said, without a word of a key, and each for whom it is", async () => {
  const tls = collectorTls();
  expect(await tls.run(MAKE)).toEqual({
    code: 0,
    stderr: "",
    stdout: `${tls.at("ca.key")}: the authority's key; whoever has it can pose as this collector, so it stays here
${tls.at("ca.crt")}: the authority; copy ${tls.at("ca.crt")} to each lab host's receiver.ca_bundle
${tls.at("collector.key")}: the collector's key
${tls.at("collector.crt")}: for collector.wg, 10.77.0.11
`,
  });
  expect(readdirSync(tls.dir).sort()).toEqual(FILES);
  expect(FILES.map((name) => rightsOf(tls.at(name)))).toEqual([
    ...[`644 ${ROOT}`, `600 ${ROOT}`, `644 ${ROOT}`],
    `640 ${process.geteuid?.()}:${GROUP}`,
  ]);
  expect(isTaken(tls.dir)).toBe(true);
  expect(new X509Certificate(tls.text("collector.crt")).subjectAltName).toBe("DNS:collector.wg, IP Address:10.77.0.11");
  const [ofKey, ofCertificate] = [
    openssl(tls.dir, "pkey", "-in", "collector.key", "-pubout"),
    openssl(tls.dir, "x509", "-in", "collector.crt", "-noout", "-pubkey"),
  ];
  expect(ofKey).toBe(ofCertificate);
  expect(openssl(tls.dir, "pkey", "-in", "ca.key", "-pubout")).not.toBe(ofKey);
});

test("a second time everything is there, and stays", async () => {
  const tls = collectorTls();
  await tls.run(MAKE);
  const before = tls.state();
  const { code, stderr } = await tls.run(["make", "other.wg"]);
  expect(stderr).toBe(`receiver: tls.certificate ${tls.at("collector.crt")} is there, and stays as it is
receiver: fix: for the same names a new one is made by \`receiver certificate renew\`; for others put it aside, then begin again: sudo mv -T ${tls.at("collector.crt")} ${tls.at("collector.crt")}.aside
`);
  expect([code, tls.state()]).toEqual([2, before]);
  // What it says does it.
  renameSync(tls.at("collector.crt"), tls.at("collector.crt.aside"));
  expect((await tls.run(["make", "other.wg"])).stdout).toBe(`${tls.at("collector.crt")}: for other.wg\n`);
  const { "collector.crt": _, "collector.crt.aside": __, ...others } = tls.state();
  const { "collector.crt": ___, ...kept } = before;
  expect(others).toEqual(kept);
  expect(isTaken(tls.dir)).toBe(true);
});

test("a certificate that is there stays, whoever made it and whatever else is missing; and so does a link", async () => {
  for (const put of [
    (path: string) => writeFileSync(path, "mine"),
    (path: string) => Bun.spawnSync(["ln", "-s", "/nowhere", path]),
  ]) {
    const tls = collectorTls();
    put(tls.at("collector.crt"));
    const { code, stderr } = await tls.run(MAKE);
    expect([code, stderr.split("\n")[0], readdirSync(tls.dir)]).toEqual([
      2,
      `receiver: tls.certificate ${tls.at("collector.crt")} is there, and stays as it is`,
      ["collector.crt"],
    ]);
  }
});

test("an authority that is there issues it, and a key that is there is used", async () => {
  const tls = collectorTls();
  makeAuthority(tls.dir);
  openssl(tls.dir, "genpkey", "-algorithm", "RSA", "-out", "collector.key");
  const before = tls.state();
  expect(await tls.run(MAKE)).toMatchObject({
    code: 0,
    stdout: `${tls.at("collector.crt")}: for collector.wg, 10.77.0.11\n`,
  });
  expect(tls.state()).toMatchObject(before);
  expect(isTaken(tls.dir)).toBe(true);
  // Its authority ends in 30 days, and nothing of it later.
  const [own, ca] = ["collector.crt", "ca.crt"].map((name) => new X509Certificate(tls.text(name)));
  expect([own?.issuer, own?.validTo]).toEqual(["CN=test CA", ca?.validTo as string]);
});

test.each([
  [
    "the key of another",
    "is not the key of the authority",
    (dir: string) => {
      const other = makeAuthority(join(dir, "other"));
      renameSync(other.keyFile, join(dir, "ca.key"));
      rmSync(join(dir, "other"), { recursive: true });
    },
  ],
  ["no key", "is there without its key", (dir: string) => rmSync(join(dir, "ca.key"))],
  [
    "a certificate that is no authority's",
    "is not the certificate of an authority",
    (dir: string) => {
      makeAuthority(dir).issue("x");
      for (const kind of ["crt", "key"]) renameSync(join(dir, `x.${kind}`), join(dir, `ca.${kind}`));
    },
  ],
  [
    "a key behind a password",
    "ca.key is encrypted, and nobody is asked for its password",
    (dir: string) => {
      openssl(dir, "pkey", "-in", "ca.key", "-aes256", "-passout", "pass:x", "-out", "locked");
      renameSync(join(dir, "locked"), join(dir, "ca.key"));
    },
  ],
  [
    "a torn key",
    "is damaged",
    (dir: string) =>
      writeFileSync(join(dir, "ca.key"), "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n"),
  ],
])("an authority with %s issues nothing, and that is one sentence", async (_, said, spoil) => {
  const tls = collectorTls();
  makeAuthority(tls.dir);
  spoil(tls.dir);
  const before = tls.state();
  const { code, stdout, stderr } = await tls.run(MAKE);
  expect([code, stdout, stderr.split("\n").length]).toEqual([2, "", 3]);
  expect(stderr).toContain(said);
  expect(stderr).toContain("\nreceiver: fix: ");
  expect(tls.state()).toEqual(before);
});

describe("what it is asked wrongly", () => {
  test.each([
    ["no name", ["make"], "certificate make: name the collector as its hosts do"],
    ["a name that is none", ["make", "a.wg", "a_b"], '"a_b" is neither a DNS name nor an IP address'],
    ["a wildcard", ["make", "*.wg"], '"*.wg" is a wildcard'],
  ])("%s", async (_, words, said) => {
    const tls = collectorTls();
    const { code, stderr } = await tls.run(words);
    expect([code, readdirSync(tls.dir)]).toEqual([2, []]);
    expect(stderr).toStartWith(`receiver: ${said}`);
  });

  test("a configuration without [tls]", async () => {
    const tls = collectorTls(undefined, "");
    for (const words of [MAKE, ["renew"]]) {
      const { code, stderr } = await tls.run(words);
      expect([code, stderr.split("\n")[0]]).toEqual([
        2,
        `receiver: ${tls.config} has no [tls]: this receiver speaks plain HTTP, and has no certificate`,
      ]);
    }
  });

  test.each([
    ["ca.crt", "collector.key", "ca.crt"],
    ["collector.crt", "ca.key", "ca.key"],
    ["one.pem", "one.pem", "one.pem"],
  ])("[tls] with %s and %s: two in one file", async (certificate, key, twice) => {
    const dir = join(tempDir(), "tls");
    const tls = collectorTls(dir, `[tls]\ncertificate = "${dir}/${certificate}"\nkey = "${dir}/${key}"\n`);
    const { code, stderr } = await tls.run(MAKE);
    expect([code, readdirSync(dir)]).toEqual([2, []]);
    expect(stderr).toStartWith(`receiver: ${tls.at(twice)} would be two files`);
  });

  test("a directory that is not there, and one that another command holds", async () => {
    const tls = collectorTls();
    rmSync(tls.dir, { recursive: true });
    const gone = await tls.run(MAKE);
    expect([gone.code, gone.stderr]).toEqual([
      2,
      `receiver: there is no directory ${tls.dir}\nreceiver: fix: make it: sudo install -d -m 0750 -g labfleet ${tls.dir}\n`,
    ]);
    mkdirSync(tls.dir, { mode: 0o750 });
    const held = openSync(tls.dir, "r");
    expect(tryLock(held)).toBe(true);
    for (const words of [MAKE, ["renew"]]) {
      const { code, stderr } = await tls.run(words);
      expect([code, stderr.split("\n")[0]]).toEqual([
        3,
        `receiver: another \`receiver certificate\` is at work in ${tls.dir}`,
      ]);
    }
    closeSync(held);
    expect((await tls.run(MAKE)).code).toBe(0);
  });
});

test.skipIf(!isRoot)("in a directory that others rule no authority is made", async () => {
  const tls = collectorTls();
  chownSync(tls.dir, 65534, GROUP);
  const owned = await tls.run(MAKE);
  expect([owned.code, owned.stderr.split("\n")[1]]).toEqual([
    2,
    `receiver: fix: give it to root: sudo chown root ${tls.dir}`,
  ]);
  chownSync(tls.dir, 0, GROUP);
  chmodSync(tls.dir, 0o770);
  const open = await tls.run(MAKE);
  expect([open.code, open.stderr.split("\n")[1]]).toEqual([
    2,
    `receiver: fix: take that from them: sudo chmod go-w ${tls.dir}`,
  ]);
  expect(readdirSync(tls.dir)).toEqual([]);
});

test.skipIf(!isRoot)("who is not root is told to begin with sudo", async () => {
  const dir = join(tempDir(), "tls");
  chmodSync(join(dir, ".."), 0o755);
  const tls = collectorTls(dir);
  chmodSync(tls.dir, 0o755);
  const made = await tls.run(MAKE, { asNobody: true });
  expect(made.code).toBe(2);
  expect(made.stderr).toMatch(
    /^receiver: cannot write .*ca\.key: "EACCES.*\nreceiver: fix: sudo .* certificate make collector\.wg 10\.77\.0\.11 /,
  );
  expect(readdirSync(tls.dir)).toEqual([]);
  await tls.run(MAKE);
  const before = tls.state();
  chmodSync(tls.at("collector.key"), 0o644);
  const renewed = await tls.run(["renew"], { asNobody: true });
  expect(renewed.stderr).toMatch(
    /^receiver: the authority's key: .*ca\.key cannot be read by nobody: .* mode 0600\nreceiver: fix: sudo /,
  );
  chmodSync(tls.at("collector.key"), 0o640);
  expect(tls.state()).toEqual(before);
});

/** What each write does, in order: a new file whole beside its place, then there. */
const STEPS = ["before-rename", "before-flush"].flatMap((step) => [1, 2, 3, 4].map((n) => [step, n] as const));

test.each(STEPS)("killed %s of file %d, the same command goes on from there", async (step, n) => {
  const tls = collectorTls();
  const killed = await tls.run(MAKE, { failpoint: `sync-files.replace.${step}:${n}` });
  expect(killed.code).not.toBe(0);
  const left = tls.state();
  const order = ["ca.key", "ca.crt", "collector.key", "collector.crt"];
  const whole = order.slice(0, step === "before-rename" ? n - 1 : n);
  const temporary = step === "before-rename" ? [`.${order[n - 1]}.tmp`] : [];
  expect(Object.keys(left).sort()).toEqual([...whole, ...temporary].sort());
  // Before it has its name it has its rights.
  const rights: Record<string, string> = {
    "ca.key": `600 ${ROOT}`,
    "collector.key": `640 ${process.geteuid?.()}:${GROUP}`,
  };
  for (const name of Object.keys(left)) {
    const meant = name.replace(/^\.(.*)\.tmp$/, "$1");
    expect([name, rightsOf(tls.at(name))]).toEqual([name, rights[meant] ?? `644 ${ROOT}`]);
  }
  const again = await tls.run(MAKE);
  if (existsSync(tls.at("collector.crt")) && whole.length === 4) expect(again.code).toBe(2);
  else expect([again.code, again.stderr]).toEqual([0, ""]);
  for (const name of whole) expect(tls.state()[name]).toBe(left[name] as string);
  expect(readdirSync(tls.dir).sort()).toEqual(FILES);
  expect(isTaken(tls.dir)).toBe(true);
});

test("there are no more writes than those", async () => {
  const tls = collectorTls();
  expect((await tls.run(MAKE, { failpoint: "sync-files.replace.before-rename:5" })).code).toBe(0);
});

test.skipIf(smallDiskMissing !== null)("a full disk is said, and with room the same command goes on", async () => {
  using disk = smallDisk(1);
  const tls = collectorTls(join(disk.path, "tls"));
  const fill = join(disk.path, "fill");
  Bun.spawnSync(["dd", "if=/dev/zero", `of=${fill}`, "bs=4096"], { stderr: "ignore" });
  const full = await tls.run(MAKE);
  expect([full.code, readdirSync(tls.dir)]).toEqual([3, []]);
  expect(full.stderr).toMatch(/^receiver: cannot write ca\.key: the file system at .* is full.*\nreceiver: fix: /);
  expect(statSync(fill).size).toBeGreaterThan(0);
  rmSync(fill);
  expect((await tls.run(MAKE)).code).toBe(0);
  expect(isTaken(tls.dir)).toBe(true);
});
