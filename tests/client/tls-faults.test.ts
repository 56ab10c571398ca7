// Every fault of certificates and of TLS, made for real: what it is called, that it stops everything at once, and what mends it.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Authority, lockKey, makeAuthority, type Pair, selfSigned } from "../support/certificates.ts";
import { tempDir } from "../support/temp-dir.ts";
import { ask, failureOf, serveTcp, serveTls } from "./support.ts";

let ours: Authority;
let theirs: Authority;
let good: Pair;
let client: Pair;
let broken = "";

const dir = mkdtempSync(join(tmpdir(), "labfleet-test-"));
afterAll(() => rmSync(dir, { recursive: true }));

beforeAll(() => {
  [ours, theirs] = [makeAuthority(join(dir, "ours")), makeAuthority(join(dir, "theirs"))];
  good = ours.issue("good", { san: "IP:127.0.0.1" });
  client = ours.issue("lab1");
  broken = join(dir, "broken.crt");
  writeFileSync(broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
});

const secure = async (pair: Pair, more = {}) =>
  `https://${await serveTls({ cert: pair.cert, key: pair.key, ...more })}`;
const mutual = () => secure(good, { ca: ours.cert, requestCert: true, rejectUnauthorized: true });

describe("the receiver's certificate", () => {
  test("that is valid is taken", async () => {
    const url = await secure(good);
    expect(await ask({ url, caBundle: ours.certFile })).toMatchObject({ kind: "answer", status: 201 });
  });

  test("that has expired: both times, and both remedies", async () => {
    const old = ours.issue("old", { san: "IP:127.0.0.1", days: -1 });
    const why = await failureOf({ url: await secure(old), caBundle: ours.certFile });
    expect(why).toMatchObject({ kind: "tls", immediate: true, reason: "tls CERT_HAS_EXPIRED" });
    expect(why.what).toMatch(
      /was valid until [\d-]{10} \d\d:\d\d UTC, and this host's clock says [\d-]{10} \d\d:\d\d UTC$/,
    );
    expect(why.fix.commands.map(({ on, argv }) => [on, argv[1]])).toEqual([
      ["collector", "systemctl"],
      ["host", "timedatectl"],
    ]);
  });

  test("that is not valid yet: both times, and the clock", async () => {
    ours.issue("early", { san: "IP:127.0.0.1" });
    const early = ours.reissue("early", "20990101000000Z", "21000101000000Z");
    const why = await failureOf({ url: await secure(early), caBundle: ours.certFile });
    expect(why).toMatchObject({ kind: "tls", reason: "tls CERT_NOT_YET_VALID" });
    expect(why.what).toContain("is valid from 2099-01-01 00:00 UTC on, and this host's clock says ");
    expect(why.fix).toEqual({
      text: "set the clock that is wrong, this host's or the collector's, and if a wrong clock made the certificate, make it anew",
      commands: (["host", "collector"] as const).map((on) => ({
        argv: ["sudo", "timedatectl", "set-ntp", "true"],
        on,
      })),
    });
  });

  test("for another name: which names it is for, and the URL under one of them", async () => {
    const named = ours.issue("named", { san: "DNS:*.wg,DNS:collector.wg,IP:10.0.0.1" });
    const url = await secure(named);
    const why = await failureOf({ url, caBundle: ours.certFile });
    expect(why).toMatchObject({ kind: "tls", immediate: true, reason: "tls ERR_TLS_CERT_ALTNAME_INVALID" });
    expect(why.what).toBe("the receiver's certificate is not for 127.0.0.1, but for *.wg, collector.wg, 10.0.0.1");
    expect(why.fix.text).toBe(`set receiver.url to ${url.replace("127.0.0.1", "collector.wg")}`);
  });

  test("that nobody has signed, or an authority that is not known: whose it is, and where its certificate belongs", async () => {
    const own = selfSigned(tempDir(), "IP:127.0.0.1");
    expect(await failureOf({ url: await secure(own) })).toMatchObject({
      reason: "tls DEPTH_ZERO_SELF_SIGNED_CERT",
      what: expect.stringContaining("is signed by nobody but itself: receiver.ca_bundle is not set"),
    });
    const url = await secure(good);
    const unknown = "was issued by “test CA”: receiver.ca_bundle";
    expect((await failureOf({ url })).what).toContain(`${unknown} is not set`);
    const other = await failureOf({ url, caBundle: theirs.certFile });
    expect(other).toMatchObject({ kind: "tls", immediate: true });
    expect(other.what).toContain(`${unknown} ${theirs.certFile} does not hold`);
    expect(other.said).toContain("; fix: copy the certificate of the authority that issued it from the collector and");
  });
});

describe("this host's certificate", () => {
  const pair = ({ certFile, keyFile }: Pair) => ({ clientCert: certFile, clientKey: keyFile });

  test("that is asked for and not there, or another authority's", async () => {
    const url = await mutual();
    const ca = { caBundle: ours.certFile };
    expect(await ask({ url, ...ca, ...pair(client) })).toMatchObject({ kind: "answer" });
    expect(await failureOf({ url, ...ca })).toMatchObject({
      kind: "tls",
      immediate: true,
      what: "the receiver asks for a client certificate, and receiver.client_cert is not set",
    });
    const foreign = theirs.issue("lab1");
    const refused = await failureOf({ url, ...ca, ...pair(foreign) });
    expect(refused).toMatchObject({ kind: "tls", immediate: true, reason: "tls hung-up" });
    expect(refused.what).toStartWith(`the receiver refuses this host's certificate ${foreign.certFile} (`);
    expect(refused.fix.commands[0]?.argv).toContain(foreign.certFile);
  });

  test("whose key has a password: the commands take it off", async () => {
    const locked = lockKey(client);
    const why = await failureOf({ ...pair(client), clientKey: locked });
    expect(why).toMatchObject({ kind: "credentials", immediate: true, reason: "credentials client_key encrypted" });
    for (const { argv } of why.fix.commands) {
      const command = argv.slice(1).flatMap((word) => (word === "-out" ? ["-passin", "pass:secret", word] : [word]));
      expect(Bun.spawnSync(command).exitCode, command.join(" ")).toBe(0);
    }
    const mended = { caBundle: ours.certFile, ...pair(client), clientKey: locked };
    expect(await ask({ url: await mutual(), ...mended })).toMatchObject({ kind: "answer" });
  });

  test("and a key that do not belong together, or stand the wrong way round", async () => {
    const url = await mutual();
    const why = await failureOf({ url, ...pair(client), clientKey: good.keyFile });
    expect(why).toMatchObject({ kind: "credentials", immediate: true, reason: "credentials client_key mismatch" });
    expect(why.what).toContain("do not belong together");
    const [shown, other] = why.fix.commands.map(({ argv }) => Bun.spawnSync(argv.slice(1)).stdout.toString());
    expect([shown?.includes("PUBLIC KEY"), shown === other]).toEqual([true, false]);
    const swapped = await failureOf({ url, clientCert: client.keyFile, clientKey: client.certFile });
    expect(swapped.what).toBe(`receiver.client_cert ${client.keyFile} holds a private key and no certificate`);
  });

  test("and an authority that are damaged are told by their file", async () => {
    const url = await mutual();
    const cert = await failureOf({ url, ...pair(client), clientCert: broken });
    expect(cert.what).toContain(`receiver.client_cert ${broken} is damaged`);
    expect((await failureOf({ url, caBundle: broken })).what).toContain(`receiver.ca_bundle ${broken} is damaged`);
  });
});

describe("a port", () => {
  test("for https that is asked in plain HTTP, and the other way round: the URL that is right", async () => {
    const url = await secure(good);
    const plain = url.replace("https:", "http:");
    const fix = { text: `set receiver.url to ${url}` };
    expect(await failureOf({ url: plain })).toMatchObject({ kind: "url", immediate: true, fix });
    const http = await serveTcp((socket) => socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")));
    const why = await failureOf({ url: `https://${http}` });
    // One line to set, in either direction.
    expect(why).toMatchObject({
      kind: "url",
      immediate: true,
      fix: { text: `set receiver.url to http://${http}`, commands: [] },
    });
    expect(why.what).toBe(`${http} does not speak TLS, and receiver.url says https://`);
  });

  test("that takes connections and begins no TLS, or ends it: before the request no episode is at fault", async () => {
    const mute = await serveTcp(() => {});
    const times = { stallMs: 300, answerMs: 300 };
    const handshake = { kind: "connect", immediate: true, reason: "connect handshake" };
    expect(await failureOf({ url: `https://${mute}` }, times)).toMatchObject(handshake);
    const closing = await serveTcp((socket) => socket.once("data", () => socket.end()));
    expect(await failureOf({ url: `https://${closing}` })).toMatchObject({ kind: "connect", immediate: true });
  });

  test("with a TLS of long ago is said to be that", async () => {
    const url = await secure(good, { minVersion: "TLSv1", maxVersion: "TLSv1.1" });
    const why = await failureOf({ url, caBundle: ours.certFile });
    expect(why).toMatchObject({ kind: "tls", fix: { text: "let what stands there speak TLS 1.2 or 1.3" } });
  });
});
