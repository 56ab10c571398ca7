// A cloned card, as a receiver sees it: over the wire, in the list, in the log, over a restart.

import { afterEach, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MACHINE_HEADER } from "../../../lib/contract/judgement.ts";
import { formatMachine, type Machine } from "../../../lib/contract/machine.ts";
import { openDuplicateHosts } from "../../../lib/receiver/heartbeats/duplicate-hosts.ts";
import { bytes, cleanUp, keptLog, put, reprDigest, startReceiver, tempDir } from "../support.ts";
import { heartbeat } from "./support.ts";

afterEach(cleanUp);

const machine = (digit: string): Machine => ({ id: "0".repeat(32), hardware: [digit.repeat(16)] });
const A = machine("a");
const B = machine("b");

interface Listed {
  host: string;
  problem: string | null;
  duplicate: { reason: string; machines: { remote: string }[] } | null;
}

async function open() {
  const receiver = await startReceiver();
  let sequence = 0;
  /** A heartbeat that was taken just now, or so long ago. */
  const beat = (boot_id: string, of: Machine | null, agoMs = 0): Promise<Response> => {
    sequence++;
    const now = Date.now();
    const body = JSON.stringify(
      heartbeat({
        boot_id,
        sequence,
        uptime_s: sequence,
        sent_at: new Date(now - agoMs).toISOString(),
        ...(of !== null && { machine: of }),
      }),
    );
    const headers = { Date: new Date(now).toUTCString(), "Content-Type": "application/json" };
    return fetch(`${receiver.url}/v1/heartbeats/lab1`, { method: "PUT", body, headers, proxy: "" });
  };
  const ship = async (id: string, of: Machine, seed: number): Promise<number> => {
    const body = bytes(500, seed);
    const headers = { "Repr-Digest": reprDigest(body), [MACHINE_HEADER]: formatMachine(of) };
    return (await put(receiver.url, "lab1", id, body, headers)).status;
  };
  const listed = async (): Promise<Listed[]> =>
    ((await (await fetch(`${receiver.url}/v1/hosts`)).json()) as { hosts: Listed[] }).hosts;
  return { receiver, beat, ship, listed };
}

test("heartbeats of two boots by turns: one finding, first in the host's line, in its view, once in the log, and in the file", async () => {
  const { receiver, beat, listed } = await open();
  for (const [boot, of] of [
    ["x", A],
    ["y", B],
    ["x", A],
  ] as const)
    expect((await beat(boot, of)).status).toBe(200);
  expect((await listed())[0]?.duplicate).toBeNull();
  await beat("y", B);
  await beat("x", A);
  const [row] = await listed();
  expect(row?.duplicate).toMatchObject({
    reason: "duplicate-host",
    machines: [{ remote: "127.0.0.1" }, { remote: "127.0.0.1" }],
  });
  expect(row?.problem).toStartWith("two machines send under this name: 127.0.0.1 (");
  const one = (await (await fetch(`${receiver.url}/v1/hosts/lab1`)).json()) as Listed;
  expect(one.problem).toStartWith("two machines send under this name: ");
  expect(receiver.log.lines.filter((line) => line.includes("duplicate-host"))).toEqual([
    expect.stringMatching(
      /^warn: duplicate-host lab1: two machines .*; fix: give one of them a host_id and a token of its own; .*: sudo receiver token add lab1-2/,
    ),
  ]);
  const file = join(receiver.dataRoot, "duplicate-hosts.json");
  expect([Object.keys(JSON.parse(readFileSync(file, "utf8"))), (statSync(file).mode & 0o777).toString(8)]).toEqual([
    ["lab1"],
    "640",
  ]);

  // `receiver hosts` says the same from the file.
  const config = join(tempDir(), "c.toml");
  writeFileSync(
    config,
    `[paths]\ndata_root = "${receiver.dataRoot}"\nrun_dir = "${receiver.dataRoot}/run"\n[auth]\nrequire_token = false\n`,
  );
  const program = join(import.meta.dir, "../../../bin/receiver.ts");
  for (const args of [["hosts"], ["hosts", "lab1"]]) {
    const child = Bun.spawn([process.execPath, program, ...args, "--config", config]);
    expect(await child.stdout.text()).toContain("two machines send under this name: 127.0.0.1 (");
  }
}, 180_000);

test("what a spool brings back, of a boot that is over, is no evidence", async () => {
  const { beat, listed } = await open();
  await beat("y", A);
  for (let n = 0; n < 6; n++) {
    expect((await beat("x", A, 3_600_000)).status).toBe(200);
    await beat("y", A);
  }
  expect((await listed())[0]?.duplicate).toBeNull();
});

test("episodes: another machine meets a conflict, and the first ships on", async () => {
  const { receiver, ship } = await open();
  const found = () => receiver.log.lines.filter((line) => line.includes("duplicate-host lab1")).length;
  expect([await ship("ep1", A, 1), await ship("ep1", B, 2), found()]).toEqual([201, 409, 0]);
  expect([await ship("ep2", A, 3), found()]).toEqual([201, 1]);
});

test("over a restart a finding stays; one whose file is torn is found anew", async () => {
  const path = join(tempDir(), "duplicate-hosts.json");
  const log = keptLog();
  const first = openDuplicateHosts(path, log);
  const now = Date.now();
  for (const [n, of] of [A, B, A, B].entries()) {
    first.saw("lab1", { kind: "episode", bootId: null, machine: of, remote: "10.0.0.1", conflict: false }, now + n);
  }
  first.close();
  const second = openDuplicateHosts(path, log);
  expect(second.find("lab1", now + 10)).toMatchObject({ reason: "duplicate-host" });
  second.close();
  writeFileSync(path, '{"lab1":{"se');
  const third = openDuplicateHosts(path, log);
  expect(third.find("lab1", now + 10)).toBeNull();
  third.close();
});

test("a host of whom its file says what is none of ours is left out, which is said, and takes heartbeats", () => {
  const path = join(tempDir(), "duplicate-hosts.json");
  const entry = { seen: [{ kind: "episode", machine: {} }], returns: 2, conflicted: false, evidenceMs: Date.now() };
  writeFileSync(path, JSON.stringify({ lab1: entry }));
  const log = keptLog();
  const hosts = openDuplicateHosts(path, log);
  expect(log.lines).toEqual([`warn: ${path} says nothing that can be understood of "lab1": it is left out`]);
  hosts.saw("lab1", { kind: "episode", bootId: null, machine: A, remote: "10.0.0.1", conflict: false }, Date.now());
  expect(hosts.find("lab1", Date.now())).toBeNull();
  hosts.close();
});

test("a finding that could not be written is written once it can be", () => {
  const dir = join(tempDir(), "away");
  const path = join(dir, "duplicate-hosts.json");
  const hosts = openDuplicateHosts(path, keptLog());
  const now = Date.now();
  for (const [n, of] of [A, B, A, B].entries())
    hosts.saw("lab1", { kind: "episode", bootId: null, machine: of, remote: "10.0.0.1", conflict: false }, now + n);
  hosts.write();
  mkdirSync(dir);
  hosts.write();
  hosts.close();
  expect(JSON.parse(readFileSync(path, "utf8"))).toHaveProperty("lab1");
});

test("a finding ends, and is told so, once the other machine sends under a name of its own; in the file, too", () => {
  const path = join(tempDir(), "duplicate-hosts.json");
  const log = keptLog();
  const hosts = openDuplicateHosts(path, log);
  const now = Date.now();
  const saw = (host: string, of: Machine, atMs: number): void =>
    hosts.saw(host, { kind: "episode", bootId: null, machine: of, remote: "10.0.0.1", conflict: false }, atMs);
  for (const [n, of] of [A, B, A, B].entries()) saw("lab1", of, now + n);
  saw("lab1-2", B, now + 60_000);
  expect(hosts.find("lab1", now + 60_000)).toMatchObject({ reason: "duplicate-host" });
  saw("lab1-2", B, now + 400_000);
  expect(hosts.find("lab1", now + 400_000)).toBeNull();
  expect(log.lines.slice(1)).toEqual([
    "info: duplicate-host lab1: it is one machine again; the other one sends as lab1-2",
  ]);
  hosts.write();
  hosts.close();
  expect(readFileSync(path, "utf8")).toBe("{}\n");
});
