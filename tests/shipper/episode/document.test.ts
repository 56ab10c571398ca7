// The note that a settled episode carries, beside whatever the episode has under that name itself.

import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isOurDocument, readDocument, removeDocument, writeDocument } from "../../../lib/shipper/episode/document.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { walkTree } from "../../support/walked.ts";

function episode() {
  const base = tempDir();
  const directory = join(base, "ep");
  mkdirSync(directory);
  const write = (text: string): Promise<void> =>
    writeDocument(directory, "shipped", { text }, join(base, ".ep.document.part"));
  const read = async (): Promise<unknown> => JSON.parse((await readDocument(directory, "shipped")) ?? "null");
  return { base, directory, write, read };
}

describe("our document", () => {
  test("is receipt.json, is replaced by the next one, and leaves no part", async () => {
    const { base, directory, write, read } = episode();
    expect(await read()).toBeNull();
    await write("first");
    await write("second");
    expect(await read()).toEqual({ labfleet: 1, episode_id: "ep", text: "second" });
    expect([readdirSync(directory), readdirSync(base)]).toEqual([["receipt.json"], ["ep"]]);
  });

  const OWN: Record<string, (path: string) => void> = {
    "a file": (path) => writeFileSync(path, '{"total": 5}'),
    "a directory": (path) => mkdirSync(path),
    "a pipe": (path) => void Bun.spawnSync(["mkfifo", path]),
    "the receipt of another episode": (path) => writeFileSync(path, '{"labfleet": 1, "episode_id": "ep0"}'),
    "a torn file": (path) => writeFileSync(path, '{"labfleet": 1, "ver'),
  };
  for (const [what, make] of Object.entries(OWN)) {
    test(`stands beside ${what} of that name, which stays as it is`, async () => {
      const { directory, write, read } = episode();
      make(join(directory, "receipt.json"));
      const before = walkTree(directory);
      await write("x");
      await write("y");
      expect(await read()).toEqual({ labfleet: 1, episode_id: "ep", text: "y" });
      expect(readdirSync(directory).sort()).toEqual(["receipt.json", "receipt.labfleet.json"]);
      expect(walkTree(directory)).toEqual(before);
      await removeDocument(directory, "shipped");
      expect(readdirSync(directory)).toEqual(["receipt.json"]);
    });
  }

  test("finds a third name where the first two are the episode's own, and is no part of the episode there", async () => {
    const { directory, write, read } = episode();
    for (const name of ["receipt.json", "receipt.labfleet.json"]) writeFileSync(join(directory, name), "mine");
    const before = walkTree(directory);
    await write("x");
    expect(await read()).toEqual({ labfleet: 1, episode_id: "ep", text: "x" });
    expect(readdirSync(directory).sort()).toContain("receipt.labfleet.2.json");
    expect(walkTree(directory)).toEqual(before);
  });

  test("is found, and written over, when the file that had the name before it was taken away since", async () => {
    const { directory, write, read } = episode();
    writeFileSync(join(directory, "receipt.json"), "mine");
    await write("x");
    rmSync(join(directory, "receipt.json"));
    expect(await read()).toEqual({ labfleet: 1, episode_id: "ep", text: "x" });
    await write("y");
    expect(readdirSync(directory)).toEqual(["receipt.labfleet.json"]);
  });

  test("is refused in one sentence when twenty names are the episode's own, and nothing is touched", async () => {
    const { directory, write } = episode();
    const names = ["receipt.json", "receipt.labfleet.json"];
    for (let n = 2; n < 20; n++) names.push(`receipt.labfleet.${n}.json`);
    for (const name of names) writeFileSync(join(directory, name), "mine");
    await expect(write("x")).rejects.toMatchObject({ code: "EEXIST" });
    for (const name of names) expect(readFileSync(join(directory, name), "utf8")).toBe("mine");
  });

  test("of a refusal and of a delivery do not stand in each other's way", async () => {
    const { base, directory, write } = episode();
    await write("x");
    await writeDocument(directory, "quarantine", { reason: "r" }, join(base, ".part"));
    expect(readdirSync(directory).sort()).toEqual(["receipt.json", "rejection.json"]);
    await removeDocument(directory, "quarantine");
    await removeDocument(directory, "quarantine");
    expect(readdirSync(directory)).toEqual(["receipt.json"]);
  });

  test("is told from a producer's by its mark", () => {
    const texts = [
      '{"labfleet":1,"episode_id":"ep"}',
      '{"labfleet":1}',
      "{}",
      "null",
      "[]",
      "5",
      '"labfleet"',
      '{"labfleet":',
      "",
    ];
    const ours = texts.map((text) => isOurDocument(text, "/data/shipped/ep"));
    expect(ours).toEqual([true, false, false, false, false, false, false, false, false]);
  });

  test.each([
    ["ep", "/data/episodes/ep", true],
    ["ep", "/data/shipped/ep~2", true],
    ["ep~2", "/data/shipped/ep~2", false],
    ["ep0", "/data/episodes/ep", false],
    [null, "/data/episodes/ep", false],
  ])("that says %p is ours in %s: %p", (episode_id, directory, isOurs) => {
    expect(isOurDocument(JSON.stringify({ labfleet: 1, episode_id }), directory)).toBe(isOurs);
  });
});
