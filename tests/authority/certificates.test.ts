// The authority's certificates, as others read them: OpenSSL, by its command and within Bun, and both sides of real connections.

import { describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as tls from "node:tls";
import {
  type Authority,
  issueHostCertificate,
  issueServerCertificate,
  makeAuthority,
  renewAuthority,
  renewServerCertificate,
} from "../../lib/authority/certificates.ts";
import { makeKeyPair, publicKeyOf } from "../../lib/authority/keys.ts";
import { tempDir } from "../support/temp-dir.ts";

const NOW = Date.parse("2026-11-30T12:00:00.789Z");
const YEAR_MS = 365.25 * 86_400_000;
const ca = await makeAuthority(NOW);
const key = makeKeyPair();
const NAMES = ["collector.wg", "10.77.0.11", "fd00::1", "localhost", "127.0.0.1", "::1"];
const server = await issueServerCertificate(ca, { publicKey: key.publicKey, names: NAMES }, NOW);
const hostKey = makeKeyPair();
const host = await issueHostCertificate(ca, { publicKey: hostKey.publicKey, host: "lab1" }, NOW);

function openssl(...args: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["openssl", ...args], { stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}${stdout}`);
  return stdout.toString();
}

function file(text: string): string {
  const path = join(tempDir(), "x.pem");
  writeFileSync(path, text);
  return path;
}

/** A certificate as openssl shows it, each line without its indentation. */
function shown(pem: string): string {
  return openssl("x509", "-in", file(pem), "-noout", "-text").replaceAll(/^ +| +$/gm, "");
}

/** What stands in a certificate below the heading of an extension. */
function extension(pem: string, name: string): string {
  return new RegExp(`^X509v3 ${name}: ?(.*\\n.*)$`, "m").exec(shown(pem))?.[1] ?? "missing";
}

/** Ours hold to the standard in all; an authority of openssl's own default does not say what its key is for. */
const verified = (certificate: string, by: string, purpose: string, strict = ["-x509_strict"]): string =>
  openssl("verify", ...strict, "-purpose", purpose, "-CAfile", file(by), file(certificate));

describe("the authority", () => {
  test("is one, and of no other authorities; from 2000 on, for ten years", () => {
    const { ca: isAuthority, subject, issuer, validFrom, validTo } = new X509Certificate(ca.certificate);
    expect({ isAuthority, subject, issuer, validFrom, validTo }).toEqual({
      ...{ isAuthority: true, subject: "CN=labfleet authority", issuer: "CN=labfleet authority" },
      ...{ validFrom: "Jan  1 00:00:00 2000 GMT", validTo: "Nov 30 12:00:00 2036 GMT" },
    });
    expect(extension(ca.certificate, "Basic Constraints")).toBe("critical\nCA:TRUE, pathlen:0");
    expect(extension(ca.certificate, "Key Usage")).toBe("critical\nCertificate Sign, CRL Sign");
    expect(extension(ca.certificate, "Subject Key Identifier")).toMatch(/^\n([0-9A-F]{2}:){19}[0-9A-F]{2}$/);
    expect(shown(ca.certificate)).toContain("ASN1 OID: prime256v1");
  });

  test("has signed itself, with a key that no password locks", () => {
    const certificate = new X509Certificate(ca.certificate);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(ca.privateKey).toStartWith("-----BEGIN PRIVATE KEY-----\n");
    expect(publicKeyOf(ca.privateKey)).toBe(certificate.publicKey.export({ type: "spki", format: "pem" }).toString());
  });

  test("a serial is positive, of 16 bytes, and each time another", async () => {
    const serials = new Set<string>();
    for (let i = 0; i < 40; i++) serials.add(new X509Certificate(await renewAuthority(ca, NOW)).serialNumber);
    expect(serials.size).toBe(40);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  test("a clock that is years behind makes none that ends too soon, and one far ahead writes its year in full", async () => {
    expect(new X509Certificate((await makeAuthority(0)).certificate).validTo).toBe("Jan  1 00:00:00 2036 GMT");
    const late = await makeAuthority(Date.parse("2041-05-05T05:05:05.555Z"));
    const { privateKey, publicKey } = makeKeyPair();
    expect(privateKey).toContain("PRIVATE");
    const issued = await issueServerCertificate(
      late,
      { publicKey, names: ["hub"] },
      Date.parse("2041-05-05T05:05:05Z"),
    );
    for (const pem of [late.certificate, issued])
      expect(openssl("asn1parse", "-in", file(pem))).toMatch(
        /UTCTIME +:000101000000Z\n.*GENERALIZEDTIME +:20510505050505Z/,
      );
  });
});

describe("a server's certificate", () => {
  test("says its names, its use, and whose it is", () => {
    expect(new X509Certificate(server)).toMatchObject({
      ...{ ca: false, subject: "CN=collector.wg", issuer: "CN=labfleet authority" },
      ...{ validFrom: "Jan  1 00:00:00 2000 GMT", validTo: "Nov 30 12:00:00 2036 GMT" },
    });
    expect(extension(server, "Subject Alternative Name")).toBe(
      "\nDNS:collector.wg, IP Address:10.77.0.11, IP Address:FD00:0:0:0:0:0:0:1, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
    );
    expect(extension(server, "Extended Key Usage")).toBe("\nTLS Web Server Authentication");
    expect(extension(server, "Key Usage")).toBe("critical\nDigital Signature");
    expect(extension(server, "Basic Constraints")).toBe("critical\nCA:FALSE");
    expect(extension(server, "Authority Key Identifier").replace("keyid:", "")).toBe(
      extension(ca.certificate, "Subject Key Identifier"),
    );
    expect(verified(server, ca.certificate, "sslserver")).toEndWith(": OK\n");
    expect(() => verified(server, ca.certificate, "sslclient")).toThrow("unsuitable certificate purpose");
  });

  test("never lasts longer than its authority", async () => {
    const later = NOW + 3 * YEAR_MS;
    const issued = await issueServerCertificate(ca, { publicKey: key.publicKey, names: ["hub"] }, later);
    expect(new X509Certificate(issued).validTo).toBe(new X509Certificate(ca.certificate).validTo);
    const long = { ...ca, certificate: await renewAuthority(ca, NOW + 8 * YEAR_MS) };
    const short = await issueServerCertificate(long, { publicKey: key.publicKey, names: ["hub"] }, NOW);
    expect(new X509Certificate(short).validTo).toBe("Nov 30 12:00:00 2036 GMT");
  });

  test("takes a first name that is too long for a CN in its names alone", async () => {
    const long = `${"a".repeat(60)}.${"b".repeat(60)}.wg`;
    const issue = (names: string[]) => issueServerCertificate(ca, { publicKey: key.publicKey, names }, NOW);
    expect(new X509Certificate(await issue([long, "hub"])).subject).toBe("CN=hub");
    const alone = new X509Certificate(await issue([long]));
    expect([alone.subject, alone.subjectAltName]).toEqual(["CN=collector", `DNS:${long}`]);
  });

  test("is not issued for what cannot be a name", async () => {
    const issue = (names: string[]) => issueServerCertificate(ca, { publicKey: key.publicKey, names }, NOW);
    await expect(issue(["*.wg"])).rejects.toThrow("is a wildcard");
    await expect(issue([])).rejects.toThrow("needs a name");
  });
});

describe("a host's certificate", () => {
  test("has its name as CN alone, and is no server's", () => {
    const { subject, subjectAltName } = new X509Certificate(host);
    expect([subject, subjectAltName]).toEqual(["CN=lab1", undefined as never]);
    expect(extension(host, "Extended Key Usage")).toBe("\nTLS Web Client Authentication");
    expect(verified(host, ca.certificate, "sslclient")).toEndWith(": OK\n");
    expect(() => verified(host, ca.certificate, "sslserver")).toThrow("unsuitable certificate purpose");
  });

  test("is refused a name that is none, or that no CN can hold", async () => {
    const issue = (name: string) => issueHostCertificate(ca, { publicKey: hostKey.publicKey, host: name }, NOW);
    await expect(issue("../x")).rejects.toThrow('"../x" is no host name: 1 to 128 of');
    await expect(issue("a".repeat(65))).rejects.toThrow(
      "has 65 characters: in a certificate a host name has at most 64",
    );
    expect(new X509Certificate(await issue("a".repeat(64))).subject).toBe(`CN=${"a".repeat(64)}`);
  });
});

describe("renewed", () => {
  const later = NOW + 5 * YEAR_MS;

  test("an authority has its key, its name and its extensions; what it had issued is still its own", async () => {
    const certificate = await renewAuthority(ca, later);
    const [old, fresh] = [ca.certificate, certificate].map((pem) => new X509Certificate(pem));
    expect(fresh?.publicKey.equals(old?.publicKey as never)).toBe(true);
    expect([fresh?.subject, fresh?.issuer, fresh?.ca]).toEqual([old?.subject, old?.issuer, true]);
    expect(Date.parse(fresh?.validTo ?? "")).toBeGreaterThan(later + 9.9 * YEAR_MS);
    for (const name of ["Basic Constraints", "Key Usage", "Subject Key Identifier"])
      expect(extension(certificate, name)).toBe(extension(ca.certificate, name));
    expect(verified(server, certificate, "sslserver")).toEndWith(": OK\n");
    // A host that has the old one still takes what the new one issues.
    const next = await renewServerCertificate({ ...ca, certificate }, server, later);
    expect(verified(next, ca.certificate, "sslserver")).toEndWith(": OK\n");
  });

  test("a server's certificate has its key, its name and its names", async () => {
    const long: Authority = { ...ca, certificate: await renewAuthority(ca, later) };
    const fresh = new X509Certificate(await renewServerCertificate(long, server, later));
    const old = new X509Certificate(server);
    expect(fresh.publicKey.equals(old.publicKey)).toBe(true);
    expect([fresh.subject, fresh.subjectAltName]).toEqual([old.subject, old.subjectAltName]);
    expect(fresh.serialNumber).not.toBe(old.serialNumber);
    expect(fresh.validTo).toBe(new X509Certificate(long.certificate).validTo);
  });
});

test.each([
  ["EC, P-384", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"], "ecdsa-with-SHA384"],
  ["EC, P-521", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"], "ecdsa-with-SHA512"],
  ["RSA", ["-newkey", "rsa:2048"], "sha256WithRSAEncryption"],
  ["Ed25519", ["-newkey", "ed25519"], "ED25519"],
])("an authority that openssl has made issues and is renewed: %s", async (_, how, signature) => {
  const dir = tempDir();
  const at = (name: string): string => join(dir, name);
  const subject = ["-subj", "/C=DE/O=Lab, the first/CN=our authority"];
  openssl("req", "-x509", ...how, "-nodes", "-days", "30", ...subject, "-keyout", at("ca.key"), "-out", at("ca.crt"));
  const read = (name: string) => Bun.file(at(name)).text();
  const theirs = { certificate: await read("ca.crt"), privateKey: await read("ca.key") };
  const issued = await issueServerCertificate(theirs, { publicKey: key.publicKey, names: ["hub"] }, Date.now());
  expect(shown(issued)).toContain(`Signature Algorithm: ${signature}`);
  expect(verified(issued, theirs.certificate, "sslserver", [])).toEndWith(": OK\n");
  const fresh = await renewAuthority(theirs, Date.now());
  expect(verified(issued, fresh, "sslserver", [])).toEndWith(": OK\n");
  expect(new X509Certificate(fresh).subject).toBe(new X509Certificate(theirs.certificate).subject);
});

test("an authority's key that cannot sign here is named", async () => {
  const path = join(tempDir(), "k");
  openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp224r1", "-out", path);
  await expect(makeAuthority(NOW, await Bun.file(path).text())).rejects.toThrow(
    "the authority's key is of a kind that cannot sign here: ec secp224r1",
  );
});

describe("between a server and its client", () => {
  interface Side {
    cert: string;
    key: string;
  }
  const ofServer: Side = { cert: server, key: key.privateKey };
  const ofHost: Side = { cert: host, key: hostKey.privateKey };

  test.each(["localhost", "127.0.0.1", "[::1]"])("by the name https://%s", async (name) => {
    const listener = Bun.serve({
      ...{ port: 0, hostname: name === "[::1]" ? "::1" : "127.0.0.1" },
      tls: ofServer,
      fetch: () => new Response("hello"),
    });
    try {
      const url = `https://${name}:${listener.port}/`;
      expect(await (await fetch(url, { proxy: "", tls: { ca: ca.certificate } })).text()).toBe("hello");
      const { resolve, reject, promise } = Promise.withResolvers<string | undefined>();
      const lookup = { host: name.replace(/[[\]]/g, ""), port: listener.port };
      request({ ...lookup, ca: ca.certificate, family: name === "[::1]" ? 6 : 4 }, (response) => {
        response.resume();
        resolve(String(response.statusCode));
      })
        .on("error", reject)
        .end();
      expect(await promise).toBe("200");
    } finally {
      await listener.stop(true);
    }
  });

  /** What each side says of the other. */
  async function meet(listening: tls.TlsOptions, connecting: tls.ConnectionOptions): Promise<[string, string]> {
    let served = "nothing";
    const listener = tls.createServer(listening, (socket) => {
      served = `took ${socket.getPeerCertificate()?.subject?.CN ?? "nobody"}`;
      socket.end("hello");
    });
    listener.on("tlsClientError", (error: NodeJS.ErrnoException) => {
      served = error.code ?? error.message;
    });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as AddressInfo;
    const client = tls.connect({
      host: "127.0.0.1",
      port,
      ca: ca.certificate,
      servername: "collector.wg",
      ...connecting,
    });
    let text = "";
    client.on("data", (part) => {
      text += part;
    });
    const said = await new Promise<string>((resolve) => {
      client.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      client.on("close", () => resolve(text));
    });
    client.destroy();
    listener.close();
    return [served, said];
  }
  const asking = { ca: ca.certificate, requestCert: true, rejectUnauthorized: true };

  test("a host is taken by its certificate, and a server's certificate is none of a host", async () => {
    expect(await meet({ ...ofServer, ...asking }, ofHost)).toEqual(["took lab1", "hello"]);
    expect(await meet({ ...ofServer, ...asking }, ofServer)).toEqual(["INVALID_PURPOSE", expect.any(String)]);
  });

  test("a host cannot pose as a server, whatever it is called", async () => {
    const anyName = { servername: "lab1", checkServerIdentity: () => undefined };
    expect((await meet(ofHost, anyName))[1]).toBe("INVALID_PURPOSE");
  });

  test("another name, and another authority, are refused", async () => {
    expect((await meet(ofServer, { servername: "other.wg" }))[1]).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
    const other = await makeAuthority(NOW);
    expect((await meet(ofServer, { ca: other.certificate }))[1]).toMatch(/^UNABLE_TO_|^SELF_SIGNED|CERT_SIGNATURE/);
  });
});
