// Episodes with a manifest in their marker, packed for real: what is proved is shipped, and nothing else that is listed.

import { describe, expect, test } from "bun:test";
import { readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MARKER_MAX_BYTES } from "../../../lib/shipper/episode/marker.ts";
import { bytePath } from "../../../lib/shipper/episode/tree-walk.ts";
import type { PackResult } from "../../../lib/shipper/pack/job.ts";
import { packEpisode } from "../../../lib/shipper/pack/pack.ts";
import { writeFiles } from "../../support/lab-host.ts";
import { tempDir } from "../../support/temp-dir.ts";

const sha = (algorithm: "sha256" | "sha512", text: string): string =>
  new Bun.CryptoHasher(algorithm).update(text).digest("hex");

function place(files: Readonly<Record<string, string>>): { root: string; pack: () => Promise<PackResult> } {
  const base = tempDir();
  const root = join(base, "ep1");
  writeFiles(root, { "done.marker": "", ...files });
  const job = { root, id: "ep1", part: join(base, ".ep1.part"), reserveBytes: 0, maxBytes: null };
  return { root, pack: () => packEpisode(job, { moved: () => {}, cancelled: () => false }) };
}

describe("two names that differ in a byte that is no UTF-8", () => {
  const MANIFEST = `${sha("sha256", "first")}  a\xff\n${sha("sha256", "second")}  a\xfe\n`;
  const build = (first: string, second: string): (() => Promise<PackResult>) => {
    const { root, pack } = place({});
    writeFileSync(bytePath(root, "a\xff"), first);
    writeFileSync(bytePath(root, "a\xfe"), second);
    writeFileSync(join(root, "done.marker"), Buffer.from(MANIFEST, "latin1"));
    return pack;
  };

  test("are two files: a whole episode is packed", async () => {
    expect(await build("first", "second")()).toMatchObject({ kind: "packed", files: 3, unlisted: 0 });
  });

  for (const [first, second, fault] of [
    ["damaged", "second", "a\\xff (differs)"],
    ["first", "damaged", "a\\xfe (differs)"],
  ] as const) {
    test(`are two files: ${fault} is not shipped as proved`, async () => {
      expect(await build(first, second)()).toMatchObject({ kind: "incomplete", faults: [fault] });
    });
  }
});

describe("a manifest", () => {
  test("of SHA-512 is checked, and of both digests both", async () => {
    const both = `${sha("sha256", "x")}  x\n${sha("sha512", "x")}  x\n`;
    expect(await place({ x: "x", "done.marker": both }).pack()).toMatchObject({ kind: "packed" });
    const wrong = both.replace(sha("sha512", "x"), sha("sha512", "y"));
    expect(await place({ x: "x", "done.marker": wrong }).pack()).toMatchObject({ faults: ["x (differs)"] });
  });

  test("of another algorithm is not passed over", async () => {
    expect(await place({ x: "x", "done.marker": `${"a".repeat(32)}  x\n` }).pack()).toMatchObject({
      kind: "incomplete",
      detail: "done.marker: line 1 is of MD5: only SHA-256 and SHA-512 in hex are checked",
      faults: [],
    });
  });

  test("that lists some files: the others are packed too, and counted", async () => {
    const marker = `${sha("sha256", "x")}  x\n`;
    expect(await place({ x: "x", y: "y", "sub/z": "z", "done.marker": marker }).pack()).toMatchObject({
      kind: "packed",
      files: 4,
      unlisted: 2,
    });
    expect(await place({ x: "x" }).pack()).toMatchObject({ files: 2, unlisted: 0 });
  });

  test("that lists a link says that it is one: the sum tools follow it, we do not", async () => {
    const { root, pack } = place({ x: "x", "done.marker": `${sha("sha256", "x")}  latest\n` });
    symlinkSync("x", join(root, "latest"));
    expect(await pack()).toMatchObject({ kind: "incomplete", faults: ["latest (symbolic link)"] });
  });

  test("with thousands of faults names a few hundred: its rejection stays small enough to be ours", async () => {
    const lines = Array.from({ length: 3000 }, (_, n) => `${sha("sha256", "x")}  ${"long".repeat(50)}/${n}\n`);
    const result = await place({ "done.marker": lines.join("") }).pack();
    if (result.kind !== "incomplete") throw new Error(result.kind);
    expect(result.faults.length).toBe(500);
    expect(result.detail).toEndWith(", and 2997 more");
    expect(JSON.stringify(result).length).toBeLessThan(500_000);
  });

  test("above the limit is not passed over", async () => {
    const { root, pack } = place({ x: "x" });
    truncateSync(join(root, "done.marker"), MARKER_MAX_BYTES + 1);
    expect(await pack()).toMatchObject({
      kind: "incomplete",
      detail: "done.marker: it has 16777217 bytes; at most 16777216 are read",
    });
  });
});

describe("the shell lines of docs/operating.md", () => {
  const docs = readFileSync(join(import.meta.dir, "../../../docs/operating.md"), "utf8");
  const recipe = /```sh\n(cd "\$EPISODE"\n[^`]+)```/.exec(docs)?.[1] ?? "exit 9";

  for (const shell of ["sh", "bash"]) {
    test.skipIf(Bun.which(shell) === null)(`make a manifest of everything, run by ${shell}`, async () => {
      const { root, pack } = place({ "a b": "1", ".hidden": "2", "sub/.m": "3", "sub/deep/x": "4" });
      writeFileSync(bytePath(root, "sub/\xff\n\\"), "5");
      Bun.spawnSync(["rm", join(root, "done.marker")]);
      const done = Bun.spawnSync([shell, "-c", recipe], { env: { PATH: process.env.PATH, EPISODE: root } });
      expect([done.exitCode, done.stderr.toString()]).toEqual([0, ""]);
      expect(await pack()).toMatchObject({ kind: "packed", files: 6, unlisted: 0 });
      writeFileSync(join(root, "sub/deep/x"), "!");
      expect(await pack()).toMatchObject({ kind: "incomplete", faults: ["sub/deep/x (differs)"] });
    });
  }
});
