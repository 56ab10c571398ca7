// What mends a file that cannot be read is what keeps it readable for the service, too.

import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixText } from "../../lib/core/finding.ts";
import { letServiceIn, readFix, whyNotRead } from "../../lib/fleet-health/not-read.ts";
import type { Access } from "../../lib/os/files/access.ts";
import { tempDir } from "../support/temp-dir.ts";

const PATH = "/data/lab/hosts.json";
const access = (more: Partial<Access>): Access => ({
  ...{ path: PATH, isDirectory: false, owner: "root", group: "root", mode: "0600", user: "labfleet" },
  ...{ ownGroup: "labfleet" },
  ...more,
});

test.each([
  ["of root", access({}), `sudo chown labfleet:labfleet ${PATH}`],
  ["not to be looked at", null, `sudo chown labfleet:labfleet ${PATH}`],
  [
    "of root, and closed to its owner",
    access({ mode: "0000" }),
    `sudo chown labfleet:labfleet ${PATH} && sudo chmod u+r ${PATH}`,
  ],
  ["our own, and closed", access({ owner: "labfleet", mode: "0000" }), `sudo chmod u+r ${PATH}`],
  ["a directory of root", access({ isDirectory: true, mode: "0700" }), `sudo chown labfleet:labfleet ${PATH}`],
  [
    "a directory of our own, and closed",
    access({ owner: "labfleet", isDirectory: true, mode: "0300" }),
    `sudo chmod u+rx ${PATH}`,
  ],
  ["below a closed directory", access({ path: "/data", isDirectory: true, mode: "0700" }), "sudo chmod a+x /data"],
])("the service is let into a file that is %s for good", (_, found, commands) => {
  expect(fixText(letServiceIn(PATH, found))).toBe(commands);
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
