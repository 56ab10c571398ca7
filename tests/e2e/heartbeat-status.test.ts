// The compiled agent tells how it stands, and why it does not get through: a wrong token, a certificate of another host, a
// receiver that refuses for good, a user who may not look.

import { expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeAuthority } from "../support/certificates.ts";
import { executables } from "../support/compiled.ts";
import { Fleet, HOST, until } from "../support/fleet.ts";
import { HeartbeatHost } from "../support/heartbeat-host.ts";

setDefaultTimeout(180_000);

const CHECKS = `[nagios_runner]
commands = [
  { name = "fire", command = ["/bin/sh", "-c", "echo 'CRITICAL - on fire'; exit 2"] },
  { name = "fine", command = "/bin/echo OK" },
]
`;

test("status: before the first start, while all is well, after a kill", async () => {
  await using fleet = new Fleet();
  const receiver = await fleet.startReceiver();
  const host = new HeartbeatHost(fleet, { url: receiver.url, heartbeat: CHECKS });
  expect(host.run("status")).toEqual({
    code: 0,
    stdout: `host       ${HOST} -> ${receiver.url}\nheartbeat  not running; fix: sudo systemctl start labfleet-heartbeat\nwaiting    none\nlast end   none is known\n`,
    stderr: "",
  });
  const agent = host.start();
  await until("a heartbeat has arrived", () => host.live()?.arrived != null, agent);
  const { stdout } = host.run("status");
  expect(stdout).toMatch(new RegExp(`^heartbeat  running \\(pid ${agent.process.pid}\\) for \\d+s$`, "m"));
  expect(stdout).toMatch(/^collected {2}\d+s ago, every 1s: critical: \d+ of \d+ not ok$/m);
  expect(stdout).toMatch(/^ {11}CRITICAL {2}fire +CRITICAL - on fire$/m);
  expect(stdout).toMatch(/^arrived {4}the newest \d+s ago$/m);
  expect(stdout).toMatch(/^waiting {4}none$/m);
  expect(host.status()).toMatchObject({ running: true, pid: agent.process.pid, waiting: 0, last_end: null });
  agent.process.kill("SIGKILL");
  await agent.ended();
  expect(host.status()).toMatchObject({ running: false, pid: null, live: null });
  expect(host.run("status").stdout).toMatch(/^last end {3}the last run was killed or crashed/m);
});

const USER_MISSING =
  process.getuid?.() !== 0 || Bun.which("setpriv") === null ? " (skipped: needs root and setpriv)" : "";
test.skipIf(USER_MISSING !== "")(`status: anybody may ask; what they may not see is said${USER_MISSING}`, async () => {
  await using fleet = new Fleet();
  const host = new HeartbeatHost(fleet, { url: "http://127.0.0.1:1" });
  for (const path of [fleet.directory, host.config]) chmodSync(path, 0o755);
  const agent = host.start();
  await until("the agent has tried", () => host.live()?.failing != null, agent);
  chmodSync(host.stateDir, 0o755); // as the unit makes it
  const asNobody = () => {
    const command = [join(executables(), "heartbeat"), "status", "--config", host.config];
    const user = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const done = Bun.spawnSync([...user, ...command], { env: { PATH: "" }, cwd: "/" });
    return { code: done.exitCode, stdout: done.stdout.toString(), stderr: done.stderr.toString() };
  };
  const running = asNobody();
  expect({ code: running.code, stderr: running.stderr }).toEqual({ code: 0, stderr: "" });
  expect(running.stdout).toMatch(
    /^not sent {3}(?:\d+ tries in a row: )?nobody listens at 127\.0\.0\.1:\d+; fix: start the receiver there/m,
  );
  expect(running.stdout).toMatch(/^waiting {4}\d+ heartbeats?$/m);
  // As with the unit's umask.
  chmodSync(host.runDir, 0o700);
  expect(asNobody().stdout).toContain(
    `running (pid ${agent.process.pid}); what it does cannot be read (${host.runDir}/status.json: EACCES)`,
  );
  agent.process.kill("SIGTERM");
  expect(await agent.ended()).toBe(0);
  expect(asNobody().stdout).toContain(`waiting    not to be seen: ${host.stateDir}/spool may not be read`);
  expect(host.status().waiting).toBeGreaterThan(0);
});

/** A receiver's mark, without which nothing is refused for good. */
const MARK = { type: "urn:labfleet:problem:malformed", title: "", status: 422, receiver_id: "0".repeat(32) };

test("refused for good: said once, counted, shown, and over when one is taken", async () => {
  let reason: string | null = "malformed";
  let asked = 0;
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch() {
      asked++;
      return reason === null
        ? Response.json({ status: "stored" })
        : new Response(JSON.stringify({ ...MARK, reason, detail: `results[${asked}].ttl_s must be a number` }), {
            status: 422,
            headers: { "Content-Type": "application/problem+json" },
          });
    },
  });
  await using fleet = new Fleet();
  const host = new HeartbeatHost(fleet, { url: `http://127.0.0.1:${server.port}` });
  const agent = host.start();
  await until("three are refused", () => (host.live()?.refused?.count ?? 0) >= 3, agent);
  const errors = (): string[] =>
    agent
      .log()
      .split("\n")
      .filter((line) => line.includes("refuses heartbeats for good"));
  expect(errors()).toHaveLength(1);
  expect(errors()[0]).toContain(
    'ERROR: the receiver refuses heartbeats for good: the receiver answers 422 (malformed): "results[1].ttl_s',
  );
  expect(host.run("status").stdout).toMatch(
    /^arrived {4}none since it started$[\s\S]*^refused {4}\d+ heartbeats for good, the newest: the receiver answers 422 \(malformed\): "results\[\d+\]\.ttl_s must be a number"; fix: update the older of the two/m,
  );
  // Those that came while this process looked at the status, and could not answer, have had their turn.
  await until("what is refused is not kept", () => host.spool().length === 0, agent);
  reason = null;
  await until("one is taken", () => host.live()?.refused?.lasts === false, agent);
  expect(agent.log()).toContain("the receiver takes heartbeats again refused=");
  expect(errors()).toHaveLength(1);
  expect(host.run("status").stdout).toMatch(/^refused .*; heartbeats are taken again$/m);
});

test("a wrong token is said; the right one goes through without a restart, from its file or after a reload", async () => {
  await using fleet = new Fleet();
  const receiver = await fleet.startReceiver();
  const token = join(fleet.directory, "token");
  writeFileSync(token, "lf_wrong\n");
  const host = new HeartbeatHost(fleet, { url: receiver.url, receiver: `bearer_token_file = "${token}"` });
  const agent = host.start();
  await until("it is refused", () => (host.live()?.failing?.why ?? "").includes("answers 401"), agent);
  expect(host.run("status").stdout).toMatch(
    /^not sent {3}(?:\d+ tries in a row: )?the receiver answers 401 \(unauthorized\): .*; fix: make one, .*on the collector: sudo receiver token add lab1; then /m,
  );
  writeFileSync(token, `${fleet.token}\n`);
  await until("all have arrived", () => host.live()?.arrived != null && host.live()?.waiting === 0, agent);
  expect(agent.log()).toContain("heartbeats arrive again");
  expect(host.status().live?.failing).toBeNull();

  host.configure({ url: receiver.url, receiver: 'bearer_token = "lf_other"' });
  agent.process.kill("SIGHUP");
  await until("it is refused again", () => host.live()?.failing != null, agent);
  host.configure({ url: receiver.url });
  agent.process.kill("SIGHUP");
  await until("all have arrived", () => host.live()?.failing === null && host.live()?.waiting === 0, agent);
  // None was lost meanwhile.
  agent.process.kill("SIGTERM");
  expect(await agent.ended()).toBe(0);
  const sequences = host.rows().map(({ sequence }) => sequence);
  const upTo = host.latest()?.sequence ?? 0;
  const waiting = new Set(host.spool().map((name) => Number(name.slice(0, 12))));
  for (let n = 1; n <= upTo; n++) expect([n, sequences.includes(n) || waiting.has(n)]).toEqual([n, true]);
});

test("over TLS: the host's own certificate is let in, another host's is not, and that is said", async () => {
  await using fleet = new Fleet();
  const ca = makeAuthority(join(fleet.directory, "ca"));
  const server = ca.issue("collector", { san: "IP:127.0.0.1" });
  const [mine, other] = [ca.issue(HOST), ca.issue("lab2")];
  Object.assign(fleet.options, {
    collectorTables: `[tls]\ncertificate = "${server.certFile}"\nkey = "${server.keyFile}"\nclient_ca = "${ca.certFile}"`,
  });
  fleet.writeCollectorConfig();
  const receiver = await fleet.startReceiver();
  const url = `https://127.0.0.1:${receiver.port}`;
  const receiverTable = (pair: { certFile: string; keyFile: string } | null, bundle = ca.certFile): string =>
    [
      `ca_bundle = "${bundle}"`,
      ...(pair === null ? [] : [`client_cert = "${pair.certFile}"`, `client_key = "${pair.keyFile}"`]),
      `bearer_token = "${fleet.token}"`,
    ].join("\n");
  const host = new HeartbeatHost(fleet, { url, receiver: receiverTable(other) });
  const agent = host.start();
  const why = (): string => host.live()?.failing?.why ?? "";
  await until("it is refused", () => why().includes("answers 403"), agent);
  expect(why()).toStartWith(
    'the receiver answers 403 (wrong-host): "the client certificate does not name lab1"; fix: ',
  );
  expect(why()).toEndWith(`openssl x509 -in ${other.certFile} -noout -subject -ext subjectAltName`);
  expect(host.rows()).toEqual([]);

  const turnTo = (table: string): void => {
    host.configure({ url, receiver: table });
    agent.process.kill("SIGHUP");
  };
  turnTo(receiverTable(null));
  // No certificate at all: the handshake fails, which a client of TLS 1.3 learns late.
  await until("that is something else", () => why().startsWith("the receiver asks for a client certificate"), agent);
  const stranger = makeAuthority(join(fleet.directory, "stranger"));
  turnTo(receiverTable(mine, stranger.certFile));
  await until(
    "the receiver is not believed",
    () => why().startsWith("the receiver's certificate was issued by “test CA”: "),
    agent,
  );

  turnTo(receiverTable(mine));
  await until("all have arrived", () => host.live()?.failing === null && host.live()?.waiting === 0, agent);
  // How many there were by then is the machine's speed.
  await until("three have arrived", () => host.rows().length > 2, agent);
  // Read once: the next one comes within a second.
  const numbers = host.rows().map(({ sequence }) => sequence);
  expect(new Set(numbers).size).toBe(numbers.length);

  // A renewed certificate that is no more: said with its name, and over when it is back.
  const renewed = join(fleet.directory, "renewed.crt");
  turnTo(receiverTable({ ...mine, certFile: renewed }));
  await until("it is missed", () => why().startsWith(`receiver.client_cert ${renewed} is not there; fix: `), agent);
  writeFileSync(renewed, mine.cert);
  await until("all have arrived", () => host.live()?.failing === null && host.live()?.waiting === 0, agent);
  rmSync(renewed);
});

test("an answer without end, and a token behind a pipe: said within the time-out, over when mended, no stop is held up", async () => {
  await using fleet = new Fleet();
  const receiver = await fleet.startReceiver();
  const encoder = new TextEncoder();
  using portal = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: () =>
      new Response(
        new ReadableStream({
          async pull(controller) {
            await Bun.sleep(100);
            controller.enqueue(encoder.encode("<p>sign in</p>"));
          },
        }),
      ),
  });
  const url = `http://127.0.0.1:${portal.port}`;
  const host = new HeartbeatHost(fleet, { url, heartbeat: "request_timeout_s = 1" });
  const agent = host.start();
  const why = (): string => host.live()?.failing?.why ?? "";
  await until("the answer is given up", () => why().includes("was not complete"), agent);
  const line =
    /^not sent {3}(?:\d+ tries in a row: )?127\.0\.0\.1:\d+ was given up: its answer, status 200, was not complete after \d+ s; fix: /m;
  // On a busy machine a try between the two may have met no answer at all.
  await until("status says it", async () => line.test(await host.printed("status")), agent);

  const token = join(fleet.directory, "token");
  expect(Bun.spawnSync(["mkfifo", token]).exitCode).toBe(0);
  const withToken = `bearer_token_file = "${token}"`;
  host.configure({ url: receiver.url, receiver: withToken, heartbeat: "request_timeout_s = 1" });
  agent.process.kill("SIGHUP");
  await until(
    "the pipe is named",
    () => why().startsWith(`receiver.bearer_token_file ${token} is no regular file; fix: `),
    agent,
  );
  rmSync(token);
  writeFileSync(token, fleet.token);
  await until("all have arrived", () => host.live()?.failing === null && host.live()?.waiting === 0, agent);

  // A reload ends what is under way to another receiver, however long that might take.
  host.configure({ url, receiver: withToken, heartbeat: "request_timeout_s = 600" });
  agent.process.kill("SIGHUP");
  await until("some wait behind the one that is under way", () => (host.live()?.waiting ?? 0) >= 2, agent);
  expect(host.status().live?.failing).toBeNull();
  host.configure({ url: receiver.url, receiver: withToken, heartbeat: "request_timeout_s = 600" });
  agent.process.kill("SIGHUP");
  await until("all have arrived", () => host.live()?.failing === null && host.live()?.waiting === 0, agent);

  host.configure({ url, receiver: withToken, heartbeat: "request_timeout_s = 600" });
  agent.process.kill("SIGHUP");
  await until("one is under way", () => (host.live()?.waiting ?? 0) >= 2, agent);
  agent.process.kill("SIGTERM");
  expect(await agent.ended()).toBe(0);
  const sequences = host.rows().map(({ sequence }) => sequence);
  const waiting = new Set(host.spool().map((name) => Number(name.slice(0, 12))));
  for (let n = 1; n <= Math.max(...waiting); n++)
    expect([n, sequences.includes(n) || waiting.has(n)]).toEqual([n, true]);
});
