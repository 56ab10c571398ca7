// What mends a file that cannot be read is what keeps it readable for the service, too.

import { expect, spyOn, test } from "bun:test";
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixText } from "../../lib/core/finding.ts";
import { letServiceIn, readFix, whyNotRead } from "../../lib/fleet-health/not-read.ts";
import type { Access } from "../../lib/os/files/access.ts";
import * as accessFile from "../../lib/os/files/access.ts";
import * as ownUnit from "../../lib/os/process/own-unit.ts";
import { tempDir } from "../support/temp-dir.ts";

const PATH = "/data/lab/hosts.json";
const access = (more: Partial<Access>): Access => ({
  ...{ path: PATH, isDirectory: false, owner: "root", group: "root", mode: "0600", user: "labfleet" },
  ...{ ownGroup: "labfleet" },
  ...more,
});

test.each([
  ["of root", access({}), `sudo chown labfleet ${PATH}`],
  ["not to be looked at", null, `sudo chown labfleet ${PATH}`],
  [
    "of root, and closed to its owner",
    access({ mode: "0000" }),
    `sudo chown labfleet ${PATH} && sudo chmod u+r ${PATH}`,
  ],
  ["our own, and closed", access({ owner: "labfleet", mode: "0000" }), `sudo chmod u+r ${PATH}`],
  ["a directory of root", access({ isDirectory: true, mode: "0700" }), `sudo chown labfleet ${PATH}`],
  [
    "a directory of our own, and closed",
    access({ owner: "labfleet", isDirectory: true, mode: "0300" }),
    `sudo chmod u+rx ${PATH}`,
  ],
  ["below a closed directory", access({ path: "/data", isDirectory: true, mode: "0700" }), "sudo chmod a+x /data"],
  [
    "below a directory of our own that is closed",
    access({ path: "/data/lab", isDirectory: true, owner: "labfleet", mode: "0600" }),
    "sudo chmod u+rx /data/lab",
  ],
])("the service is let into a file that is %s for good", (_, found, commands) => {
  expect(fixText(letServiceIn(PATH, found, "labfleet", false))).toBe(commands);
});

test("a directory of root in one of ours is given to us, and opened to nobody else", () => {
  const path = "/data/lab/fleet-health";
  const fix = (mode: string) =>
    fixText(letServiceIn(`${path}/silences.d`, access({ path, isDirectory: true, mode }), "labfleet", true));
  expect([fix("0750"), fix("0000")]).toEqual([
    `sudo chown labfleet ${path}`,
    `sudo chown labfleet ${path} && sudo chmod u+rx ${path}`,
  ]);
});

test("the service asks whose the directory is in which it was stopped", () => {
  const root = tempDir();
  const me = process.geteuid?.() || 65534;
  chownSync(root, me, -1);
  const at = join(root, "fleet-health");
  using _service = spyOn(ownUnit, "ownService").mockReturnValue("labfleet-fleet-health.service");
  using euid = spyOn(process, "geteuid").mockReturnValue(me);
  using _access = spyOn(accessFile, "accessTo").mockReturnValue(access({ path: at, isDirectory: true, mode: "0700" }));
  expect(readFix(join(at, "silences.d"), "EACCES").commands.map(({ argv }) => argv[1])).toEqual(["chown"]);
  euid.mockReturnValue(me + 1);
  expect(fixText(readFix(join(at, "silences.d"), "EACCES"))).toBe(`sudo chmod a+x ${at}`);
});

test("what is in the way is put aside under a free name, also where it stands above the file", () => {
  const root = tempDir();
  writeFileSync(join(root, "silences.d"), "");
  const mv = (path: string, to: string) => `sudo mv -T ${join(root, path)} ${join(root, to)}`;
  expect(fixText(readFix(join(root, "silences.d/lab1.json"), "ENOTDIR"))).toBe(mv("silences.d", "silences.d.aside"));
  mkdirSync(join(root, "silences.d.aside"));
  expect(fixText(readFix(join(root, "silences.d/lab1.json"), "ENOTDIR"))).toBe(mv("silences.d", "silences.d.aside2"));
});

test("a bug is no file that cannot be read", () => {
  expect(() => whyNotRead(PATH, new TypeError("x"))).toThrow(TypeError);
});
