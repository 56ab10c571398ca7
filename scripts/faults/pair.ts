// Two real systemd hosts, a collector and lab1, installed with the very blocks of docs/operating.md, and what the fault table does
// with them. What they were like after the installation is kept beside it and put back before each fault.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { executables, PROJECT } from "../../tests/support/compiled.ts";
import { blockUnder } from "../../tests/support/document-blocks.ts";
import { bootHost, type Host } from "../../tests/systemd/bed.ts";
import { type Bed, DATA, type Machine, until } from "./bed.ts";
import type { Place, Step } from "./remedy.ts";
import { openShell, type Shell } from "./shell.ts";

const DOCUMENT = "docs/operating.md";
const LAB_CONFIG = "/etc/labfleet/lab-host.toml";
const COLLECTOR_CONFIG = "/etc/labfleet/collector.toml";
const UNITS = { lab1: "labfleet-shipper labfleet-heartbeat", collector: "labfleet-receiver" } as const;

/** Faults are seen and mended sooner; what is said of them is the same. */
const IMPATIENT_HOST = `
[shipper]
scan_interval_s = 0.5
backoff_seconds = [0.5, 1]
request_timeout_s = 5
disk_reserve = "1 MiB"

[heartbeat]
interval_s = 5
collect_timeout_s = 3
request_timeout_s = 4
`;
const IMPATIENT_COLLECTOR = `
[limits]
disk_reserve = "1 MiB"
`;

/** Boots and installs. The archive is packed as the docs say, of executables that are built when they are missing or old. */
export async function openBed(): Promise<Bed> {
  const archive = packArchive();
  // A host of its own may ask for the clock; systemd-nspawn forbids it to what runs in it.
  const nspawn = ["--system-call-filter=adjtimex clock_adjtime"];
  const bind = [
    `${archive}:/srv/labfleet.tar.gz`,
    `${process.execPath}:/usr/local/bin/bun`,
    `${PROJECT}:/srv/labfleet`,
  ];
  // In this order: their addresses stand in the table.
  const boot = (name: string): Promise<Host> => bootHost(name, { bind, nspawn });
  const collector = await boot("collector");
  const lab = await boot("lab1");
  const bed = new PairBed(collector, lab, boot);
  await bed.install();
  return bed;
}

function packArchive(): string {
  executables();
  const target = process.arch === "arm64" ? "linux-arm64" : "linux-x64";
  mkdirSync(join(PROJECT, "dist"), { recursive: true });
  const archive = join(PROJECT, "dist/labfleet.tar.gz");
  const [, ...pack] = blockUnder(DOCUMENT, "1. Build").split("\n");
  const script = pack.join("\n").replaceAll("linux-x64", target);
  const done = Bun.spawnSync(["sh", "-ec", script], { cwd: PROJECT });
  if (done.exitCode !== 0) throw new Error(`no archive: ${done.stderr.toString()}`);
  return archive;
}

class PairBed implements Bed {
  readonly #shells: Map<Machine, Shell>;
  #clone: Host | null = null;
  #boot: (name: string) => Promise<Host>;
  /** What the collector made for lab1, as it was carried there. */
  #carried = "";
  #since = "";
  #count = 0;
  latest = "";

  constructor(
    readonly collector: Host,
    readonly lab: Host,
    boot: (name: string) => Promise<Host>,
  ) {
    this.#boot = boot;
    this.#shells = new Map([
      ["collector", openShell(collector)],
      ["lab1", openShell(lab)],
    ]);
  }

  #shell(on: Machine): Shell {
    const shell = this.#shells.get(on);
    if (shell === undefined) throw new Error(`there is no ${on}`);
    return shell;
  }

  async sh(on: Machine, script: string, stdin?: string): Promise<string> {
    const { code, stdout, stderr } = await this.#shell(on).run(script, stdin);
    if (code !== 0) throw new Error(`${on}: ${script}: exit code ${code}: ${stderr}${stdout}`);
    return stdout;
  }

  async look(on: Place, command: string): Promise<string> {
    const { stdout, stderr } = await this.#shell(on).run(`set +e\n${command}`);
    return stdout + stderr;
  }

  async install(): Promise<void> {
    await this.#prepare("collector", this.collector);
    await this.sh("collector", blockUnder(DOCUMENT, "2. The collector"));
    this.#carried = await this.sh("collector", "tar -c lab1 | base64");
    await this.#installLab("lab1", this.lab);
    const recorder = blockUnder(DOCUMENT, "4. Who records").split("\nsleep ")[0] ?? "";
    await this.sh("lab1", recorder);
    this.latest = "first";
    await this.sh("lab1", `cat >>${LAB_CONFIG}; systemctl restart ${UNITS.lab1}`, IMPATIENT_HOST);
    await this.sh("collector", `cat >>${COLLECTOR_CONFIG}; systemctl restart ${UNITS.collector}`, IMPATIENT_COLLECTOR);
    // The installed state, owners and modes included: configuration, credentials, units.
    for (const on of ["collector", "lab1"] as const)
      await this.sh(on, "cp -a /etc/labfleet kept; cp -a /etc/systemd/system units");
  }

  async #prepare(on: Machine, host: Host): Promise<void> {
    // Root needs no sudo and a bare host has none; what is printed is run as it is printed all the same.
    await host.write("/usr/local/bin/sudo", '#!/bin/sh\nexec "$@"\n', 0o755);
    await this.sh(on, "ln -s /srv/labfleet.tar.gz .");
  }

  async #installLab(on: Machine, host: Host): Promise<void> {
    await this.#prepare(on, host);
    await this.sh(on, `echo "${this.collector.ip} collector.wg" >>/etc/hosts; cp /etc/hosts /root/hosts`);
    await this.sh(on, "base64 -d | tar -x", this.#carried);
    await this.sh(on, blockUnder(DOCUMENT, "3. A lab host"));
  }

  async cloneLab(): Promise<void> {
    const clone = await this.#boot("clone");
    this.#clone = clone;
    this.#shells.set("clone", openShell(clone));
    await this.#installLab("clone", clone);
    const kept = await this.sh("lab1", "tar -C / -c root/kept/lab-host.toml etc/machine-id | base64");
    await this.sh(
      "clone",
      `base64 -d | tar -C / -x; cp kept/lab-host.toml /etc/labfleet/; systemctl restart ${UNITS.lab1}`,
      kept,
    );
  }

  async endClone(): Promise<void> {
    await this.#shells.get("clone")?.close();
    this.#shells.delete("clone");
    await this.#clone?.[Symbol.asyncDispose]();
    this.#clone = null;
  }

  async reset(): Promise<void> {
    await this.#restore("collector");
    await this.#restore("lab1");
    await until("no fault is left", async () => {
      const live = JSON.parse(await this.sh("lab1", "cat /run/labfleet/shipper/status.json"));
      return live.paused === null && live.held === null && live.pending === 0;
    });
  }

  /** A service is restarted only where something of it was changed, or does not run. */
  #restore(on: Place): Promise<string> {
    const own = on === "lab1" ? "cat hosts >/etc/hosts; rm -f /opt/labfleet/VERSION" : "";
    return this.sh(
      on,
      `now() { cd $1 && find . -type f -exec stat -c '%n %a %U %G' {} + -exec cksum {} + | sort; }
      ${own}
      again=
      if [ "$(now /etc/labfleet)" != "$(now /root/kept)" ]; then
        rm -rf /etc/labfleet; cp -a /root/kept /etc/labfleet; again=1
      fi
      if [ "$(now /etc/systemd/system)" != "$(now /root/units)" ]; then
        find /etc/systemd/system -mindepth 1 -delete; cp -a /root/units/. /etc/systemd/system/; systemctl daemon-reload; again=1
      fi
      systemctl reset-failed
      for unit in ${UNITS[on]}; do
        if [ -n "$again" ]; then systemctl restart $unit; else systemctl start $unit; fi
      done`,
    );
  }

  async mark(): Promise<void> {
    // By time: with --after-cursor and a unit journalctl 252 swallows the first entry that matches.
    this.#since = (await this.sh("lab1", "date +@%s.%6N")).trim();
  }

  log(on: Place, unit: string): Promise<string> {
    return this.sh(on, `journalctl --sync; journalctl -q --no-pager -u ${unit} -o cat --since='${this.#since}'`);
  }

  async host(change: (toml: string) => string): Promise<void> {
    await this.#change("lab1", LAB_CONFIG, change);
    const from = (await this.sh("lab1", "date +@%s.%6N")).trim();
    await this.sh("lab1", `systemctl reload ${UNITS.lab1}`);
    // A reload is a signal: what is recorded now could still be sent by the old configuration.
    const said = `journalctl --sync; journalctl -q -u labfleet-shipper -o cat --since='${from}'`;
    await until("it is read", async () => /the new configuration (?:holds|is bad)/.test(await this.sh("lab1", said)));
  }

  async collect(change: (toml: string) => string): Promise<void> {
    await this.#change("collector", COLLECTOR_CONFIG, change);
    await this.look("collector", `systemctl restart ${UNITS.collector}`);
  }

  async #change(on: Place, path: string, change: (toml: string) => string): Promise<void> {
    const before = await this.sh(on, `cat ${path}`);
    const after = change(before);
    if (after === before) throw new Error(`${path} is not changed`);
    await this.write(on, path, after);
  }

  async write(on: Place, path: string, text: string): Promise<void> {
    await this.sh(on, `install -m 0640 -g labfleet /dev/stdin ${path}`, text);
  }

  async dropIn(on: Place, unit: string, text: string): Promise<void> {
    const dir = `/etc/systemd/system/${unit}.service.d`;
    await this.sh(on, `mkdir -p ${dir}; cat >${dir}/fault.conf; systemctl daemon-reload`, text);
    await this.look(on, `systemctl restart ${unit}`);
  }

  async record(more = ":"): Promise<string> {
    this.#count += 1;
    const id = `episode-${this.#count}`;
    await this.sh(
      "lab1",
      `runuser -u recorder -- sh -ec 'mkdir ${DATA}/episodes/${id}; head -c 20000 /dev/urandom >${DATA}/episodes/${id}/data.bin'
      cd ${DATA}/episodes/${id}; ${more}
      if [ ! -e done.marker ]; then : >.m; mv .m done.marker; fi`,
    );
    this.latest = id;
    return id;
  }

  async arrived(id = this.latest): Promise<boolean> {
    return (await this.look("lab1", `test -e ${DATA}/shipped/${id}/receipt.json && echo yes`)) === "yes\n";
  }

  async paste(steps: readonly Step[], { typed = "", there = "lab1" }: Parameters<Bed["paste"]>[1] = {}): Promise<void> {
    let printed = typed;
    for (const { on, line } of steps) printed = await this.sh(on === "lab1" ? there : on, line, printed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#shells.values()].map((shell) => shell.close()));
    const hosts = [this.lab, this.collector, ...(this.#clone === null ? [] : [this.#clone])];
    await Promise.all(hosts.map((host) => host[Symbol.asyncDispose]()));
  }
}
