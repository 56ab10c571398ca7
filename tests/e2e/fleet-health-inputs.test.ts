// What the health check learns of hosts beyond index and attempts, with real executables: an upload under way, two machines of one
// name; and that it tells on a full disk, and after its state was lost.

import { expect, onTestFinished, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { parseKnownHosts } from "../../lib/contract/known-hosts.ts";
import { executables } from "../support/compiled.ts";
import { Fleet, HOST, until } from "../support/fleet.ts";
import { smallDisk, smallDiskMissing } from "../support/small-disk.ts";

setDefaultTimeout(180_000);

const MIN = 60_000;

/** A hook that takes notices. */
function hook() {
  const got: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      got.push(((await request.json()) as { text: string }).text);
      return new Response("");
    },
  });
  onTestFinished(() => server.stop(true));
  return { got, table: `[[notify]]\nname = "ops"\ntype = "webhook"\nurl = "http://127.0.0.1:${server.port}/"\n` };
}

/** Looks as of `nowMs`; the hook answers from this process, so that it is waited for. @returns exit code, and what it said */
async function look(config: string, nowMs: number, ...args: string[]): Promise<{ code: number; stderr: string }> {
  const now = new Date(nowMs).toISOString();
  const child = Bun.spawn([join(executables(), "fleet-health"), "--config", config, "--now", now, ...args], {
    env: { PATH: "" },
    stderr: "pipe",
  });
  const stderr = await new Response(child.stderr).text();
  return { code: await child.exited, stderr };
}

test("an upload whose bytes come is no silence, however long it takes", async () => {
  await using fleet = new Fleet();
  const receiver = await fleet.startReceiver();
  fleet.writeHostConfig(receiver.url);
  fleet.episode("ep1", { "data.bin": "0123456789" });
  expect(fleet.shipOnce().code).toBe(0);
  const path = join(fleet.collectorData, "hosts.json");
  const hosts = () => parseKnownHosts(readFileSync(path, "utf8"))?.hosts;
  await until("the receiver has written down which hosts there are", () => hosts()?.[0]?.token_since != null, receiver);
  const socket = connect(receiver.port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  const digest = Buffer.alloc(32).toString("base64");
  socket.write(
    `PUT /v1/episodes/${HOST}/ep2.tar.zst HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fleet.token}\r\n` +
      `Repr-Digest: sha-256=:${digest}:\r\nContent-Length: 100000000\r\n\r\n${"x".repeat(1_000_000)}`,
  );
  // It looks once a second, and writes what it has seen when it is told to.
  const going = setInterval(() => {
    socket.write("x".repeat(1000));
    receiver.process.kill("SIGHUP");
  }, 1000);
  onTestFinished(() => clearInterval(going));
  await until("it says that bytes came", () => hosts()?.[0]?.moved_at != null, receiver);
  clearInterval(going);
  rmSync(join(fleet.collectorData, "ticks"));
  const state = ["--state-path", join(fleet.directory, "state"), "--silent-threshold-min", "1"];
  const alert = `ALERT host=${HOST} symptom=silent`;
  // By the Python fleet's rule it is an alert all the same.
  expect((await look(fleet.collectorConfig, Date.now() + 2 * MIN, ...state)).stderr).toMatch(
    new RegExp(`INFO: ${alert} .* \\(held: uploading\\)$`, "m"),
  );
  expect((await look(fleet.collectorConfig, Date.now() + 7 * MIN, ...state)).code).toBe(0);
  const history = readFileSync(join(fleet.directory, "state/incidents.jsonl"), "utf8");
  expect(history.split("\n")[0]).toContain('"symptom":"silent","cause":"not known","change":"pending"');
});

test("two machines of one name are told in the next run, with both addresses", async () => {
  await using fleet = new Fleet();
  const receiver = await fleet.startReceiver();
  const sent = Date.now();
  const send = async (boot: string, sequence: number): Promise<number> => {
    const at = new Date(sent).toISOString();
    const beat = {
      ...{ host_id: HOST, sent_at: at, boot_id: `${boot}0000000-0000-4000-8000-000000000000`, sequence, uptime_s: 100 },
      ...{ interval_s: 60, versions: {}, queue: null, plugins: [], results: [], receiver_id: null, answered_by: null },
    };
    const answer = await fetch(`${receiver.url}/v1/heartbeats/${HOST}`, {
      method: "PUT",
      headers: {
        authorization: `Bearer ${fleet.token}`,
        "content-type": "application/json",
        date: new Date().toUTCString(),
      },
      body: JSON.stringify(beat),
    });
    return answer.status;
  };
  let sequence = 0;
  for (const boot of ["a", "b", "a", "b"]) expect(await send(boot, ++sequence)).toBe(200);
  const { got, table } = hook();
  fleet.options.collectorTables = table;
  fleet.writeCollectorConfig();
  const state = ["--state-path", join(fleet.directory, "state")];
  expect((await look(fleet.collectorConfig, Date.now(), ...state)).code).toBe(0);
  expect(got).toEqual([
    expect.stringMatching(
      new RegExp(
        `^FIRING ${HOST}: duplicate-host since .*: two machines send under this name: 127\\.0\\.0\\.1 .* and 127\\.0\\.0\\.1 .*; fix: give one of them a host_id`,
      ),
    ),
  ]);
  expect((await look(fleet.collectorConfig, Date.now() + 61 * MIN, ...state)).code).toBe(0);
  expect(got[1]).toStartWith(`RECOVERED ${HOST}: duplicate-host after 1h 1min`);
});

test.skipIf(smallDiskMissing !== null)(
  "on a full disk it tells, keeps what it told, and after a lost state tells its end",
  async () => {
    using disk = smallDisk(8);
    const data = join(disk.path, "data");
    const config = join(disk.path, "collector.toml");
    mkdirSync(join(data, "attempts"), { recursive: true });
    const index = join(data, "index.jsonl");
    const noon = Date.UTC(2026, 4, 1, 12);
    const row = (ms: number) => `${JSON.stringify({ host_id: HOST, received_at_wall: new Date(ms).toISOString() })}\n`;
    writeFileSync(index, row(noon));
    const { got, table } = hook();
    writeFileSync(config, `[paths]\ndata_root = "${data}"\n${table}`);
    const at = (minutes: number) => look(config, noon + minutes * MIN, "--state-path", join(data, "fleet-health"));
    for (const minutes of [31, 36]) expect(await at(minutes)).toMatchObject({ code: 0 });
    const filler = join(disk.path, "filler");
    expect(() => writeFileSync(filler, Buffer.alloc(16 * 1024 ** 2))).toThrow("ENOSPC");
    const { code, stderr } = await at(41);
    expect(got).toEqual([expect.stringMatching(new RegExp(`^FIRING ${HOST}: silent `))]);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("ERROR")]);
    expect(await at(46)).toMatchObject({ code: 0 });
    expect(got).toHaveLength(1);
    rmSync(filler);
    // Not as a run leaves it.
    writeFileSync(join(data, "fleet-health/state.json"), "{");
    writeFileSync(index, row(noon) + row(noon + 50 * MIN));
    expect((await at(51)).stderr).toContain("what was told, and has not ended, is taken from incidents.jsonl");
    await at(56);
    expect(got[1]).toMatch(new RegExp(`^RECOVERED ${HOST}: silent after 56min`));
  },
);
