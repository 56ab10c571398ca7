// The collector's own certificate that soon runs out, as its operator sees it: at the start, in status and hosts, after a reload.

import { expect, setDefaultTimeout, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { makeAuthority } from "../support/certificates.ts";
import { Fleet, until } from "../support/fleet.ts";
import { tempDir } from "../support/temp-dir.ts";

setDefaultTimeout(180_000);

test("it is said with its file, its date and the line that renews it; that line and a reload end it", async () => {
  const dir = join(tempDir(), "tls");
  mkdirSync(dir);
  const ca = makeAuthority(dir);
  const { certFile, keyFile } = ca.issue("collector", { san: "IP:127.0.0.1", days: 3 });
  await using fleet = new Fleet({
    collectorTables: `[tls]\ncertificate = "${certFile}"\nkey = "${keyFile}"`,
  });
  const command = (...args: string[]) => fleet.runNow("receiver", [...args, "--config", fleet.collectorConfig]).stdout;
  const said = new RegExp(
    `tls\\.certificate ${certFile} is valid until \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC, 2d 23h from now: then no host gets through any more; fix: renew it: sudo (receiver certificate renew) && sudo systemctl reload labfleet-receiver$`,
    "m",
  );
  expect(command("status")).toMatch(said);
  const receiver = await fleet.startReceiver();
  await until("it is said at the start", () => said.test(receiver.log()), receiver);
  await until("status knows", () => said.test(command("status")), receiver);
  expect(command("status")).toMatch(/^tls {8}tls\.certificate /m);
  expect(command("hosts")).toMatch(said);
  expect(JSON.parse(command("status", "--json")).certificate).toMatchObject({
    file: certFile,
    trouble: "expires-soon",
  });

  receiver.process.kill("SIGHUP");
  const times = () => receiver.log().match(new RegExp(said, "gm"))?.length ?? 0;
  await until("a reload says it again", () => times() === 2, receiver);
  const [, ...words] = (said.exec(command("status"))?.[1] ?? "").split(" ");
  expect(command(...words)).toStartWith(`${certFile}: valid until `);
  expect(command("status")).toMatch(/already: let the receiver read it: sudo systemctl reload labfleet-receiver$/m);
  receiver.process.kill("SIGHUP");
  const well = new RegExp(`^tls {8}${certFile} is valid until \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC$`, "m");
  await until("it is read", () => receiver.log().split("the new configuration holds").length === 3, receiver);
  expect(command("status")).toMatch(well);
  expect(times()).toBe(2);
  expect(command("hosts")).not.toContain("tls.certificate");
});

test("without any other program: made, served, renewed and served again", async () => {
  const dir = join(tempDir(), "tls");
  mkdirSync(dir, { mode: 0o750 });
  const file = (name: string): string => join(dir, name);
  await using fleet = new Fleet({
    collectorTables: `[tls]\ncertificate = "${file("collector.crt")}"\nkey = "${file("collector.key")}"`,
  });
  const command = (...words: string[]) => fleet.runNow("receiver", [...words, "--config", fleet.collectorConfig]);
  const made = command("certificate", "make", "collector.wg", "127.0.0.1");
  expect(made).toMatchObject({ code: 0, stderr: "" });
  const receiver = await fleet.startReceiver();
  /** The serial of the certificate that a host sees that trusts this authority alone; each time on a connection of its own. */
  const seen = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const ca = readFileSync(file("ca.crt"), "utf8");
      const socket = connect({ host: "127.0.0.1", port: receiver.port, ca, servername: "collector.wg" }, () => {
        resolve(socket.getPeerX509Certificate()?.serialNumber ?? "");
        socket.destroy();
      });
      socket.on("error", reject);
    });
  const serial = (): string => new X509Certificate(readFileSync(file("collector.crt"))).serialNumber;
  const first = serial();
  expect(await seen()).toBe(first);
  expect(command("certificate", "renew")).toMatchObject({ code: 0, stderr: "" });
  expect(serial()).not.toBe(first);
  receiver.process.kill("SIGHUP");
  await until("it is read", () => receiver.log().includes("the new configuration holds"), receiver);
  expect(await seen()).toBe(serial());
});
