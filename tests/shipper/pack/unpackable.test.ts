// What no archive can hold: said once by name, put into quarantine, and never tried again and again.

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { PATH_BYTES } from "../../../lib/shipper/episode/tree-walk.ts";
import type { PackResult } from "../../../lib/shipper/pack/job.ts";
import { packEpisode } from "../../../lib/shipper/pack/pack.ts";
import { newEntry } from "../../../lib/shipper/queue/entry.ts";
import { packStep } from "../../../lib/shipper/work/pack-step.ts";
import { inText } from "../../support/in-text.ts";
import { makeEpisode } from "../../support/lab-host.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { scriptedEngine } from "../../support/scripted-engine.ts";
import { smallDisk, smallDiskMissing } from "../../support/small-disk.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { fingerprintOf, walkTree } from "../../support/walked.ts";

/** Makes directories in each other, however long the path gets: mkdir(1) goes step by step, as a recorder may. */
function deep(directory: string, names: readonly string[]): void {
  const done = Bun.spawnSync(["mkdir", "-p", names.join("/")], { cwd: directory });
  if (done.exitCode !== 0) throw new Error(done.stderr.toString());
}

const pack = (root: string): Promise<PackResult> => {
  const job = { root, id: "ep", part: join(root, "../../outbox/.ep.part"), reserveBytes: 0, maxBytes: null };
  return packEpisode(job, { moved: () => {}, cancelled: () => false });
};

function place(log = quietLog) {
  const { engine, dirs } = scriptedEngine(tempDir(), (id) => pack(join(dirs.episodes, id)), undefined, log);
  const deps = {
    ...engine.deps,
    packer: { ...engine.deps.packer, fingerprint: async (root: string) => fingerprintOf(root) },
  };
  return { dirs, deps, episode: makeEpisode(dirs, "ep") };
}

describe("an episode", () => {
  test("with names of 255 bytes, in a path of thousands, is packed", async () => {
    const { episode } = place();
    deep(episode, Array<string>(15).fill("n".repeat(255)));
    expect((await pack(episode)).kind).toBe("packed");
  });

  test("with a path longer than any archive's reader can make goes to quarantine, which says so in one line", async () => {
    const said: string[] = [];
    const { dirs, deps, episode } = place({ ...quietLog, error: (line) => said.push(inText(line)) });
    deep(episode, Array<string>(20).fill("d".repeat(250)));
    const step = await packStep(deps, newEntry("ep", 0, "packing"), { maxBytes: null, reserveBytes: 0 }, () => false);
    expect(step).toEqual({ next: "gone", counts: "quarantined" });
    expect(existsSync(episode)).toBe(false);
    const rejection = JSON.parse(readFileSync(join(dirs.quarantine, "ep/rejection.json"), "utf8"));
    expect(rejection).toMatchObject({ reason: "unpackable", prunable: false });
    expect(rejection.detail).toMatch(
      /^it cannot be packed: d{99}….* is a path of 4015 bytes, and at most 3840 are packed$/,
    );
    expect(said).toHaveLength(1);
    expect(said[0]?.length).toBeLessThan(400);
  });

  test("of many such paths names one and counts the others", async () => {
    const { episode } = place();
    for (const name of ["a", "b", "c"]) deep(episode, [name, ...Array<string>(PATH_BYTES / 40).fill("d".repeat(40))]);
    const result = await pack(episode);
    expect(result.kind).toBe("unpackable");
    expect("detail" in result && result.detail).toMatch(/^it cannot be packed: a\/d.*, and 2 more$/);
    expect(JSON.stringify(result).length).toBeLessThan(2000);
  });

  test("is the same one wherever it lies, also where it cannot be packed", () => {
    const { episode } = place();
    deep(episode, Array<string>(20).fill("d".repeat(250)));
    const before = fingerprintOf(episode);
    const moved = `${episode}-under-a-longer-name`;
    Bun.spawnSync(["mv", episode, moved]);
    expect(before).not.toBeNull();
    expect(fingerprintOf(moved)).toBe(before);
    // And another one with one more such path, beside the first.
    deep(moved, [...Array<string>(15).fill("d".repeat(250)), "x".repeat(250)]);
    expect(fingerprintOf(moved)).not.toBe(before);
  });

  test.skipIf(smallDiskMissing !== null)(
    `of more bytes than can ever be packed is refused by name (${smallDiskMissing ?? "tmpfs"})`,
    async () => {
      using disk = smallDisk(4);
      const root = join(disk.path, "ep");
      Bun.spawnSync(["mkdir", root]);
      Bun.spawnSync(["touch", join(root, "done.marker"), join(root, "endless")]);
      truncateSync(join(root, "endless"), 16 * 1024 ** 4 + 1);
      expect(walkTree(root).unpackable).toEqual([
        "the files have 17592186044417 bytes in all, and at most 17592186044416 are packed",
      ]);
      truncateSync(join(root, "endless"), 16 * 1024 ** 4);
      expect(walkTree(root).unpackable).toEqual([]);
    },
  );
});
