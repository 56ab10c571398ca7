// The installer on two bare machines with a real systemd: from a release as it is made to an episode that has arrived, and away again.

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseRelease, piecePath } from "../../lib/contract/release.ts";
import { parseSecretKey, signFile } from "../../scripts/release/secret-key.ts";
import { type MadeRelease, madeRelease } from "../support/made-release.ts";
import { BUNDLE, bare, installer, sh } from "./bare-host.ts";
import type { ExecResult, Host } from "./bed.ts";
import { bedTest, missing } from "./installed-host.ts";

// A release is built, and a third of a gigabyte put on each machine.
setDefaultTimeout(400_000);

let release: MadeRelease;
let hub: Host;
let lab: Host;

const OTHER = "/srv/release/other";

beforeAll(async () => {
  if (missing !== null) return;
  release = madeRelease();
  // The same executables, as a release after it.
  const list = parseRelease(readFileSync(join(release.place, "release.json"), "utf8"));
  const other = join(release.root, "other");
  Bun.spawnSync(["cp", "-r", release.place, other]);
  const text = `${JSON.stringify({ ...list, serial: 8 }, null, 1)}\n`;
  writeFileSync(join(other, "release.json"), text);
  const key = parseSecretKey(readFileSync(release.key, "utf8"), release.key, null);
  writeFileSync(join(other, "release.json.minisig"), signFile(key, Buffer.from(text), "labfleet 0.1.0 serial 8"));
  const bytes = readFileSync(release.bundle);
  const tail = list?.executables.find(({ tool }) => tool === "installer")?.tail ?? "";
  const at = bytes.indexOf(piecePath(tail)) + 512 + 1000;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(join(release.root, "bad.tar"), bytes);
  [hub, lab] = await Promise.all([bare("hub", release), bare("lab1", release)]);
});

afterAll(async () => {
  if (missing !== null) return;
  await Promise.all([hub[Symbol.asyncDispose](), lab[Symbol.asyncDispose]()]);
});

/** Every file, directory and link below these, with its rights and inode, and what it holds. */
const PLACES = "/opt /etc/labfleet /etc/systemd/system /usr/local/bin /var/lib/labfleet /etc/passwd /etc/group";
const tree = (host: Host, how: string): Promise<string> =>
  sh(host, `find ${PLACES} -xdev ${how} 2>/dev/null | sort || true`);
const names = (host: Host): Promise<string> => tree(host, "-printf '%p %M %u %g %l\\n'");

const HOST = ["--role", "lab-host", "--host", "lab1", "--url", "https://hub:8443"];
const GIVEN = ["--token-file", "/root/token", "--ca-bundle", "/root/ca.crt", "--recorder", "alice"];

bedTest("1. a plan changes nothing, and what is missing is said in a sentence", async () => {
  const before = await names(hub);
  const none = await installer(hub, ["apply", "--bundle", BUNDLE]);
  expect([none.code, none.stderr]).toEqual([
    2,
    "installer: say what this machine is to be\ninstaller: fix: --role lab-host, or --role collector\n",
  ]);
  const collector = ["--bundle", BUNDLE, "--role", "collector", "--name", "hub"];
  const plan = await installer(hub, ["plan", ...collector]);
  expect([plan.code, plan.stderr]).toEqual([0, ""]);
  for (const line of [
    "ok       it runs as root",
    "ok       /dev/log takes a line, and the journal has it",
    "ok       0.0.0.0:8443 is free",
    "switch     to /opt/labfleet/releases/0.1.0",
  ])
    expect(plan.stdout).toContain(line);
  expect(plan.stdout).not.toContain("PRIVATE KEY");
  const unasked = await installer(hub, collector);
  expect([unasked.code, unasked.stderr]).toEqual([
    2,
    "installer: nobody can be asked here\ninstaller: fix: apply does the same without a question\n",
  ]);
  expect((await names(hub)).replace(/^\/opt\/labfleet .*\n/m, "")).toBe(before);
});

bedTest("2. a collector is installed by the script of its release, from one file", async () => {
  const script = "/srv/release/checkout/dist/release/0.1.0/install.sh";
  const answers = ["--role", "collector", "--name", "hub"];
  const run = (bundle: string, ...more: string[]): Promise<ExecResult> =>
    hub.exec(["sh", script, "--bundle", bundle, ...answers, ...more], { timeoutMs: 120_000 });
  const dry = await run(BUNDLE, "--dry-run");
  expect([dry.code, dry.stderr]).toEqual([
    ...[
      0,
      expect.stringMatching(
        /^install.sh: the installer for linux-\S+ would be put together in \/opt\/labfleet, and be told: --role/,
      ),
    ],
  ]);
  // One byte of a piece of the installer, and a place where nothing can be run.
  await sh(hub, "rm -rf /opt/labfleet");
  const bad = await run("/srv/release/bad.tar");
  expect([bad.code, bad.stderr.split("\n").at(-2)]).toEqual([
    3,
    expect.stringMatching(/^install.sh: fix: take (it anew, and this script with it|both from one release)$/),
  ]);
  await sh(hub, "mount -t tmpfs -o noexec tmpfs /opt");
  const stuck = await run(BUNDLE);
  expect([stuck.code, stuck.stderr.split("\n").slice(-3)]).toEqual([
    ...[3, ["install.sh: nothing can be run in /opt/labfleet", "install.sh: fix: mount it without noexec", ""]],
  ]);
  await sh(hub, "umount /opt");
  const done = await run(BUNDLE);
  expect([done.code, done.stderr]).toEqual([0, ""]);
  expect(done.stdout.trimEnd().split("\n").slice(-3)).toEqual([
    expect.stringMatching(/^labfleet-receiver.service: active, 0 uploads, 0 episodes stored/),
    "labfleet-fleet-health.timer: active",
    `next, for its hosts: sudo receiver release add ${BUNDLE}; sudo receiver enrol`,
  ]);
  expect(await sh(hub, "ls -A /opt/labfleet")).toBe("current\ninstalled.json\nreleases\n");
  expect(await sh(hub, "installer status")).toStartWith(
    "role       collector\nrelease    0.1.0\nunits      labfleet-receiver.service: active",
  );
});

let bareLab = "";

bedTest("3. a lab host ships its first episode", async () => {
  await sh(lab, "mkdir -p /root; useradd --no-create-home alice");
  bareLab = await names(lab);
  await lab.write("/root/token", await sh(hub, "receiver token add lab1"));
  await lab.write("/root/ca.crt", await sh(hub, "cat /etc/labfleet/tls/ca.crt"));
  // From the collector alone, by the line of the documents.
  expect(await sh(hub, "receiver release list")).toBe("no release is here\n");
  const early = await lab.exec(["sh", "-c", "curl -fsSk https://hub:8443/install.sh"]);
  expect([early.code, early.stdout]).toEqual([22, ""]);
  expect(await sh(hub, `receiver release add ${BUNDLE}`)).toMatch(
    /^0.1.0-7 is served \(signed by [0-9A-F]{16}, expires /,
  );
  // Of whoever sends without an end no more is taken than a release has, and nothing of it stays.
  const endless = `mkdir /root/bin; printf '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\nexec cat /dev/zero >"$2"\n' >/root/bin/curl
    chmod +x /root/bin/curl; curl -fsSk https://hub:8443/install.sh | sed s/^MAX_BLOCKS=.*/MAX_BLOCKS=400/ >/root/install.sh
    PATH=/root/bin:$PATH exec sh /root/install.sh --url https://hub:8443`;
  const flood = await lab.exec(["sh", "-c", endless], { timeoutMs: 60_000 });
  expect([flood.code, flood.stderr]).toEqual([
    3,
    expect.stringContaining("install.sh: https://hub:8443 does not give the installer of this release\n"),
  ]);
  const line = `curl -fsSk https://hub:8443/install.sh | sh -s -- ${[...HOST, ...GIVEN].join(" ")}`;
  // A token that the collector does not take, and none at all.
  for (const [given, why] of [
    ["--token-file /root/wrong --ca-bundle /root/ca.crt", ""],
    ["--ca-bundle /root/ca.crt", "; this host has no token"],
  ]) {
    await lab.write("/root/wrong", "lf_wrong\n");
    const red = await lab.exec(["sh", "-c", line.replace(GIVEN.join(" "), given ?? "")], { timeoutMs: 60_000 });
    expect([red.code, red.stderr]).toEqual([
      3,
      "nothing is changed: 1 thing above is red (--force goes on all the same)\n",
    ]);
    expect(red.stdout).toMatch(
      /^fail {5}the receiver answers 401 \(unauthorized\): .*; fix: .*receiver token add lab1/m,
    );
    expect(red.stdout.includes("; this host has no token;")).toBe(why !== "");
  }
  await sh(lab, "rm -r /root/bin /root/install.sh /root/wrong");
  expect(await names(lab)).toBe(bareLab);
  // What cannot be done is taken back, whole; but for what was written meanwhile, and whoever it belongs to.
  const dropIn = "/run/systemd/system/labfleet-shipper.service.d";
  const failing = async (text: string): Promise<string> => {
    await sh(lab, `mkdir -p ${dropIn}`);
    await lab.write(`${dropIn}/x.conf`, `[Service]\nExecStartPre=/bin/false\n${text}`);
    const { code, stderr } = await lab.exec(["sh", "-c", line], { timeoutMs: 120_000 });
    await sh(lab, `rm -r ${dropIn}; systemctl daemon-reload`);
    return `${code} ${/^what was changed.*$/m.exec(stderr)?.[0]}${/\nto take the rest.*$/m.exec(stderr)?.[0] ?? ""}`;
  };
  expect(await failing("ExecStopPost=\n")).toBe("3 what was changed has been taken back");
  expect(await names(lab)).toBe(bareLab);
  // Why it ended is written by what runs after it.
  expect(await failing("")).toBe(
    "3 what was changed has been taken back; not so: /var/lib/labfleet/data holds something by now; not so: /var/lib/labfleet holds something by now; not so: the user labfleet stays: something may be theirs; not so: the group labfleet-record stays: something may be theirs\nto take the rest away, too: sudo /opt/labfleet/releases/0.1.0/bin/installer uninstall --purge",
  );
  await sh(lab, "rm -r /var/lib/labfleet; /opt/labfleet/releases/0.1.0/bin/installer uninstall --purge --yes");
  expect(await names(lab)).toBe(bareLab);
  const done = await lab.exec(["sh", "-c", line], { timeoutMs: 120_000 });
  expect([done.code, done.stderr]).toEqual([0, ""]);
  expect(done.stdout.trimEnd().split("\n").at(-1)).toMatch(
    /^the test episode install-test-\d{8}T\d{6}Z has arrived: stored by [0-9a-f]{32} at 20.*, \d.* B, sha256 [0-9a-f]{64}$/,
  );
  expect(await sh(hub, "ls /var/lib/labfleet/episodes/lab1")).toMatch(/^install-test-\S+\.tar\.zst\n$/);
  expect(done.stdout).not.toContain((await sh(lab, "cat /root/token")).trim());
  expect(
    await sh(lab, "stat -c '%a %U %G' /etc/labfleet/token /etc/labfleet/lab-host.toml /var/lib/labfleet/data/episodes"),
  ).toBe("640 root labfleet\n640 root labfleet\n3770 labfleet labfleet-record\n");
  const grouped = await sh(lab, "id -nG alice");
  expect(grouped.trim().split(" ").sort()).toEqual(["alice", "labfleet-record"]);
  await sh(
    lab,
    `cd /var/lib/labfleet/data/episodes
     runuser -u alice -- sh -ec 'mkdir first; date >first/notes.txt; echo {} >first/meta.json; : >first/.m; mv first/.m first/done.marker'`,
  );
  await lab.waitFor("the first episode is shipped", async () =>
    (await sh(lab, "ls /var/lib/labfleet/data/shipped")).includes("first"),
  );
  expect(await sh(hub, "ls /var/lib/labfleet/episodes/lab1")).toContain("first");
});

bedTest("4. a second time nothing is written, and nothing is started anew", async () => {
  const how = "-type f -not -path '/var/lib/*' -printf '%p %i %T@ %C@\\n'";
  const runs = "systemctl show -p InvocationID --value labfleet-shipper labfleet-heartbeat";
  const before = [await tree(lab, how), await sh(lab, runs)];
  const again = await installer(lab, ["apply"]);
  expect([again.code, again.stdout.trimEnd().split("\n").at(-1)]).toEqual([0, "nothing is to be done"]);
  expect((await installer(lab, ["apply", ...HOST, ...GIVEN])).code).toBe(0);
  expect([await tree(lab, how), await sh(lab, runs)]).toEqual(before);
  const other = await installer(lab, ["apply", "--host", "lab2"]);
  expect([other.code, other.stderr]).toEqual([
    2,
    'installer: --host "lab2" is not what stands in /etc/labfleet/lab-host.toml: "lab1"\ninstaller: fix: leave --host out, or change /etc/labfleet/lab-host.toml\n',
  ]);
});

bedTest("4b. what is missing is said, and put there again", async () => {
  const shipper = "/opt/labfleet/current/bin/shipper";
  expect((await lab.exec(["installer", "status"])).code).toBe(0);
  await sh(
    lab,
    `cp ${shipper} ${shipper}.x; echo x >>${shipper}.x; mv ${shipper}.x ${shipper}; rm /usr/local/bin/heartbeat; systemctl stop labfleet-heartbeat`,
  );
  const status = await lab.exec(["installer", "status"]);
  expect([status.code, status.stdout.split("\n").slice(-5)]).toEqual([
    1,
    [
      "broken     /opt/labfleet/releases/0.1.0/bin/shipper is not what its release says",
      "           /usr/local/bin/heartbeat is not there",
      "           labfleet-heartbeat.service does not run",
      "fix        sudo installer apply",
      "",
    ],
  ]);
  const mended = await installer(lab, ["apply", "--bundle", BUNDLE]);
  expect([mended.code, mended.stderr]).toEqual([0, ""]);
  expect((await lab.exec(["installer", "status"])).code).toBe(0);
});

bedTest("5. what somebody has edited stays, and what would end in a kill is said before", async () => {
  const unit = "/etc/systemd/system/labfleet-shipper.service";
  await sh(lab, `cp ${unit} /root/unit; echo '# mine' >>${unit}`);
  const edited = await installer(lab, ["apply", "--bundle", OTHER]);
  expect([edited.code, edited.stderr]).toEqual([
    3,
    "nothing is changed: 1 file above is not the installer's to write over\n",
  ]);
  expect(edited.stdout).toContain(`${unit} is left as it is: it was edited since it was written`);
  expect(edited.stdout).toContain("\n-# mine\n");
  expect(await sh(lab, `tail -n 1 ${unit}; readlink /opt/labfleet/current`)).toBe("# mine\nreleases/0.1.0\n");
  await sh(
    lab,
    `cp /root/unit ${unit}; mkdir ${unit}.d; printf '[Service]\\nTimeoutStopSec=5\\n' >${unit}.d/mine.conf`,
  );
  const short = await installer(lab, ["apply", "--bundle", OTHER]);
  expect([short.code, short.stderr]).toEqual([
    3,
    "nothing is changed: 1 thing above is red (--force goes on all the same)\n",
  ]);
  expect(short.stdout).toContain(
    `fail     ${unit}.d/mine.conf leaves a stop of labfleet-shipper.service 5s, and it may need 1min 10s`,
  );
  await sh(lab, `rm -r ${unit}.d`);
  await sh(lab, "mv /dev/log /dev/log.before");
  const deaf = await installer(lab, ["apply", "--bundle", OTHER]);
  expect([deaf.code, deaf.stdout.includes("fail     /dev/log is not there, or leads nowhere")]).toEqual([3, true]);
  await sh(lab, "mv /dev/log.before /dev/log");
});

bedTest("6. a daemon that would not start keeps all as it was", async () => {
  const runs =
    "systemctl show -p InvocationID --value labfleet-shipper labfleet-heartbeat; readlink /opt/labfleet/current";
  const before = await sh(lab, runs);
  await sh(
    lab,
    "cp -p /etc/labfleet/lab-host.toml /root/; echo '[shipper]\ntransfers = \"x\"' >>/etc/labfleet/lab-host.toml",
  );
  const bad = await installer(lab, ["apply", "--bundle", OTHER]);
  expect([bad.code, bad.stderr.split("\n")[0]]).toEqual([3, "what was changed has been taken back"]);
  expect(bad.stderr).toContain("installer: shipper would not start: ");
  expect(await sh(lab, runs)).toBe(before);
  await sh(lab, "cp -p /root/lab-host.toml /etc/labfleet/; rm /root/lab-host.toml");
});

bedTest(
  "7. another release is switched to; killed anywhere on the way it is the old one or the new one, and the next run goes on",
  async () => {
    const points = [
      "installer.claimed",
      "installer.test:2",
      "installer.switch",
      "installer.start:1",
      "installer.start:2",
    ];
    for (const point of points) {
      const killed = await installer(lab, ["apply", "--bundle", OTHER], point);
      expect([point, killed.code]).toEqual([point, 137]);
      expect(await sh(lab, "/opt/labfleet/current/bin/shipper --version")).toStartWith("shipper 0.1.0");
      expect(await sh(lab, "systemctl is-active labfleet-shipper labfleet-heartbeat")).toBe("active\nactive\n");
      expect((await installer(lab, ["apply", "--bundle", BUNDLE, "--force"])).code).toBe(0);
      expect(await sh(lab, "readlink /opt/labfleet/current")).toBe("releases/0.1.0\n");
    }
    const done = await installer(lab, ["apply", "--bundle", OTHER]);
    expect([done.code, done.stderr]).toEqual([0, ""]);
    expect(
      await sh(lab, "readlink /opt/labfleet/current; systemctl is-active labfleet-shipper labfleet-heartbeat"),
    ).toBe("releases/0.1.0.8\nactive\nactive\n");
  },
);

bedTest("an upload that runs while another release is switched to arrives, once", async () => {
  // As slow as a link of the field, for as long as it is looked at.
  await sh(lab, "tc qdisc add dev host0 root tbf rate 40mbit burst 256k latency 400ms");
  await sh(
    lab,
    `cd /var/lib/labfleet/data/episodes; runuser -u labfleet -- sh -ec 'mkdir big; head -c 60M /dev/urandom >big/data
    sha256sum big/data >/dev/null; : >big/done.marker'`,
  );
  await hub.waitFor(
    "bytes of it have come",
    async () => Number.parseInt(await sh(hub, "du -sm /var/lib/labfleet/incoming"), 10) > 2,
  );
  const done = await installer(lab, ["apply", "--bundle", BUNDLE, "--force"]);
  expect([done.code, done.stderr]).toEqual([0, ""]);
  await sh(lab, "tc qdisc del dev host0 root");
  await lab.waitFor("it is shipped", async () => (await sh(lab, "ls /var/lib/labfleet/data/shipped")).includes("big"));
  expect(await sh(hub, 'grep -c \'"episode_id": *"big"\' /var/lib/labfleet/index.jsonl')).toBe("1\n");
  expect((await hub.exec(["receiver", "verify"])).code).toBe(0);
  expect((await installer(lab, ["apply", "--bundle", OTHER])).code).toBe(0);
});

bedTest("8. what is taken away is what was put there: configuration and data stay", async () => {
  const gone = await installer(lab, ["uninstall", "--yes"]);
  expect([gone.code, gone.stderr]).toEqual([0, ""]);
  expect(gone.stdout).toContain("/etc/labfleet/lab-host.toml stays (uninstall --purge takes it, too)");
  expect(
    await sh(lab, "ls /opt/labfleet /usr/local/bin/shipper /etc/systemd/system/labfleet-* 2>/dev/null || true"),
  ).toBe("/opt/labfleet:\ninstalled.json\n");
  expect(await sh(lab, "systemctl list-units --all --no-legend 'labfleet-*'")).toBe("");
  expect(await sh(lab, "ls /var/lib/labfleet/data/shipped")).toContain("first");
  // And back: what was said before is known.
  const back = await installer(lab, ["apply", "--bundle", BUNDLE, "--role", "lab-host"]);
  expect([back.code, back.stderr]).toEqual([0, ""]);
  expect(await sh(lab, "systemctl is-active labfleet-shipper")).toBe("active\n");
});

bedTest(
  "9. killed while it takes things away the next run takes the rest; purged, nothing is left but data",
  async () => {
    for (const point of ["installer.stopped", "installer.file-removed", "installer.removed"])
      expect((await installer(lab, ["uninstall", "--purge", "--yes"], point)).code).toBe(137);
    const kept = await installer(lab, ["uninstall", "--purge", "--yes"]);
    expect([kept.code, kept.stderr]).toEqual([0, ""]);
    expect(kept.stdout).toContain("labfleet and labfleet-record stay: /var/lib/labfleet");
    await sh(lab, "rm -r /var/lib/labfleet");
    const gone = await installer(lab, ["uninstall", "--purge", "--yes"]);
    expect([gone.code, gone.stderr]).toEqual([0, ""]);
    expect(await names(lab)).toBe(bareLab);
  },
);

bedTest(
  "10. a bare machine is enrolled by the line that its collector prints, and a copy of the line gets nothing",
  async () => {
    const of = async (...args: string[]): Promise<string> =>
      (await hub.run(["receiver", "enrol", ...args])).trimEnd().replaceAll("sudo ", "");
    expect(await sh(hub, "stat -c '%a %U %G' /etc/labfleet/tls/ca.key /etc/labfleet/tokens.d")).toBe(
      "600 root root\n2770 root labfleet\n",
    );
    const taken = await hub.exec(["receiver", "enrol", "--host", "lab1"]);
    expect([taken.code, taken.stderr]).toEqual([
      2,
      "receiver: lab1 is a host already\nreceiver: fix: another --host; or, for a machine that takes its place, after which the old one is refused: sudo receiver enrol --host lab1 --replace\n",
    ]);
    const line = await of("--host", "pi7");
    const shell = (text: string, timeoutMs = 120_000): Promise<ExecResult> =>
      lab.exec(["sh", "-c", text], { timeoutMs });
    // Another collector, a script that somebody changed, and a code that was mistyped: nothing is put anywhere.
    const code = /--code ([0-9a-z]+)/.exec(line)?.[1] ?? "";
    const wrong = [
      [
        line.replace(/--ca-sha256 \S{4}/, "--ca-sha256 0000"),
        "installer: https://hub:8443 is not the collector of that line",
      ],
      [line.replace(/echo "\S{4}/, 'echo "0000'), "sha256sum: WARNING: 1 computed checksum did NOT match"],
      [line.replace(code, "0".repeat(20)), "nothing is changed: 1 thing above is red"],
      [line.replace("--host pi7", "--host pi8"), "nothing is changed: 1 thing above is red"],
      [line.replace(code, "x"), 'installer: --code: found "x", expected the 20 characters'],
    ] as const;
    for (const [text, why] of wrong) {
      const { code: status, stderr } = await shell(text);
      expect([status === 0, stderr.includes(why) || stderr]).toEqual([false, true]);
    }
    expect(await names(lab)).toBe(bareLab);
    const place = ["--data-root", "/srv/data"];
    // A kill at the worst place: the collector has been told, and nobody knows what it said.
    const staged = await shell(line.replace(/sh "\$f"/, 'sh "$f" --dry-run'));
    expect(staged.code).toBe(0);
    const args = /sh "\$f" (.*)\)$/.exec(line)?.[1]?.split(" ") ?? [];
    for (const point of ["installer.enrolling", "installer.enrol"])
      expect((await installer(lab, ["apply", ...args, ...place], point)).code).toBe(137);
    const done = await shell(line);
    expect([done.code, done.stderr]).toEqual([0, ""]);
    // The collector had heard it, and so nothing of it is done anew.
    expect(done.stdout).toContain("ok       https://hub:8443 answers, and takes pi7 for who it is\n");
    expect(await sh(lab, "stat -c '%a %U %G' /etc/labfleet/token; ls -A /opt/labfleet")).toBe(
      "640 root labfleet\ncurrent\ninstalled.json\nreleases\n",
    );
    expect(
      await sh(lab, "shipper config test && heartbeat status >/dev/null && cat /etc/labfleet/lab-host.toml"),
    ).toContain('host_id = "pi7"');
    expect(await sh(hub, "receiver token list | grep -c pi7")).toBe("1\n");
    await sh(lab, "cd /srv/data/episodes; mkdir -m 755 one; : >one/done.marker");
    await lab.waitFor("it is shipped", async () => (await sh(lab, "ls /srv/data/shipped")).includes("one"));
    await sh(lab, "cd /srv/data/episodes; mkdir -m 755 one; : >one/done.marker");
    await lab.waitFor("it is shipped", async () => (await sh(lab, "ls /srv/data/shipped")).includes("one"));
    const before = await tree(lab, "-type f -not -path '/var/lib/*' -printf '%p %i %T@ %C@\\n'");
    const again = await shell(line.replace(/\)$/, ` ${place.join(" ")})`));
    expect([again.code, again.stdout.trimEnd().split("\n").at(-1)]).toEqual([0, "nothing is to be done"]);
    expect(await tree(lab, "-type f -not -path '/var/lib/*' -printf '%p %i %T@ %C@\\n'")).toBe(before);
    // Whoever has seen the line comes too late, from wherever it is.
    const rogue = JSON.stringify({ code, host_id: "pi7", token_sha256: "0".repeat(64) });
    const answer = await sh(lab, `curl -sk -d '${rogue}' https://hub:8443/v1/enrol`);
    expect(JSON.parse(answer)).toMatchObject({ status: 409, reason: "code-used" });
    expect(await sh(hub, "journalctl -u labfleet-receiver -o cat | grep -c 'two machines have it'")).toBe("1\n");
    await sh(hub, "receiver token revoke pi7 --all");
    const revoked = await shell(line);
    expect([revoked.code, revoked.stdout.includes("fail     the collector does not take the code")]).toEqual([3, true]);
  },
);
