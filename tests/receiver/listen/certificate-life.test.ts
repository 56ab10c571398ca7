// The collector's own certificate: what is wrong with it, or soon will be, is said before its hosts are silent.

import { afterEach, describe, expect, test } from "bun:test";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Fix, findingText, fixText } from "../../../lib/core/finding.ts";
import { certificateTrouble, lifeOf } from "../../../lib/receiver/listen/certificate-life.ts";
import { watchCertificate } from "../../../lib/receiver/listen/certificate-watch.ts";
import { renewal as renewalOf } from "../../../lib/receiver/listen/own-authority.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { cleanUp, keptLog, tempDir } from "../support.ts";

afterEach(cleanUp);

const at = (text: string): number => Date.parse(text);
const LIFE = { file: "/tls/c.crt", fromMs: at("2026-05-01T06:37:00Z"), toMs: at("2027-05-01T06:37:00Z") };
const RENEW = "renew it: sudo systemctl reload labfleet-receiver";
const renewal = (): Fix => ({
  text: "renew it",
  commands: [{ argv: ["sudo", "systemctl", "reload", "labfleet-receiver"], on: "collector" }],
});

describe("what is wrong", () => {
  test.each([
    ["2026-12-01T00:00:00Z", null],
    ["2027-04-17T06:36:59Z", null],
    [
      "2027-04-17T06:37:00Z",
      `tls.certificate /tls/c.crt is valid until 2027-05-01 06:37 UTC, 14d from now: then no host gets through any more; fix: ${RENEW}`,
    ],
    [
      "2027-05-01T06:36:30Z",
      `tls.certificate /tls/c.crt is valid until 2027-05-01 06:37 UTC, 1min from now: then no host gets through any more; fix: ${RENEW}`,
    ],
    [
      "2027-05-03T08:38:00Z",
      `tls.certificate /tls/c.crt was valid until 2027-05-01 06:37 UTC, 2d 2h ago: no host takes this receiver for what it is, and none gets through; fix: ${RENEW}`,
    ],
    [
      "2026-05-01T00:00:00Z",
      `tls.certificate /tls/c.crt is valid from 2026-05-01 06:37 UTC on, and this machine's clock says 2026-05-01 00:00 UTC: no host gets through before; fix: set this machine's clock if it is wrong (sudo timedatectl set-ntp true), else ${RENEW}`,
    ],
  ])("at %s", (now, said) => {
    const found = certificateTrouble(LIFE, null, at(now), renewal);
    expect(found === null ? null : findingText(found, "collector")).toBe(said);
  });

  test("with a renewed one in its file already only a reload is left to do", () => {
    const inFile = { ...LIFE, toMs: at("2036-05-01T06:37:00Z") };
    expect(certificateTrouble(LIFE, inFile, at("2027-06-01T00:00:00Z"), renewal)?.fix).toEqual({
      text: "its file holds one until 2036-05-01 06:37 UTC already: let the receiver read it",
      commands: [{ argv: ["sudo", "systemctl", "reload", "labfleet-receiver"], on: "collector" }],
    });
  });

  test("of a chain the one that ends first counts", () => {
    const ca = makeAuthority(tempDir());
    const { cert, certFile } = ca.issue("server", { days: 5 });
    expect(lifeOf(certFile, `${ca.cert}\n${cert}`)).toEqual(lifeOf(certFile, cert));
    expect(lifeOf(certFile, cert).toMs - lifeOf(certFile, cert).fromMs).toBe(5 * 86_400_000);
  });
});

test("it is said at the start, once a day, when it becomes another thing, and at once of the one that a reload brings", () => {
  const ca = makeAuthority(tempDir());
  const { cert, key, certFile } = ca.issue("server", { days: 20 });
  const { toMs } = lifeOf(certFile, cert);
  const log = keptLog();
  let nowMs = toMs - 15 * 86_400_000;
  const watch = watchCertificate(certFile, { certificate: cert, key, clientCa: null }, { log, nowMs: () => nowMs });
  const said = (): number => log.lines.splice(0).filter((line) => line.startsWith("warn: tls.certificate ")).length;
  const look = (daysBefore: number): number => {
    nowMs = toMs - daysBefore * 86_400_000;
    watch.look();
    return said();
  };
  expect([look(15), look(14), look(13.5), look(13), look(-0.1), look(-0.2), look(-1.1)]).toEqual([0, 1, 0, 1, 1, 0, 1]);
  const short = ca.issue("short", { days: 21 });
  watch.renewed({ certificate: short.cert, key: short.key, clientCa: null });
  expect([said(), watch.life?.file]).toEqual([1, certFile]);
  const long = ca.issue("long", { days: 90 });
  watch.renewed({ certificate: long.cert, key: long.key, clientCa: null });
  expect([said(), look(-2)]).toEqual([0, 0]);
});

test("without TLS there is nothing to say, and a file that cannot be read now changes nothing of what is", () => {
  const log = keptLog();
  watchCertificate(null, null, { log, nowMs: Date.now }).look();
  expect(log.lines).toEqual([]);
  const { cert, key, certFile } = makeAuthority(tempDir()).issue("server", { days: -1 });
  const file = join(tempDir(), "gone.crt");
  const material = { certificate: cert, key, clientCa: null };
  watchCertificate(file, material, { log, nowMs: Date.now }).look();
  writeFileSync(file, readFileSync(certFile, "utf8").slice(0, 100));
  watchCertificate(file, material, { log, nowMs: Date.now }).look();
  const fix =
    "; fix: have its authority issue a new one, put it into that file, then: sudo systemctl reload labfleet-receiver";
  expect(log.lines).toEqual([expect.stringContaining(fix), expect.stringContaining(fix)]);
});

describe("what renews it", () => {
  const said = (file: string, nowMs = Date.now()): string => fixText(renewalOf(file, nowMs), "collector");
  const ASK =
    "have its authority issue a new one, put it into that file, then: sudo systemctl reload labfleet-receiver";
  const BY_ITSELF = "sudo receiver certificate renew && sudo systemctl reload labfleet-receiver";

  test("the authority beside it, by a line to paste; and itself where it soon ends, or begins later", () => {
    const ca = makeAuthority(tempDir());
    const { certFile } = ca.issue("server", { days: -1 });
    expect(said(certFile)).toBe(`renew it: ${BY_ITSELF}`);
    // The authority of the tests lasts 30 days: 17 days from now it is due, too, and the day before it is not.
    const both = `renew it and its authority, then copy ${ca.certFile} to each lab host's receiver.ca_bundle: ${BY_ITSELF}`;
    expect(said(certFile, Date.now() + 17 * 86_400_000)).toBe(both);
    expect(said(certFile, Date.now() + 15 * 86_400_000)).toBe(`renew it: ${BY_ITSELF}`);
    expect(said(certFile, Date.now() - 86_400_000)).toBe(both);
  });

  test("another authority has to be asked: nothing is beside it, no key, or one that has not issued it", () => {
    const { certFile } = makeAuthority(tempDir()).issue("server");
    const alone = join(tempDir(), "server.crt");
    copyFileSync(certFile, alone);
    expect(said(alone)).toBe(ASK);
    const other = makeAuthority(dirname(alone));
    expect(said(alone)).toBe(ASK);
    writeFileSync(other.certFile, "half");
    expect(said(alone)).toBe(ASK);
    rmSync(join(dirname(certFile), "ca.key"));
    expect(said(certFile)).toBe(ASK);
    expect(said("/nowhere/server.crt")).toBe(ASK);
  });
});
