// Whether those who record can: an episodes/ that is gone, or that the shipper had to make, is said with what opens it.

import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { dataDirs } from "../../../lib/contract/places.ts";
import { fixText } from "../../../lib/core/finding.ts";
import { parseShipperConfig } from "../../../lib/shipper/config.ts";
import { makeDataDirs } from "../../../lib/shipper/data-root.ts";
import {
  closedToRecorders,
  letRecordersIn,
  noEpisodesDir,
  unmountedOrClosed,
} from "../../../lib/shipper/disk/recorders.ts";
import { keptLog } from "../../receiver/support.ts";
import { inText } from "../../support/in-text.ts";
import { tempDir } from "../../support/temp-dir.ts";

const OPEN =
  "sudo groupadd --system --force labfleet-record && sudo install -d -m 3770 -o labfleet -g labfleet-record /data/episodes";

test("what lets them in is what the installation does", () => {
  expect(fixText(letRecordersIn("/data/episodes", "labfleet"))).toBe(`let those who record in: ${OPEN}`);
});

test("one that is gone is made again, open", () => {
  const { name, problem, fix } = noEpisodesDir("/data/episodes", { code: "ENOENT" }, "labfleet");
  expect([name, problem, fix === null ? null : fixText(fix)]).toEqual([
    "/data/episodes",
    "it is gone, and nobody can record",
    `let those who record in: ${OPEN}`,
  ]);
});

test("one that the shipper has made is said with what opens it", () => {
  expect(inText(closedToRecorders("/data/episodes", "labfleet"))).toBe(
    `/data/episodes was not there and is made: nobody but root and labfleet can record in it; fix: let those who record in: ${OPEN}`,
  );
});

test("one that cannot be read is something else", () => {
  const { problem, fix } = noEpisodesDir("/data/episodes", { code: "EACCES" }, "labfleet");
  expect([problem, fix === null ? null : fixText(fix)]).toEqual(["cannot read it: EACCES", "ls -ld /data/episodes"]);
});

test("a start that had to make it says so, each time, and no other start does", async () => {
  const root = join(tempDir(), "data");
  const { config } = parseShipperConfig(
    `host_id = "lab1"\n[paths]\ndata_root = "${root}"\n[receiver]\nurl = "http://127.0.0.1:9"\n`,
    "lab-host.toml",
  );
  const dirs = dataDirs(root);
  const said = async (): Promise<string[]> => {
    const log = keptLog("host");
    await makeDataDirs(config, dirs, log);
    return log.lines.filter((line) => line.includes(dirs.episodes));
  };
  const line = `warn: ${inText(closedToRecorders(dirs.episodes))}`;
  expect([await said(), await said()]).toEqual([[`warn: ${inText(unmountedOrClosed(root, dirs.episodes))}`], []]);
  rmSync(dirs.episodes, { recursive: true });
  expect(await said()).toEqual([line]);
});

test("in a data root that is new the disk is thought of first: what is recorded below its mount point is hidden later", () => {
  expect(inText(unmountedOrClosed("/data", "/data/episodes", "labfleet"))).toBe(
    `/data/episodes was not there and is made: nobody but root and labfleet can record in it; fix: if this host has shipped before, mount its disk at /data and restart the shipper; if it is new, let those who record in: ${OPEN}`,
  );
});
