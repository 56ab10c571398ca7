// From what is there to what is to be done, by literals.

import { describe, expect, test } from "bun:test";
import { emptyManifest, type InstallManifest } from "../../lib/contract/install-manifest.ts";
import { type Facts, type Plan, planOf, type Step, type There } from "../../lib/installer/plan.ts";
import { type Answers, DATA_ROOTS, type Role, type Taken, type Wanted, wantedOf } from "../../lib/installer/wanted.ts";
import { digestOf } from "../support/release.ts";

const UNITS = new Map(
  ["shipper.service", "heartbeat.service", "receiver.service", "fleet-health.service", "fleet-health.timer"].map(
    (name) => [`labfleet-${name}`, `# ${name}\n`],
  ),
);
const answers = (role: Role): Answers => ({
  ...{ introduced: null, recorder: null, taken: null, dataRoot: DATA_ROOTS[role] },
  ...{ role, config: 'host_id = "lab1"\n' },
  files: [
    { path: "/etc/labfleet/token", kind: "secret", text: "s3cret\n", mode: 0o640, owner: "root", group: "labfleet" },
  ],
});
const wanted = (role: Role = "lab-host"): Wanted => wantedOf(answers(role), UNITS);
const DIR = "/opt/labfleet/releases/1.0.0";

const bare: Facts = {
  ...{ there: new Map(), users: new Set(["root"]), groups: new Set(["root"]), members: new Map(), units: new Map() },
  ...{ current: null, manifest: null, isOwned: true },
};

/** A machine on which all of it is, and runs. */
function done(role: Role = "lab-host", more: Partial<Facts> = {}): Facts {
  const all = wanted(role);
  const there = new Map<string, There>([
    ...all.directories.map((one) => [one.path, { ...one, kind: "directory" }] as const),
    ...all.files.map((one) => [one.path, { ...one, kind: "file", sha256: digestOf(one.text) }] as const),
    ...all.links.map((one) => [one.path, { ...one, kind: "link" }] as const),
  ]);
  const manifest: InstallManifest = {
    ...emptyManifest(role),
    files: all.files.map(({ path, kind, text }) => ({ path, kind, sha256: [digestOf(text)] })),
  };
  return {
    ...{ there, users: new Set(all.users), groups: new Set(all.groups), current: DIR, manifest, isOwned: true },
    members: new Map([["labfleet-record", new Set(["alice"])]]),
    units: new Map(all.units.map((unit) => [unit, { isEnabled: true, isActive: true }])),
    ...more,
  };
}

const word = (step: Step): string => {
  if (step.kind === "directory") return `${step.kind} ${step.directory.path}${step.before === null ? "" : " rights"}`;
  if (step.kind === "file") return `${step.kind} ${step.file.path}`;
  if (step.kind === "link") return `${step.kind} ${step.link.path}`;
  if (step.kind === "test") return `${step.kind} ${step.tool}`;
  if (step.kind === "start") return `${step.isRunning ? "restart" : "start"} ${step.unit}`;
  if (step.kind === "group" || step.kind === "user") return `${step.kind} ${step.name}`;
  if (step.kind === "member") return `${step.kind} ${step.user} ${step.group}`;
  return "unit" in step ? `${step.kind} ${step.unit}` : step.kind;
};
const words = ({ steps }: Plan): string[] => steps.map(word);
const change = (path: string, there: There, facts = done()): Facts => ({
  ...facts,
  there: new Map([...facts.there, [path, there]]),
});

test("on a bare machine all of it is made, accounts before what is theirs, and what runs last", () => {
  const { steps, conflicts } = planOf(wanted(), bare, DIR);
  expect(conflicts).toEqual([]);
  expect(steps.map(word)).toEqual([
    ...["group labfleet-record", "user labfleet", "directory /etc/labfleet", "directory /etc/labfleet/tls"],
    ...["directory /var/lib/labfleet", "directory /var/lib/labfleet/data", "directory /var/lib/labfleet/data/episodes"],
    ...["directory /usr/local/share/man", "directory /usr/local/share/man/man8"],
    ...["link /usr/local/bin/shipper", "link /usr/local/share/man/man8/shipper.8"],
    ...["link /usr/local/bin/heartbeat", "link /usr/local/share/man/man8/heartbeat.8"],
    ...["link /usr/local/bin/installer", "link /usr/local/share/man/man8/installer.8"],
    ...["file /etc/labfleet/token", "file /etc/labfleet/lab-host.toml"],
    ...["file /etc/systemd/system/labfleet-shipper.service", "file /etc/systemd/system/labfleet-heartbeat.service"],
    ...["test shipper", "test heartbeat", "switch", "reload"],
    ...["enable labfleet-shipper.service", "enable labfleet-heartbeat.service"],
    ...["start labfleet-shipper.service", "start labfleet-heartbeat.service"],
  ]);
});

test("of a collector a timer is enabled, and not what it starts", () => {
  const { steps } = planOf(wanted("collector"), bare, DIR);
  expect(steps.map(word).filter((line) => /^(enable|start|test)/.test(line))).toEqual([
    ...["test receiver", "test fleet-health"],
    ...["enable labfleet-receiver.service", "enable labfleet-fleet-health.timer"],
    ...["start labfleet-receiver.service", "start labfleet-fleet-health.timer"],
  ]);
});

test("who records is put into the group of recorders, once", () => {
  const by = (recorder: string): Wanted => wantedOf({ ...answers("lab-host"), recorder }, UNITS);
  const of = (recorder: string) => words(planOf(by(recorder), done(), DIR)).filter((one) => one.startsWith("member"));
  expect([of("alice"), of("bob")]).toEqual([[], ["member bob labfleet-record"]]);
  // The group first.
  expect(words(planOf(by("bob"), bare, DIR)).slice(0, 3)).toEqual([
    ...["group labfleet-record", "user labfleet", "member bob labfleet-record"],
  ]);
});

test("data elsewhere are opened to the units that write there, and those are started anew", () => {
  const host = wantedOf({ ...answers("lab-host"), dataRoot: "/srv/data" }, UNITS);
  const dropIn = "/etc/systemd/system/labfleet-shipper.service.d";
  expect(host.directories.map(({ path }) => path).slice(2, -2)).toEqual([
    ...["/var/lib/labfleet", "/srv/data", "/srv/data/episodes", dropIn],
  ]);
  expect(host.files.find(({ path }) => path === `${dropIn}/open-srv-data.conf`)?.text).toBe(
    "[Service]\nReadWritePaths=/srv/data\n",
  );
  const moved = words(planOf(host, done(), DIR));
  expect(moved.slice(-3)).toEqual(["test heartbeat", "reload", "restart labfleet-shipper.service"]);
  const hub = wantedOf({ ...answers("collector"), dataRoot: "/srv/data" }, UNITS);
  expect(hub.files.map(({ path }) => path).filter((path) => path.endsWith("open-srv-data.conf")).length).toBe(2);
});

test("where all of it is there nothing is done", () => {
  expect(planOf(wanted(), done(), DIR)).toEqual({ steps: [], conflicts: [] });
  expect(planOf(wanted("collector"), done("collector"), DIR)).toEqual({ steps: [], conflicts: [] });
});

test("another release restarts what runs, but no timer", () => {
  const next = "/opt/labfleet/releases/2.0.0";
  const daemons = ["restart labfleet-shipper.service", "restart labfleet-heartbeat.service"];
  expect(words(planOf(wanted(), done(), next))).toEqual(["test shipper", "test heartbeat", "switch", ...daemons]);
  expect(words(planOf(wanted("collector"), done("collector"), next)).at(-1)).toBe("restart labfleet-receiver.service");
});

test("what is missing, or was stopped, is made and started again, and nothing else is touched", () => {
  const stopped = done("lab-host", {
    units: new Map([
      ["labfleet-shipper.service", { isEnabled: false, isActive: false }],
      ["labfleet-heartbeat.service", { isEnabled: true, isActive: true }],
    ]),
  });
  expect(words(planOf(wanted(), stopped, DIR))).toEqual([
    ...["test shipper", "test heartbeat", "enable labfleet-shipper.service", "start labfleet-shipper.service"],
  ]);
  const unit = "/etc/systemd/system/labfleet-shipper.service";
  expect(words(planOf(wanted(), change(unit, { kind: "nothing" }), DIR))).toEqual([
    ...[`file ${unit}`, "test shipper", "test heartbeat", "reload", "restart labfleet-shipper.service"],
  ]);
});

describe("what somebody has changed", () => {
  const path = "/etc/systemd/system/labfleet-shipper.service";
  const edited: There = {
    kind: "file",
    text: "# mine\n",
    sha256: digestOf("# mine\n"),
    mode: 0o644,
    owner: "root",
    group: "root",
  };

  test("is left as it is, and says how to go on", () => {
    const { steps, conflicts } = planOf(wanted(), change(path, edited), DIR);
    expect(steps).toEqual([]);
    expect(conflicts).toMatchObject([
      { path, why: "it was edited since it was written", before: "# mine\n", after: "# shipper.service\n" },
    ]);
    const alien = planOf(wanted(), { ...change(path, edited), manifest: null }, DIR);
    expect(alien.conflicts[0]?.why).toBe("it is there, and was not written by the installer");
  });

  test("of a secret neither text is shown", () => {
    const { conflicts } = planOf(wanted(), change("/etc/labfleet/token", edited), DIR);
    expect(conflicts).toMatchObject([{ path: "/etc/labfleet/token", before: null, after: null }]);
  });

  test("is written anew where the installer wrote what is there, before a kill, too", () => {
    const manifest = {
      ...emptyManifest("lab-host"),
      files: [{ path, kind: "unit" as const, sha256: [digestOf("other"), digestOf("# mine\n")] }],
    };
    expect(words(planOf(wanted(), { ...change(path, edited), manifest }, DIR))[0]).toBe(`file ${path}`);
  });

  test("in its rights alone is set right", () => {
    expect(
      words(
        planOf(
          wanted(),
          change(path, {
            ...edited,
            text: "# shipper.service\n",
            sha256: digestOf("# shipper.service\n"),
            mode: 0o666,
          }),
          DIR,
        ),
      )[0],
    ).toBe(`file ${path}`);
    const loose: There = { kind: "directory", mode: 0o777, owner: "root", group: "labfleet" };
    expect(words(planOf(wanted(), change("/etc/labfleet", loose), DIR))[0]).toBe("directory /etc/labfleet rights");
  });

  test("that has another kind is in the way; a directory that leads to another disk is not", () => {
    const of = (at: string, there: There) => planOf(wanted(), change(at, there), DIR);
    expect(of(path, { kind: "directory", mode: 0o755, owner: "root", group: "root" }).conflicts[0]?.why).toBe(
      "a directory has its name",
    );
    expect(of("/usr/local/bin/shipper", edited).conflicts[0]?.why).toBe("a file has its name");
    expect(of("/var/lib/labfleet", { kind: "other", what: "what is no regular file" }).conflicts[0]?.why).toBe(
      "what is no regular file has its name",
    );
    expect(of("/var/lib/labfleet/data", { kind: "link", target: "/mnt/data" })).toEqual({ steps: [], conflicts: [] });
  });

  test("a link of ours that leads elsewhere is set right, and somebody else's stays", () => {
    const path = "/usr/local/bin/shipper";
    const facts = change(path, { kind: "link", target: "/opt/mine/shipper" });
    const manifest = { ...emptyManifest("lab-host"), links: [{ path, target: "/opt/labfleet/current/bin/shipper" }] };
    expect(words(planOf(wanted(), { ...facts, manifest }, DIR))[0]).toBe("link /usr/local/bin/shipper");
    const plan = planOf(wanted(), facts, DIR);
    expect(plan.conflicts.map(({ path: at, why }) => `${at}: ${why}`)).toEqual([
      "/usr/local/bin/shipper: it leads to /opt/mine/shipper",
    ]);
    expect(words(plan)).not.toContain("link /usr/local/bin/shipper");
  });
});

describe("the Python fleet's programs make room", () => {
  const taken = (role: Role, data: Taken["data"]): Wanted =>
    wantedOf({ ...answers(role), dataRoot: "/var/lib/cis490", taken: { units: ["cis490-x.service"], data } }, UNITS);
  const theirs = { path: "/var/lib/cis490", uid: 33, gid: 34 };
  const state = (isActive: boolean, isEnabled: boolean) => new Map([["cis490-x.service", { isActive, isEnabled }]]);

  test("right before ours start, and for good once they run", () => {
    const lines = words(planOf(taken("collector", theirs), { ...bare, units: state(true, true), isOwned: false }, DIR));
    expect(lines.slice(lines.indexOf("test receiver"))).toEqual([
      ...["test receiver", "test fleet-health", "stop cis490-x.service", "own", "switch", "reload"],
      ...["enable labfleet-receiver.service", "enable labfleet-fleet-health.timer"],
      ...["start labfleet-receiver.service", "start labfleet-fleet-health.timer", "disable cis490-x.service"],
    ]);
    const quiet = words(planOf(taken("lab-host", null), { ...bare, units: state(false, false) }, DIR));
    expect(quiet.filter((line) => /cis490|own/.test(line))).toEqual([
      "directory /var/lib/cis490",
      "directory /var/lib/cis490/episodes",
      "directory /etc/systemd/system/cis490-x.service.d",
      "file /etc/systemd/system/labfleet-shipper.service.d/open-var-lib-cis490.conf",
      "file /etc/systemd/system/cis490-x.service.d/labfleet.conf",
    ]);
  });

  test("and do not start while labfleet is here", () => {
    const files = taken("lab-host", null).files.filter(({ path }) => path.includes("cis490-x"));
    expect(files.map(({ path, text }) => [path, text])).toEqual([
      [
        "/etc/systemd/system/cis490-x.service.d/labfleet.conf",
        "# labfleet does its work here.\n[Unit]\nConditionPathExists=!/opt/labfleet/current\n",
      ],
    ]);
  });

  test("their directories stay as they are", () => {
    const there = new Map<string, There>(
      ["/var/lib/cis490", "/var/lib/cis490/episodes"].map((path) => [
        path,
        { kind: "directory", mode: 0o700, owner: "root", group: "root" },
      ]),
    );
    const lines = words(planOf(taken("lab-host", null), { ...bare, there }, DIR));
    expect(lines.filter((line) => line.startsWith("directory /var/lib/cis490"))).toEqual([]);
    const ours = words(
      planOf(wantedOf({ ...answers("lab-host"), dataRoot: "/var/lib/cis490" }, UNITS), { ...bare, there }, DIR),
    );
    expect(ours).toContain("directory /var/lib/cis490 rights");
  });
});
