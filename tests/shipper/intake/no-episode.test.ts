// What stands in episodes/ and is no episode: named, with a command that, when it is run, leaves nothing to be named.

import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixText } from "../../../lib/core/finding.ts";
import { bytePath } from "../../../lib/shipper/episode/tree-walk.ts";
import { scanEpisodes } from "../../../lib/shipper/intake/scan.ts";
import { makeDirs, makeEpisode, writeFiles } from "../../support/lab-host.ts";
import { tempDir } from "../../support/temp-dir.ts";

const place = () => makeDirs(mkdirTemp());
/** A data root with a blank and a quote in its path. */
function mkdirTemp(): string {
  const root = join(tempDir(), "lab's data");
  mkdirSync(root);
  return root;
}

async function problemsIn(episodes: string) {
  const { problems, finished } = await scanEpisodes(episodes, () => false);
  const said = problems.map(({ name, problem, fix }) => ({ name, problem, fix: fix === null ? "" : fixText(fix) }));
  return { said, ids: finished.map(({ id }) => id).sort() };
}

/** Runs the commands of a remedy; root needs no sudo. */
function mend(fix: string): void {
  const bin = mkdtempSync(join(tmpdir(), "labfleet-bin-"));
  writeFileSync(join(bin, "sudo"), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
  const done = Bun.spawnSync(["bash", "-c", fix], { env: { PATH: `${bin}:${process.env.PATH}` } });
  rmSync(bin, { recursive: true });
  expect([fix, done.exitCode, done.stderr.toString()]).toEqual([fix, 0, ""]);
}

describe("a directory of a name that no URL can carry", () => {
  for (const [name, to] of [
    ["with blank", "with_blank"],
    ["a~1", "a_1"],
    ["é", "episode"],
    ["line\nbreak", "line_break"],
    ['x" episode=forged', "x__episode_forged"],
    [".hidden", "hidden"],
    ["x".repeat(129), "x".repeat(120)],
    ["it's", "it_s"],
  ] as const) {
    test(`is named, and gets one that fits: ${JSON.stringify(name.slice(0, 30))}`, async () => {
      const { episodes } = place();
      writeFiles(join(episodes, name), { x: "1", "done.marker": "" });
      const { said } = await problemsIn(episodes);
      expect(said.map((one) => one.name)).toEqual([name]);
      expect(said[0]?.problem).toEndWith(
        "its directory needs a name of 1 to 128 of A-Z a-z 0-9 . _ -, beginning with a letter or a digit",
      );
      // No name that could pass for something else stands in the command.
      expect(said[0]?.fix).not.toMatch(/=forged|\n|é/);
      mend(said[0]?.fix ?? "");
      expect(await problemsIn(episodes)).toEqual({ said: [], ids: [to] });
    });
  }

  test("never takes the place of another", async () => {
    const dirs = place();
    for (const id of ["a_b", "a_b-2"]) makeEpisode(dirs, id);
    writeFiles(join(dirs.episodes, "a b"), { "done.marker": "" });
    mend((await problemsIn(dirs.episodes)).said[0]?.fix ?? "");
    expect((await problemsIn(dirs.episodes)).ids).toEqual(["a_b", "a_b-2", "a_b-3"]);
  });

  test("that is no UTF-8 is told from another, and each gets a name", async () => {
    const { episodes } = place();
    for (const name of ["a\xff", "a\xfe"]) {
      mkdirSync(bytePath(episodes, name));
      writeFileSync(bytePath(episodes, `${name}/done.marker`), "");
    }
    const { said } = await problemsIn(episodes);
    expect(said.map(({ name }) => name).sort()).toEqual(["a\\xfe", "a\\xff"]);
    for (let n = 0; n < 2; n++) mend((await problemsIn(episodes)).said[0]?.fix ?? "");
    expect(await problemsIn(episodes)).toEqual({ said: [], ids: ["a_xfe", "a_xff"] });
  });
});

describe("what is no directory", () => {
  for (const name of ["ep1.tar", "odd = name", "b\nc"]) {
    test(`but a file is named, and can be moved aside: ${JSON.stringify(name)}`, async () => {
      const { episodes } = place();
      writeFileSync(join(episodes, name), "the data");
      const { said } = await problemsIn(episodes);
      expect(said.map(({ problem }) => problem)).toEqual([
        "it is a file, and an episode is a directory with a done.marker in it",
      ]);
      mend(said[0]?.fix ?? "");
      expect(readdirSync(episodes)).toEqual([]);
      expect(readdirSync(join(episodes, "..")).some((left) => left.endsWith(".aside"))).toBe(true);
    });
  }

  test("but a link to one is named, and the command makes it an episode; what it led to stays", async () => {
    const dirs = place();
    const elsewhere = makeEpisode(makeDirs(tempDir()), "elsewhere", { "sub/x": "1" });
    symlinkSync(elsewhere, join(dirs.episodes, "ep1"));
    const { said, ids } = await problemsIn(dirs.episodes);
    expect([said.map(({ problem }) => problem), ids]).toEqual([
      ["it is a symbolic link, and links are not followed"],
      [],
    ]);
    mend(said[0]?.fix ?? "");
    expect(await problemsIn(dirs.episodes)).toEqual({ said: [], ids: ["ep1"] });
    expect(readdirSync(elsewhere).sort()).toEqual(["data.bin", "done.marker", "sub"]);
  });

  for (const target of ["nowhere", "/etc/hostname", "."]) {
    test(`but a link to ${target} is named and never followed`, async () => {
      const { episodes } = place();
      symlinkSync(target === "." ? episodes : target, join(episodes, "link of mine"));
      const { said } = await problemsIn(episodes);
      expect(said.map(({ name }) => name)).toEqual(["link of mine"]);
      mend(said[0]?.fix ?? "");
      expect(readdirSync(episodes)).toEqual([]);
    });
  }

  test("but a pipe or a socket is named", async () => {
    const { episodes } = place();
    Bun.spawnSync(["mkfifo", join(episodes, "pipe")]);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(episodes, "socket"), resolve));
    const { said } = await problemsIn(episodes);
    server.close();
    expect(said.map(({ name, problem }) => `${name}: ${problem}`).sort()).toEqual([
      "pipe: it is no directory, and an episode is a directory with a done.marker in it",
      "socket: it is no directory, and an episode is a directory with a done.marker in it",
    ]);
  });
});
