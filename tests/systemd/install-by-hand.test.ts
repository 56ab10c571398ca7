// "Installing by hand" (docs/operating.md), followed word for word: its very blocks, as root, on two bare machines, until an
// episode of an unprivileged recorder has arrived and the collector shows the host.

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { executables, PROJECT } from "../support/compiled.ts";
import { blocksOf, blockUnder } from "../support/document-blocks.ts";
import { bootHost, type Host } from "./bed.ts";
import { bedTest, missing } from "./installed-host.ts";

// A third of a gigabyte is packed and carried.
setDefaultTimeout(300_000);

const DOCUMENT = "docs/operating.md";
const BUILD = blockUnder(DOCUMENT, "1. Build");
const COLLECTOR = blockUnder(DOCUMENT, "2. The collector");
const LAB_HOST = blockUnder(DOCUMENT, "3. A lab host");
const RECORDER = blockUnder(DOCUMENT, "4. Who records");
const ARCHIVE = join(PROJECT, "dist/labfleet.tar.gz");

let collector: Host | null = null;
let lab: Host | null = null;

beforeAll(async () => {
  if (missing !== null) return;
  [collector, lab] = await Promise.all([bare("collector"), bare("lab1")]);
  // The name by which hosts find the collector is the network's, not the blocks'.
  await lab.run(["sh", "-c", `echo "${collector.ip} collector.wg" >>/etc/hosts`]);
});

afterAll(async () => {
  await Promise.all([collector?.[Symbol.asyncDispose](), lab?.[Symbol.asyncDispose]()]);
});

/** A machine on which nothing of labfleet is. Whether its clock is right may be asked, as on any other. */
async function bare(name: string): Promise<Host> {
  const host = await bootHost(name, { nspawn: ["--system-call-filter=adjtimex clock_adjtime"] });
  expect((await host.exec(["ls", "/opt/labfleet", "/etc/labfleet", "/var/lib/labfleet"])).stdout).toBe("");
  await host.run(["mkdir", "-p", "/root"]);
  return host;
}

/** Runs a block as a person would who stops at the first failure. */
function paste(host: Host | null, block: string): Promise<string> {
  if (host === null) throw new Error("no host");
  return host.run(["bash", "-ec", `cd /root\n${block}`], { timeoutMs: 120_000 });
}

bedTest("1. the archive holds what the other blocks take from it", async () => {
  const [build = "", ...rest] = BUILD.split("\n");
  expect(build).toBe("npx -y bun@1.4.5 run build");
  executables();
  const done = Bun.spawnSync(["sh", "-ec", rest.join("\n").replaceAll("linux-x64", thisTarget())], { cwd: PROJECT });
  expect(done.stderr.toString()).toBe("");
  for (const host of [collector, lab]) await host?.copyIn(ARCHIVE, "/root/labfleet.tar.gz");
});

function thisTarget(): string {
  return process.arch === "arm64" ? "linux-arm64" : "linux-x64";
}

bedTest("2. the collector runs, over TLS, and has a token for lab1", async () => {
  await paste(collector, COLLECTOR);
  expect(await collector?.show("labfleet-receiver", "ActiveState")).toBe("active");
  expect(await collector?.run(["receiver", "token", "list"])).toContain("lab1");
  const files = await collector?.run(["stat", "-c", "%n %A %U %G", "/root/lab1/token", ...secrets()]);
  expect(files).toBe(`/root/lab1/token -rw-r--r-- root root
/etc/labfleet/collector.toml -rw-r----- root labfleet
/etc/labfleet/tls/ca.key -rw------- root root
/etc/labfleet/tls/collector.key -rw-r----- root labfleet
/etc/labfleet/tokens.d/lab1 -rw-r----- root labfleet
`);
  await collector?.run(["tar", "-C", "/root", "-cf", "/root/lab1.tar", "lab1"]);
});

function secrets(): string[] {
  return ["collector.toml", "tls/ca.key", "tls/collector.key", "tokens.d/lab1"].map((name) => `/etc/labfleet/${name}`);
}

bedTest("3. the host's services run", async () => {
  const carried = await collector?.exec(["base64", "/root/lab1.tar"]);
  await lab?.run(["sh", "-c", "base64 -d | tar -C /root -x"], { stdin: carried?.stdout ?? "" });
  await paste(lab, LAB_HOST);
  for (const unit of ["labfleet-shipper", "labfleet-heartbeat"])
    expect(await lab?.show(unit, "ActiveState")).toBe("active");
  const modes = await lab?.run(["stat", "-c", "%a %U %G", "/etc/labfleet/token", "/var/lib/labfleet/data/episodes"]);
  expect(modes).toBe("640 root labfleet\n3770 labfleet labfleet-record\n");
});

bedTest("4. an episode of an unprivileged recorder arrives, and the collector shows the host", async () => {
  expect(await paste(lab, RECORDER)).toMatch(/^host .*lab1/m);
  await lab?.waitFor(
    "the episode is shipped",
    async () => (await lab?.exec(["test", "-e", "/var/lib/labfleet/data/shipped/first/receipt.json"]))?.code === 0,
    180_000,
  );
  expect(await collector?.run(["receiver", "verify", "--deep"])).toMatch(/^sound: 1 episode,/m);
  // The first report may have come before the shipper had said anything; one a minute follows.
  await collector?.waitFor(
    "a report in which all is well",
    async () => {
      const { hosts } = JSON.parse((await collector?.run(["receiver", "hosts", "--json"])) ?? "{}");
      if (hosts.length === 0) return false;
      const told = JSON.parse((await collector?.run(["receiver", "hosts", "lab1", "--json"])) ?? "{}");
      expect(told).toMatchObject({ host: "lab1", stale: false });
      // The machine's own load, memory, disks and clock are those of whoever runs this test.
      const ours = (told.heartbeat.results as { name: string; status: string }[]).filter(
        ({ name }) => !/^(load|pressure|memory|disk|clock|kernel)/.test(name),
      );
      return ours.length > 1 && ours.every(({ status }) => status === "ok");
    },
    180_000,
  );
});

bedTest("a restart and a boot leave the recorder's rights as they are", async () => {
  await lab?.run(["systemctl", "restart", "labfleet-shipper", "labfleet-heartbeat"]);
  await lab?.reboot();
  await lab?.waitFor("the shipper runs", async () => (await lab?.show("labfleet-shipper", "ActiveState")) === "active");
  const modes = await lab?.run(["stat", "-c", "%a %U %G", "/var/lib/labfleet/data/episodes"]);
  expect(modes).toBe("3770 labfleet labfleet-record\n");
});

bedTest("one recorder cannot take away another's episode, and nobody else can make one", async () => {
  const script = `useradd --system --no-create-home other; useradd --system --no-create-home stranger
    usermod --append --groups labfleet-record other
    runuser -u recorder -- mkdir /var/lib/labfleet/data/episodes/mine
    runuser -u other -- mv /var/lib/labfleet/data/episodes/mine /var/lib/labfleet/data/episodes/yours 2>/dev/null && echo moved
    runuser -u stranger -- mkdir /var/lib/labfleet/data/episodes/strange 2>/dev/null && echo made
    ls /var/lib/labfleet/data/episodes`;
  expect(await lab?.run(["bash", "-c", script])).toBe("mine\n");
});

bedTest("the documents that units and messages name are there, and systemd-analyze has nothing to say", async () => {
  for (const [host, units] of [
    [collector, ["receiver"]],
    [lab, ["shipper", "heartbeat"]],
  ] as const) {
    for (const unit of units) {
      const [, document = ""] =
        /^file:\/*(\/.*)$/.exec((await host?.show(`labfleet-${unit}`, "Documentation")) ?? "") ?? [];
      expect((await host?.exec(["test", "-s", document]))?.code, document).toBe(0);
      const said = await host?.exec([
        "systemd-analyze",
        "verify",
        "--man=no",
        `/etc/systemd/system/labfleet-${unit}.service`,
      ]);
      expect(`${said?.stdout}${said?.stderr}`).toBe("");
    }
    await host?.run(["test", "-s", "/opt/labfleet/current/units/lab-host.example.toml"]);
    await host?.run(["test", "-s", "/opt/labfleet/current/README.md"]);
  }
});

bedTest("the blocks name the release that is built, and README's configurations are theirs", async () => {
  for (const block of [COLLECTOR, LAB_HOST]) expect(block).toContain(`/opt/labfleet/releases/${manifest.version}\n`);
  const shown = blocksOf("README.md").filter(({ language }) => language === "toml");
  expect(shown).toHaveLength(2);
  for (const { text } of shown) expect(COLLECTOR + LAB_HOST).toContain(`<<'END'\n${text}END\n`);
});
