// Files that are whole or not there.

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  clearName,
  exists,
  freeBytes,
  makeDir,
  publishNoReplace,
  readIfExists,
  readRegularFile,
  renameDurable,
  symlinkDurable,
  writeFileDurable,
} from "../../../lib/os/files/files.ts";
import { smallDisk, smallDiskMissing } from "../../support/small-disk.ts";
import { tempDir } from "../../support/temp-dir.ts";

const MIB = 1024 * 1024;

describe("writing a file", () => {
  test("replaces the old text whole, with the mode asked for, and leaves nothing else", async () => {
    const dir = tempDir();
    const path = join(dir, "a.json");
    await writeFileDurable(path, "a long first text");
    await writeFileDurable(path, "short");
    expect([readFileSync(path, "utf8"), readdirSync(dir), statSync(path).mode & 0o777]).toEqual([
      "short",
      ["a.json"],
      0o640,
    ]);
    await writeFileDurable(path, "x", 0o600);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("many at once take turns: none takes another's temporary file, one that fails stops no other, the last one holds", async () => {
    const dir = tempDir();
    const path = join(dir, "a");
    const texts = Array.from({ length: 20 }, (_, i) => `${i}`.repeat(1000));
    await Promise.all(texts.map((text) => writeFileDurable(path, text)));
    expect([readFileSync(path, "utf8"), readdirSync(dir)]).toEqual(["19".repeat(1000), ["a"]]);
    const taken = join(dir, "b");
    mkdirSync(taken);
    const refused = writeFileDurable(taken, "1").catch(() => rmdirSync(taken));
    const after = writeFileDurable(taken, "2");
    await refused;
    await after;
    expect(readFileSync(taken, "utf8")).toBe("2");
  });

  test("keeps the old text for whoever has it open", async () => {
    const path = join(tempDir(), "a");
    await writeFileDurable(path, "old");
    const file = await import("node:fs/promises").then((fs) => fs.open(path));
    await writeFileDurable(path, "new");
    expect(await file.readFile("utf8")).toBe("old");
    await file.close();
  });

  test("takes over a temporary file that a killed run of the same pid left", async () => {
    const dir = tempDir();
    writeFileSync(join(dir, `.a.${process.pid}.tmp`), "a long half-written text");
    await writeFileDurable(join(dir, "a"), "x");
    expect([readFileSync(join(dir, "a"), "utf8"), readdirSync(dir)]).toEqual(["x", ["a"]]);
  });

  test("where there is no directory fails with the file system's word", async () => {
    await expect(writeFileDurable(join(tempDir(), "none/a"), "x")).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("renaming", () => {
  test("moves a directory to another parent", async () => {
    const dir = tempDir();
    for (const name of ["from/ep", "to"]) mkdirSync(join(dir, name), { recursive: true });
    await renameDurable(join(dir, "from/ep"), join(dir, "to/ep"));
    expect([readdirSync(join(dir, "from")), readdirSync(join(dir, "to"))]).toEqual([[], ["ep"]]);
  });

  test("never puts a directory in place of one that holds something", async () => {
    const dir = tempDir();
    for (const name of ["a", "b/full"]) mkdirSync(join(dir, name), { recursive: true });
    await expect(renameDurable(join(dir, "a"), join(dir, "b"))).rejects.toMatchObject({ code: "ENOTEMPTY" });
    expect(existsSync(join(dir, "a"))).toBe(true);
  });
});

describe("a symbolic link", () => {
  test("takes the place of the old one, whatever a kill has left of an earlier try", async () => {
    const dir = tempDir();
    symlinkSync("old", join(dir, "current"));
    symlinkSync("elsewhere", join(dir, ".current.new"));
    await symlinkDurable("new", join(dir, "current"));
    expect([readdirSync(dir), readlinkSync(join(dir, "current"))]).toEqual([["current"], "new"]);
  });
});

describe("publishing", () => {
  test("gives a free name to a file, and keeps the old one", async () => {
    const dir = tempDir();
    writeFileSync(join(dir, "temp"), "x");
    expect(await publishNoReplace(join(dir, "temp"), join(dir, "final"))).toBe(true);
    expect(readdirSync(dir).sort()).toEqual(["final", "temp"]);
  });

  test("never replaces what has the name, be it a file, a directory or a broken link", async () => {
    const dir = tempDir();
    writeFileSync(join(dir, "temp"), "new");
    writeFileSync(join(dir, "file"), "old");
    mkdirSync(join(dir, "directory"));
    symlinkSync("nowhere", join(dir, "link"));
    for (const name of ["file", "directory", "link"]) {
      expect(await publishNoReplace(join(dir, "temp"), join(dir, name))).toBe(false);
    }
    expect(readFileSync(join(dir, "file"), "utf8")).toBe("old");
  });

  test("of a file that is not there is an error", async () => {
    const dir = tempDir();
    await expect(publishNoReplace(join(dir, "none"), join(dir, "final"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("by two at once succeeds for exactly one", async () => {
    const dir = tempDir();
    const temps = Array.from({ length: 16 }, (_, i) => join(dir, `temp${i}`));
    for (const temp of temps) writeFileSync(temp, temp);
    const won = await Promise.all(temps.map((temp) => publishNoReplace(temp, join(dir, "final"))));
    expect(won.filter(Boolean).length).toBe(1);
    expect(readFileSync(join(dir, "final"), "utf8")).toBe(temps[won.indexOf(true)] ?? "");
  });
});

describe("looking", () => {
  test("reads a file, and null where there is none", async () => {
    const dir = tempDir();
    writeFileSync(join(dir, "a"), "é");
    expect([await readIfExists(join(dir, "a")), await readIfExists(join(dir, "none"))]).toEqual(["é", null]);
    await expect(readIfExists(dir)).rejects.toMatchObject({ code: "EISDIR" });
  });

  test("sees what is there, also where it may not be read, and below a file nothing", async () => {
    const dir = tempDir();
    writeFileSync(join(dir, "a"), "");
    chmodSync(join(dir, "a"), 0);
    expect([await exists(join(dir, "a")), await exists(join(dir, "b")), await exists(join(dir, "a/b"))]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test("reads a regular file only, and never waits for anything else", async () => {
    const dir = tempDir();
    writeFileSync(join(dir, "file"), "text");
    symlinkSync("file", join(dir, "link"));
    Bun.spawnSync(["mkfifo", join(dir, "pipe")]);
    const read = (name: string, max = 4): Promise<string | null> => readRegularFile(join(dir, name), max);
    expect([
      await read("file"),
      await read("file", 3),
      await read("link"),
      await read("pipe"),
      await read(""),
      await read("none"),
    ]).toEqual(["text", null, null, null, null, null]);
    expect(await readRegularFile("/dev/zero", 10)).toBeNull();
  });
});

test("a name is cleared of whatever has it, or of nothing; but a directory with something in it stays", async () => {
  const dir = tempDir();
  const at = (name: string): string => join(dir, name);
  writeFileSync(at("file"), "x");
  mkdirSync(at("empty"));
  symlinkSync(at("file.kept"), at("link"));
  writeFileSync(at("file.kept"), "kept");
  for (const name of ["none", "file", "empty", "link"]) await clearName(at(name));
  expect(readdirSync(dir)).toEqual(["file.kept"]);
  mkdirSync(at("full/deeper"), { recursive: true });
  expect(await clearName(at("full")).catch((error: unknown) => error)).toMatchObject({ code: "ENOTEMPTY" });
  expect(existsSync(at("full/deeper"))).toBe(true);
});

test("a directory is made with its parents, also by several at once, and may be there already", async () => {
  const path = join(tempDir(), "a/b/c");
  await Promise.all([makeDir(path), makeDir(path), makeDir(path)]);
  await makeDir(path);
  expect(statSync(path).mode & 0o777).toBe(0o750);
});

test.skipIf(smallDiskMissing !== null)("free bytes are what df(1) says, of a disk that is ours alone", async () => {
  using disk = smallDisk(4);
  const free = async (): Promise<[number, number]> => {
    const df = Bun.spawnSync(["df", "-B1", "--output=avail", disk.path]).stdout.toString();
    return [await freeBytes(disk.path), Number(df.split("\n")[1])];
  };
  expect(await free()).toEqual([4 * MIB, 4 * MIB]);
  writeFileSync(join(disk.path, "file"), Buffer.alloc(MIB));
  expect(await free()).toEqual([3 * MIB, 3 * MIB]);
});

describe("whether something may be used", () => {
  const REFUSED = `
    const { refusedUse } = await import("${import.meta.dir}/../../../lib/os/file-calls.ts");
    console.log(process.argv.slice(1).map((path) => refusedUse(path, 7) ?? "yes").join(" "));`;

  test.skipIf(process.getuid?.() !== 0)(
    "is judged by the effective user and its capabilities (skipped: needs root)",
    () => {
      const dir = tempDir();
      chmodSync(dir, 0o755);
      mkdirSync(join(dir, "open"), { mode: 0o777 });
      chmodSync(join(dir, "open"), 0o777);
      mkdirSync(join(dir, "roots"), { mode: 0o700 });
      const ask = (...capabilities: string[]): string => {
        const who = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ...capabilities];
        const what = [process.execPath, "-e", REFUSED, join(dir, "open"), join(dir, "roots"), join(dir, "none")];
        return Bun.spawnSync([...who, ...what])
          .stdout.toString()
          .trim();
      };
      expect(ask()).toBe("yes EACCES ENOENT");
      expect(ask("--inh-caps=+dac_override", "--ambient-caps=+dac_override")).toBe("yes yes ENOENT");
    },
  );

  test("is asked of a link itself, not of where it leads: a link to nowhere is there", async () => {
    const dir = tempDir();
    symlinkSync("nowhere", join(dir, "link"));
    expect([await exists(join(dir, "link")), await exists(join(dir, "none"))]).toEqual([true, false]);
  });
});

test("a pipe that nobody writes to is no file of ours, and is not waited for", async () => {
  const path = join(tempDir(), "state.json");
  Bun.spawnSync(["mkfifo", path]);
  await expect(readIfExists(path)).rejects.toMatchObject({ code: "EINVAL" });
});

test("a state file beyond all measure is not read", async () => {
  const path = join(tempDir(), "state.json");
  writeFileSync(path, "12345");
  await expect(readIfExists(path, 4)).rejects.toMatchObject({ code: "EFBIG" });
  expect(await readIfExists(path, 5)).toBe("12345");
});
