// `shipper pin` before a collector that took over the trusted one's store: nothing to accept, where the claim counts.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeAuthority } from "../../support/certificates.ts";

const A = "a".repeat(32);
const B = "b".repeat(32);
const dir = mkdtempSync(join(tmpdir(), "labfleet-test-"));
afterAll(() => rmSync(dir, { recursive: true }));

const ours = makeAuthority(join(dir, "ours"));
const { cert, key } = ours.issue("good", { san: "IP:127.0.0.1" });

/** What `shipper pin` prints of a host that trusts A, where B answers and says that it succeeds `succeeds`. */
async function pin(how: "tls" | "unverified" | "plain", succeeds: string, options: readonly string[] = []) {
  const headers = { "X-Labfleet-Receiver-Id": B, "X-Labfleet-Receiver-Succeeds": succeeds };
  await using server = Bun.serve({
    ...{ port: 0, hostname: "127.0.0.1", fetch: () => new Response(null, { status: 404, headers }) },
    ...(how === "plain" ? {} : { tls: { cert, key } }),
  });
  const root = mkdtempSync(join(dir, "host-"));
  const url = `${how === "plain" ? "http" : "https"}://127.0.0.1:${server.port}`;
  const trusted = { receiver_id: A, pinned_at: "2026-05-01T00:00:00Z", source: "receipt", url, before: [] };
  await Bun.write(join(root, "receiver-pin.json"), JSON.stringify(trusted));
  const verify = how === "unverified" ? "verify_tls = false" : `ca_bundle = "${ours.certFile}"`;
  const config = join(root, "lab-host.toml");
  await Bun.write(config, `host_id = "lab1"\n[paths]\ndata_root = "${root}"\n[receiver]\nurl = "${url}"\n${verify}\n`);
  const shipper = [process.execPath, join(import.meta.dir, "../../../bin/shipper.ts"), "pin", "--config", config];
  const child = Bun.spawn([...shipper, ...options], { stdout: "pipe", stderr: "ignore" });
  const [code, stdout] = [await child.exited, await child.stdout.text()];
  // It is looked at, and never followed, by this command.
  expect(JSON.parse(readFileSync(join(root, "receiver-pin.json"), "utf8")).receiver_id).toBe(A);
  return { code, last: stdout.trimEnd().split("\n").at(-1) ?? "", stdout };
}

test("over verified TLS the host follows by itself, and nothing is to be accepted", async () => {
  const { code, last } = await pin("tls", A);
  expect([code, last]).toEqual([
    1,
    "it has taken over the trusted one's store, and says so over verified TLS: a shipper that runs follows it by itself at its next try, and there is nothing to do",
  ]);
}, 30_000);

test.each([
  ["unverified", A],
  ["plain", A],
  ["tls", "c".repeat(32)],
] as const)(
  "a claim that does not count (%s, %s) is for a person to accept",
  async (how, succeeds) => {
    const { code, last } = await pin(how, succeeds);
    expect(code).toBe(1);
    expect(last).toStartWith("another collector answers; fix: ");
    expect(last).toEndWith(`sudo shipper pin --accept ${B}`);
  },
  30_000,
);

test("programs read it, too", async () => {
  const { answering } = JSON.parse((await pin("tls", A, ["--json"])).stdout);
  expect(answering).toEqual({ receiver_id: B, is_successor: true, trouble: null, fix: null });
}, 30_000);
