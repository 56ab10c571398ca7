// The archive of an episode: the same episode gives the same bytes, on every host and in every release.

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  renameSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { basename, join } from "node:path";
import { bytePath, SourceChanged } from "../../../lib/shipper/episode/tree-walk.ts";
import { tarBlocks } from "../../../lib/shipper/pack/archive.ts";
import { fingerprintOf as fingerprintWhereThere } from "../../../lib/shipper/pack/pack.ts";
import { writeFiles } from "../../support/lab-host.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { fingerprintOf, walkTree } from "../../support/walked.ts";

const AT = 1_777_616_273;

const poolOf = (bytes: number) => ({ take: () => Buffer.alloc(bytes), zeros: Buffer.alloc(bytes) });

/** The tar of a directory, made in blocks of `blockBytes`. */
function tarOf(root: string, id = "ep1", blockBytes = 65_536): Buffer {
  const source = { root, id, tree: walkTree(root), onFile: () => null };
  const blocks = tarBlocks(source, poolOf(blockBytes));
  return Buffer.concat([...blocks]);
}

const sha256 = (data: Uint8Array): string => new Bun.CryptoHasher("sha256").update(data).digest("hex");
const pathsOf = (root: string): string[] => walkTree(root).entries.map(({ path }) => path);

/** An episode with a bit of everything, every time set. Files are made in the order given. */
function build(root: string, order: (paths: string[]) => string[] = (paths) => paths): string {
  const files: Record<string, string> = {
    "a.txt": "alpha",
    "B.txt": "bravo",
    empty: "",
    "sub/deep/data.bin": "x".repeat(1000),
    "sub.txt": "sorts before sub/ only by bytes",
    "run.sh": "#!/bin/sh\n",
    "mesure-é.csv": "1,2\n",
    [`${"long".repeat(30)}.txt`]: "a name above 100 bytes",
    "done.marker": "",
  };
  for (const path of order(Object.keys(files))) writeFiles(root, { [path]: files[path] ?? "" });
  mkdirSync(join(root, "hollow"));
  writeFileSync(bytePath(root, "bytes-\xff\xfe"), "not UTF-8");
  chmodSync(join(root, "run.sh"), 0o755);
  for (const { path } of walkTree(root).entries) utimesSync(bytePath(root, path), AT, AT);
  return root;
}

describe("the archive", () => {
  test("of a fixed episode has the digest that every release has given it", () => {
    expect(sha256(tarOf(build(join(tempDir(), "e"))))).toBe(
      "55cfb83f365a7e6cdf8e3498cea75823308e4f8b7b6c03fbd4b216b98944df5d",
    );
  });

  test("does not depend on the order in which files were made, nor on the directory it lies in", () => {
    const forwards = tarOf(build(join(tempDir(), "one")));
    const backwards = tarOf(build(join(tempDir(), "another/place"), (paths) => paths.reverse()));
    expect(backwards.equals(forwards)).toBe(true);
  });

  test("does not depend on owner, umask, directory times or fractions of a second", () => {
    const root = build(join(tempDir(), "e"));
    const before = tarOf(root);
    for (const path of ["a.txt", "run.sh"]) chmodSync(join(root, path), path === "run.sh" ? 0o700 : 0o600);
    utimesSync(join(root, "B.txt"), AT, AT + 0.75);
    utimesSync(join(root, "sub"), 5, 5);
    utimesSync(root, 5, 5);
    if (process.getuid?.() === 0) Bun.spawnSync(["chown", "-R", "65534:65534", root]);
    expect(tarOf(root).equals(before)).toBe(true);
  });

  for (const [what, change] of Object.entries({
    "a byte": (root: string) => {
      writeFileSync(join(root, "a.txt"), "alphb");
      utimesSync(join(root, "a.txt"), AT, AT);
    },
    "a name": (root: string) => renameSync(join(root, "a.txt"), join(root, "a2.txt")),
    "the executable bit": (root: string) => chmodSync(join(root, "a.txt"), 0o744),
    "a second": (root: string) => utimesSync(join(root, "a.txt"), AT, AT + 1),
    "an empty directory": (root: string) => mkdirSync(join(root, "hollow2")),
  })) {
    test(`differs by ${what}`, () => {
      const root = build(join(tempDir(), "e"));
      const before = tarOf(root);
      change(root);
      expect(tarOf(root).equals(before)).toBe(false);
    });
  }

  test("is the same in blocks of any size", () => {
    const root = build(join(tempDir(), "e"));
    const whole = tarOf(root);
    for (const size of [1, 7, 512, 513, 4096]) expect(tarOf(root, "ep1", size).equals(whole)).toBe(true);
  });

  test("holds everything below the episode's name, in byte order, and ends in two empty blocks", () => {
    const tar = tarOf(build(join(tempDir(), "e")), "the-name");
    const listed = Bun.spawnSync(["tar", "-t", "--quoting-style=escape"], { stdin: tar, env: { LC_ALL: "C" } })
      .stdout.toString()
      .trim()
      .split("\n");
    expect(listed).toEqual([
      "the-name/",
      "the-name/B.txt",
      "the-name/a.txt",
      "the-name/bytes-\\377\\376",
      "the-name/done.marker",
      "the-name/empty",
      "the-name/hollow/",
      `the-name/${"long".repeat(30)}.txt`,
      "the-name/mesure-\\303\\251.csv",
      "the-name/run.sh",
      "the-name/sub/",
      "the-name/sub/deep/",
      "the-name/sub/deep/data.bin",
      "the-name/sub.txt",
    ]);
    expect(tar.subarray(-1024).every((byte) => byte === 0)).toBe(true);
    expect(tar.length % 512).toBe(0);
  });

  test("of hard links holds each name with its content", () => {
    const root = join(tempDir(), "e");
    writeFiles(root, { one: "the content", "done.marker": "" });
    linkSync(join(root, "one"), join(root, "two"));
    const tar = tarOf(root);
    const dir = tempDir();
    expect(Bun.spawnSync(["tar", "-x", "-C", dir], { stdin: tar }).exitCode).toBe(0);
    expect(Bun.spawnSync(["diff", "-r", root, join(dir, "ep1")]).exitCode).toBe(0);
  });

  test("breaks off when a file became shorter than the walk saw it", () => {
    const root = join(tempDir(), "e");
    writeFiles(root, { data: "x".repeat(5000), "done.marker": "" });
    const tree = walkTree(root);
    truncateSync(join(root, "data"), 100);
    const blocks = tarBlocks({ root, id: "ep1", tree, onFile: () => null }, poolOf(512));
    expect(() => [...blocks]).toThrow(SourceChanged);
  });

  test("does not follow a link that took a file's place", () => {
    const root = join(tempDir(), "e");
    writeFiles(root, { data: "x".repeat(10), "done.marker": "" });
    const tree = walkTree(root);
    renameSync(join(root, "data"), join(root, "aside"));
    symlinkSync("/etc/hostname", join(root, "data"));
    const blocks = tarBlocks({ root, id: "ep1", tree, onFile: () => null }, poolOf(512));
    expect(() => [...blocks]).toThrow("ELOOP");
  });

  test("gives each file's bytes to whoever asks", () => {
    const root = join(tempDir(), "e");
    writeFiles(root, { a: "x".repeat(1300), "sub/b": "second", empty: "", "done.marker": "" });
    const seen: Record<string, string> = {};
    const onFile = (path: string) => {
      let text = "";
      return {
        update: (chunk: Uint8Array): void => {
          text += Buffer.from(chunk).toString();
        },
        end: (): void => {
          seen[path] = text;
        },
      };
    };
    for (const _ of tarBlocks({ root, id: "e", tree: walkTree(root), onFile }, poolOf(100)));
    expect(seen).toEqual({ a: "x".repeat(1300), "sub/b": "second", empty: "", "done.marker": "" });
  });
});

describe("the walk", () => {
  test("leaves out links, pipes, sockets and devices, and names each", async () => {
    const root = join(tempDir(), "e");
    writeFiles(root, { "sub/real": "x", "done.marker": "" });
    symlinkSync("sub", join(root, "to-dir"));
    symlinkSync("nowhere", join(root, "broken"));
    Bun.spawnSync(["mkfifo", join(root, "sub/pipe")]);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(root, "sock"), resolve));
    const tree = walkTree(root);
    server.close();
    expect(tree.entries.map(({ path }) => path)).toEqual(["", "done.marker", "sub", "sub/real"]);
    expect(tree.skipped).toEqual([
      "broken (symbolic link)",
      "sock (socket)",
      "sub/pipe (named pipe)",
      "to-dir (symbolic link)",
    ]);
    expect(tree.bytes).toBe(1);
  });

  test("leaves out our own receipt and rejection, and keeps a producer's", () => {
    const root = join(tempDir(), "e");
    const ours = JSON.stringify({ labfleet: 1, episode_id: basename(root), status: "stored" });
    writeFiles(root, { "receipt.json": ours, "rejection.json": ours, "sub/receipt.json": ours });
    expect(pathsOf(root)).toEqual(["", "sub", "sub/receipt.json"]);
    writeFiles(root, { "receipt.json": '{"total": 5}', "rejection.json": "not JSON" });
    expect(pathsOf(root)).toEqual(["", "receipt.json", "rejection.json", "sub", "sub/receipt.json"]);
  });

  test("keeps a receipt.json that is too large to be ours", () => {
    const root = join(tempDir(), "e");
    writeFiles(root, {
      "receipt.json": JSON.stringify({ labfleet: 1, episode_id: basename(root), data: "x".repeat(1024 * 1024) }),
    });
    expect(pathsOf(root)).toEqual(["", "receipt.json"]);
  });

  test("gives a text that changes with every write, and not with a move or a directory's time", () => {
    const root = join(tempDir(), "e");
    writeFiles(root, { a: "one", "done.marker": "" });
    const before = fingerprintOf(root);
    utimesSync(root, 1, 1);
    const moved = `${root}-moved`;
    renameSync(root, moved);
    expect(fingerprintOf(moved)).toBe(before);
    const texts = [before];
    const note = (): number => texts.push(fingerprintOf(moved));
    writeFileSync(join(moved, "a"), "longer");
    note();
    utimesSync(join(moved, "a"), 1, 1);
    note();
    writeFileSync(join(moved, "b"), "");
    note();
    symlinkSync("a", join(moved, "link"));
    note();
    lutimesSync(join(moved, "link"), 1, 1);
    expect(new Set(texts).size).toBe(5);
  });

  test("of what cannot be read is no fingerprint", async () => {
    expect(await fingerprintWhereThere(join(tempDir(), "gone"))).toBeNull();
  });
});
