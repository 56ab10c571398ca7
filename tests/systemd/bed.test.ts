// Proves the test bed itself: that its hosts behave as systemd machines do, and that nothing of them stays behind.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { bootHost, type Host, labDirectory, onLabNet, systemdBedMissing } from "./bed.ts";

const missing = systemdBedMissing();
const bedTest = test.skipIf(missing !== null);
const title = (name: string) => (missing === null ? name : `${name} (skipped: the systemd bed ${missing})`);

setDefaultTimeout(180_000);

const service = (lines: string[]) => ["[Service]", ...lines, ""].join("\n");

describe("a host", () => {
  let host: Host;

  beforeAll(async () => {
    if (missing === null) host = await bootHost("lab1", { bind: [`${import.meta.dir}:/srv/bed`] });
  });
  afterAll(async () => {
    await host?.[Symbol.asyncDispose]();
  });

  async function install(unit: string, lines: string[]): Promise<void> {
    await host.write(`/etc/systemd/system/${unit}`, service(lines));
    await host.run(["systemctl", "daemon-reload"]);
  }

  bedTest(title("is running, with no failed unit"), async () => {
    expect((await host.run(["systemctl", "is-system-running"])).trim()).toBe("running");
    expect(await host.run(["systemctl", "--failed", "--no-legend"])).toBe("");
    expect((await host.run(["hostname"])).trim()).toBe("lab1");
  });

  bedTest(title("passes stdin, output and exit codes through, and ends a command that takes too long"), async () => {
    const result = await host.exec(["sh", "-c", "cat; echo oops >&2; exit 7"], { stdin: "hello" });
    expect(result).toEqual({ code: 7, stdout: "hello", stderr: "oops\n" });
    const endless = host.exec(["sleep", "4711"], { timeoutMs: 200 });
    await expect(endless).rejects.toThrow("no end after 200 ms: exec lab1 sleep 4711");
    await host.waitFor("the sleep is gone", async () => (await host.exec(["pgrep", "-f", "sleep 4711"])).code === 1);
    await expect(host.run(["false"])).rejects.toThrow('"false" exited with 1');
  });

  bedTest(title("takes files in, with their modes"), async () => {
    const own = import.meta.path;
    await host.write("/opt/deep/down/script", "#!/bin/sh\necho ran\n", 0o750);
    expect(await host.run(["/opt/deep/down/script"])).toBe("ran\n");
    await host.copyIn(own, "/opt/copy");
    expect(await host.run(["cat", "/opt/copy"])).toBe(readFileSync(own, "utf8"));
    expect(await host.run(["stat", "-c", "%a", "/opt/copy", "/opt/deep/down/script"])).toBe("644\n750\n");
    expect(await host.run(["cat", "/srv/bed/bed.test.ts"])).toBe(readFileSync(own, "utf8"));
    expect((await host.exec(["touch", "/srv/bed/new"])).stderr).toContain("Read-only file system");
  });

  bedTest(title("a Type=notify unit is active only once it says so"), async () => {
    const script = "until [ -e /run/go ]; do sleep 0.02; done; systemd-notify --ready --status=serving; sleep infinity";
    await install("ready.service", ["Type=notify", "NotifyAccess=all", `ExecStart=/bin/sh -c '${script}'`]);
    await host.run(["systemctl", "start", "--no-block", "ready"]);
    await host.waitFor("its process runs", async () => (await host.show("ready", "MainPID")) !== "0");
    expect(await host.show("ready", "ActiveState")).toBe("activating");
    await host.write("/run/go", "");
    await host.waitFor("it is active", async () => (await host.show("ready", "ActiveState")) === "active");
    expect(await host.show("ready", "StatusText")).toBe("serving");
  });

  bedTest(title("a unit that stops petting its watchdog is killed and restarted"), async () => {
    const script = "systemd-notify --ready; while systemd-notify WATCHDOG=1; do sleep 0.2; done";
    const settings = ["Type=notify", "NotifyAccess=all", "WatchdogSec=2", "Restart=always", "RestartSec=0"];
    await install("dog.service", [...settings, `ExecStart=/bin/sh -c '${script}'`]);
    await host.run(["systemctl", "start", "dog"]);
    const first = await host.show("dog", "MainPID");
    await host.run(["systemctl", "kill", "--signal=STOP", "dog"]);
    await host.waitFor("it was restarted", async () => (await host.show("dog", "NRestarts")) === "1");
    await host.waitFor("it is active again", async () => (await host.show("dog", "ActiveState")) === "active");
    expect(await host.journal("dog")).toContain("Watchdog timeout (limit 2s)!");
    expect(await host.show("dog", "MainPID")).not.toBe(first);
  });

  bedTest(title("a unit that ignores SIGTERM is stopped after TimeoutStopSec"), async () => {
    const script = 'trap "" TERM; systemd-notify --ready; while :; do sleep 0.1; done';
    const settings = ["Type=notify", "NotifyAccess=all", "TimeoutStopSec=1"];
    await install("stubborn.service", [...settings, `ExecStart=/bin/sh -c '${script}'`]);
    await host.run(["systemctl", "start", "stubborn"]);
    await host.run(["systemctl", "stop", "stubborn"]);
    expect(await host.show("stubborn", "Result")).toBe("timeout");
    expect(await host.journal("stubborn")).toContain("State 'stop-sigterm' timed out. Killing.");
  });

  bedTest(title("what goes to /dev/log is in the journal"), async () => {
    await host.run(["logger", "--tag", "bedtest", "--priority", "daemon.warning", "over the socket"]);
    const read = () => host.run(["journalctl", "--identifier=bedtest", "--output=json"]);
    await host.waitFor("the journal has it", async () => (await read()) !== "");
    const entry: unknown = JSON.parse(await read());
    expect(entry).toMatchObject({ MESSAGE: "over the socket", PRIORITY: "4", _TRANSPORT: "syslog" });
  });

  bedTest(title("a condition that never holds fails with its description and the journal"), async () => {
    await host.run(["logger", "the last words"]);
    const never = host.waitFor("pigs fly", () => Promise.resolve(false), 100);
    await expect(never).rejects.toThrow(/^lab1: not within 100 ms: pigs fly.*the last words/s);
    const throwing = host.waitFor("it answers", () => Promise.reject(new Error("connection refused")), 100);
    await expect(throwing).rejects.toThrow("it answers Error: connection refused");
  });

  bedTest(title("hosts and the test runner reach each other by name"), async () => {
    await using other = await bootHost("lab2");
    await host.write("/etc/systemd/system/echo.socket", "[Socket]\nListenStream=7777\nAccept=yes\n");
    await install("echo@.service", ["StandardInput=socket", "ExecStart=/bin/cat"]);
    await host.run(["systemctl", "start", "echo.socket"]);
    const client = (to: string) => ["bash", "-c", `exec 3<>/dev/tcp/${to} && echo hello >&3 && head -n 1 <&3`];
    expect(await other.run(client("lab1/7777"))).toBe("hello\n");
    expect(Bun.spawnSync(onLabNet(client("lab1/7777"))).stdout.toString()).toBe("hello\n");
    const code = `Bun.listen({ hostname: "0.0.0.0", port: 7778, socket: { data: (socket, data) => socket.end(data) } });
      console.log("listening");`;
    const server = Bun.spawn(onLabNet([process.execPath, "-e", code]), { stdout: "pipe" });
    try {
      await server.stdout.getReader().read();
      expect(await other.run(client("runner/7778"))).toBe("hello\n");
    } finally {
      server.kill();
    }
  });

  for (const force of [true, false]) {
    bedTest(title(`keeps its disk over a ${force ? "power failure" : "reboot"}`), async () => {
      const bootId = () => host.run(["cat", "/proc/sys/kernel/random/boot_id"]);
      const boots = async () => (await host.run(["journalctl", "--list-boots", "--quiet"])).trim().split("\n").length;
      await host.write("/var/lib/kept", "still here");
      await host.write("/usr/local/bin/kept", "#!/bin/sh\n", 0o755);
      await host.write("/run/lost", "");
      const [id, count] = [await bootId(), await boots()];
      await host.reboot({ force });
      expect(await host.run(["cat", "/var/lib/kept"])).toBe("still here");
      expect((await host.exec(["kept"])).code).toBe(0);
      expect((await host.exec(["test", "-e", "/run/lost"])).code).toBe(1);
      expect(await bootId()).not.toBe(id);
      expect(await boots()).toBe(count + 1);
    });
  }
});

describe("afterwards", () => {
  // Everything on this machine that belongs to a lab directory, a host, or one of the network namespaces.
  function traces(dir: string, name: string, namespaces: string[]): string[] {
    const found = existsSync(dir) ? ["directory"] : [];
    if (readFileSync("/proc/self/mountinfo", "utf8").includes(dir)) found.push("mount");
    const cgroups = Bun.spawnSync(["find", "/sys/fs/cgroup", "-maxdepth", "3", "-name", `labfleet-*-${name}`]);
    if (cgroups.stdout.length > 0) found.push("cgroup");
    for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry) && entry !== String(process.pid))) {
      try {
        if (namespaces.includes(readlinkSync(`/proc/${pid}/ns/net`))) found.push("namespace");
        if (readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(dir)) found.push("process");
      } catch {
        // it ended meanwhile
      }
    }
    return [...new Set(found)].sort();
  }
  const everything = ["cgroup", "directory", "namespace", "process"];
  const namespace = ["readlink", "/proc/self/ns/net"];

  bedTest(title("nothing is left of a host that was disposed of"), async () => {
    const name = `gone-${process.pid.toString(36)}`;
    const host = await bootHost(name);
    const dir = labDirectory() ?? "";
    const inside = (await host.run(namespace)).trim();
    const outside = Bun.spawnSync(onLabNet(namespace)).stdout.toString().trim();
    expect(traces(dir, name, [inside])).toEqual(everything);
    expect(traces(dir, name, [outside])).toEqual(everything);
    // What cannot be removed just like that must not hold up the rest.
    await host.run(["sh", "-ec", "mkdir /var/lib/fixed; touch /var/lib/fixed/file; chattr +i /var/lib/fixed/file"]);
    await host[Symbol.asyncDispose]();
    expect(traces(dir, name, [inside, outside])).toEqual([]);
    expect(labDirectory()).toBeNull();
  });

  bedTest(title("nothing is left of a host whose test process was killed"), async () => {
    const name = `killed-${process.pid.toString(36)}`;
    const code = `import { bootHost, labDirectory } from ${JSON.stringify(join(import.meta.dir, "bed.ts"))};
      const host = await bootHost("${name}");
      console.log(labDirectory(), await host.run(${JSON.stringify(namespace)}));
      await new Promise((done) => setTimeout(done, 1e9));`;
    const victim = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", stderr: "inherit" });
    const { value } = await victim.stdout.getReader().read();
    const [dir = "", inside = ""] = new TextDecoder().decode(value).trim().split(" ");
    expect(traces(dir, name, [inside])).toEqual(everything);
    victim.kill("SIGKILL");
    // Traces that stay are told by the test's own time limit.
    while (traces(dir, name, [inside]).length > 0) await Bun.sleep(50);
  });
});
