// The place of the Python fleet's programs is taken where they stand, on real machines, and given back.

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { madeRelease } from "../support/made-release.ts";
import { BUNDLE, bare, installer, sh } from "./bare-host.ts";
import type { Host } from "./bed.ts";
import { bedTest, missing } from "./installed-host.ts";

// A release is built, and a third of a gigabyte put on each machine.
setDefaultTimeout(400_000);

let hub: Host;
let lab: Host;

beforeAll(async () => {
  if (missing !== null) return;
  const release = madeRelease();
  [hub, lab] = await Promise.all([bare("hub", release), bare("lab1", release)]);
});

afterAll(async () => {
  if (missing !== null) return;
  await Promise.all([hub[Symbol.asyncDispose](), lab[Symbol.asyncDispose]()]);
});

/** Stands for one of the Python fleet's programs: what it does is not looked at, only whether it runs. */
const python = (host: Host, name: string): Promise<string> =>
  sh(
    host,
    `printf '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/${name}.service
    systemctl daemon-reload; systemctl enable --now ${name}`,
  );
const stateOf = (host: Host, name: string): Promise<string> =>
  sh(host, `systemctl is-active ${name}; systemctl is-enabled ${name}`.replaceAll(";", " || true;").concat(" || true"));

bedTest("a collector of the Python fleet is taken over with its index, and given back", async () => {
  await sh(
    hub,
    `mkdir -p /var/lib/cis490/episodes/old; cd /var/lib/cis490
    printf '{"host_id": "old", "episode_id": "e1", "received_at_wall": "2026-05-01T06:37:53+00:00"}\n' >index.jsonl
    printf '{"detected_at_wall": "2026-05-01T07:37:53+00:00", "host": "old", "symptom": "silent"}\n' >alerts.jsonl
    chown -R nobody:nogroup /var/lib/cis490; chown root:root episodes/old`,
  );
  const digests = "cd /var/lib/cis490; sha256sum index.jsonl alerts.jsonl";
  const kept = await sh(hub, digests);
  await python(hub, "cis490-receiver");
  const take = ["apply", "--bundle", BUNDLE, "--role", "collector", "--name", "hub", "--take-over", "yes"];
  expect((await installer(hub, take, "installer.own")).code).toBe(137);
  const done = await installer(hub, take);
  expect([done.code, done.stderr]).toEqual([0, ""]);
  expect(await stateOf(hub, "cis490-receiver")).toBe("inactive\ndisabled\n");
  expect(await sh(hub, digests)).toBe(kept);
  expect(await sh(hub, "cd /var/lib/cis490; stat -c '%n %U:%G' index.jsonl alerts.jsonl episodes episodes/old")).toBe(
    "index.jsonl labfleet:labfleet\nalerts.jsonl labfleet:labfleet\nepisodes labfleet:labfleet\nepisodes/old root:root\n",
  );
  expect(await sh(hub, "receiver status")).toContain("running");
  expect((await installer(hub, ["apply", "--bundle", BUNDLE])).stdout).toEndWith("nothing is to be done\n");
});

bedTest("a host of the Python fleet is taken over where it stands, and given back", async () => {
  await sh(lab, "mkdir -p /root /etc/cis490");
  const token = (await hub.run(["receiver", "token", "add", "pi9"])).trim();
  await sh(hub, "cat /etc/labfleet/tls/ca.crt").then((pem) => lab.write("/etc/cis490/ca.crt", pem));
  await lab.write(
    "/etc/cis490/lab-host.toml",
    `host_id = "pi9"\n[paths]\ndata_root = "/srv/cis490/data"\n[receiver]\nurl = "https://hub:8443"\nca_bundle = "/etc/cis490/ca.crt"\nbearer_token = "${token}"\n[shipper]\nscan_interval_s = 2\n`,
  );
  await sh(
    lab,
    `mkdir -p /srv/cis490/data/episodes/waits /srv/cis490/data/outbox /srv/cis490/data/shipped/old /srv/cis490/data/quarantine/bad
    cd /srv/cis490/data; echo x >shipped/old/f; echo x >quarantine/bad/f; echo half >outbox/waits.tar.zst.tmp
    echo notes >episodes/waits/notes.txt; : >episodes/waits/done.marker`,
  );
  await python(lab, "cis490-shipper");
  const before = await sh(
    lab,
    "cd /srv/cis490/data; find . -not -path './episodes*' -not -path './outbox/*' | sort | xargs stat -c '%n %U %a'",
  );
  const take = ["apply", "--bundle", BUNDLE, "--role", "lab-host", "--take-over", "yes"];
  const plan = await installer(lab, ["plan", ...take.slice(1)]);
  expect([plan.code, plan.stderr]).toEqual([0, ""]);
  for (const line of [
    "ok       labfleet takes the place of cis490-shipper.service",
    "ok       https://hub:8443 answers, and takes pi9 for who it is",
  ])
    expect(plan.stdout).toContain(line);
  expect(plan.stdout).not.toContain(token);
  // One that would not run: the old one does.
  await sh(
    lab,
    "mkdir /etc/systemd/system/labfleet-shipper.service.d; printf '[Service]\\nExecStart=\\nExecStart=/bin/false\\n' >/etc/systemd/system/labfleet-shipper.service.d/no.conf",
  );
  const failed = await installer(lab, take);
  expect([failed.code, failed.stderr.includes("what was changed has been taken back")]).toEqual([3, true]);
  expect(await stateOf(lab, "cis490-shipper")).toBe("active\nenabled\n");
  await sh(lab, "rm -r /etc/systemd/system/labfleet-shipper.service.d; systemctl daemon-reload");
  const proved = await installer(lab, take);
  expect([proved.code, proved.stderr, proved.stdout.trimEnd().split("\n").at(-1)]).toEqual([
    ...[0, "", expect.stringMatching(/^the test episode install-test-\S+ has arrived/)],
  ]);
  expect((await installer(lab, ["uninstall", "--yes"])).code).toBe(0);
  for (const point of ["installer.stop", "installer.start", "installer.disable"])
    expect([point, (await installer(lab, take, point)).code]).toEqual([point, 137]);
  const done = await installer(lab, take);
  expect([done.code, done.stderr]).toEqual([0, ""]);
  await lab.waitFor("what waited is shipped", async () =>
    (await sh(lab, "ls /srv/cis490/data/shipped")).includes("waits"),
  );
  expect(await sh(lab, "cat /etc/labfleet/lab-host.toml")).toContain(
    '\n[paths]\ndata_root = "/srv/cis490/data"\n\n[shipper]\nscan_interval_s = 2\n',
  );
  expect(await stateOf(lab, "cis490-shipper")).toBe("inactive\ndisabled\n");
  await sh(lab, "systemctl start cis490-shipper");
  expect(await stateOf(lab, "cis490-shipper")).toStartWith("inactive\n");
  for (const line of before.trimEnd().split("\n"))
    expect(await sh(lab, `cd /srv/cis490/data; stat -c '%n %U %a' ${line.split(" ")[0]}`)).toBe(`${line}\n`);
  expect((await installer(lab, ["apply", "--bundle", BUNDLE])).stdout).toEndWith("nothing is to be done\n");
  const gone = await installer(lab, ["uninstall", "--yes"]);
  expect([gone.code, gone.stdout.includes("cis490-shipper.service runs again\n")]).toEqual([0, true]);
  expect(await stateOf(lab, "cis490-shipper")).toBe("active\nenabled\n");
  expect(await sh(lab, "ls /etc/systemd/system/cis490-shipper.service.d 2>&1 || true")).toContain("No such file");
});

bedTest("and the collector is given back", async () => {
  const gone = await installer(hub, ["uninstall", "--yes"]);
  expect([gone.code, gone.stdout.includes("cis490-receiver.service runs again\n")]).toEqual([0, true]);
  expect(await stateOf(hub, "cis490-receiver")).toBe("active\nenabled\n");
  expect(await sh(hub, "cd /var/lib/cis490; stat -c '%U:%G' index.jsonl ticks episodes/old")).toBe(
    "nobody:nogroup\nnobody:nogroup\nroot:root\n",
  );
});
