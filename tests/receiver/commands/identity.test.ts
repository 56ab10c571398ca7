// `receiver identity`: what it prints, what it settles, and what it will not touch while a receiver runs.

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lockDataRoot } from "../../../lib/os/files/lock.ts";
import { identityPaths, writeIdentity } from "../../../lib/receiver/identity/files.ts";
import { cleanUp, tempDir } from "../support.ts";

afterEach(cleanUp);
setDefaultTimeout(180_000);

const RECEIVER = join(import.meta.dir, "../../../bin/receiver.ts");
const A = "a".repeat(32);
const B = "b".repeat(32);
const C = "c".repeat(32);

function collector() {
  const root = tempDir();
  const data = join(root, "data");
  mkdirSync(join(data, "episodes"), { recursive: true });
  const config = join(root, "collector.toml");
  writeFileSync(config, `[paths]\ndata_root = "${data}"\nrun_dir = "${root}/run"\n`);
  const identity = (...args: string[]) => {
    const argv = [process.execPath, RECEIVER, "identity", "--config", config, ...args];
    const { exitCode, stdout, stderr } = Bun.spawnSync(argv, { env: { ...process.env, NO_COLOR: "1" } });
    return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
  };
  const paths = identityPaths(data);
  const files = () => [readFileSync(paths.root, "utf8"), readFileSync(paths.episodes, "utf8")];
  return { root, data, paths, identity, files };
}

describe("it prints", () => {
  test("the id and whom it succeeds, for people and programs", async () => {
    const { data, identity } = collector();
    await writeIdentity(data, { id: A, succeeds: [B, C] });
    expect(identity()).toEqual({
      code: 0,
      out: `receiver id  ${A}\nsucceeds     ${B}, ${C}\ndata root    ${data}\n`,
      err: "",
    });
    expect(JSON.parse(identity("--json").out)).toEqual({ data_root: data, receiver_id: A, succeeds: [B, C] });
  });

  test("that there is none yet, and makes none", async () => {
    const { data, paths, identity } = collector();
    expect(JSON.parse(identity("--json").out)).toEqual({ data_root: data, receiver_id: null, succeeds: [] });
    expect(identity().out).toContain("none yet: the receiver makes one at its next start");
    for (const path of Object.values(paths)) expect(() => readFileSync(path)).toThrow("ENOENT");
  });

  test("nothing of a mount point without its disk: exit 2", () => {
    const { data, identity } = collector();
    rmSync(join(data, "episodes"), { recursive: true });
    expect(identity("--json")).toMatchObject({ code: 2, out: "" });
    expect(identity("--new")).toMatchObject({ code: 2, out: "" });
  });
});

describe("it settles", () => {
  test("whom the store follows, beside a receiver that runs, in both files", async () => {
    const { root, data, identity, files } = collector();
    await writeIdentity(data, { id: A, succeeds: [] });
    lockDataRoot("receiver", data, join(root, "run"));
    expect(identity("--succeeds", B)).toMatchObject({ code: 0, out: expect.stringContaining(`succeeds     ${B}\n`) });
    expect(identity("--succeeds", B).code).toBe(0);
    expect(files()).toEqual(Array(2).fill(`${A}\nsucceeds ${B}\n`));
    expect(identity("--forget", B).code).toBe(0);
    expect(files()).toEqual(Array(2).fill(`${A}\n`));
    expect(identity("--forget", B)).toMatchObject({
      code: 2,
      err: expect.stringContaining("succeeds none of that id"),
    });
  });

  test("another id, and says what it was before and what that means", async () => {
    const { data, identity } = collector();
    const first = (...args: string[]) => identity(...args).out.split("\n")[0];
    expect(first("--use", A)).toBe(`this store is now ${A}, it had no id before`);
    expect(first("--use", A)).toBe(`this store is ${A}, as it was before: no host has to do anything`);
    expect(first("--use", B)).toBe(
      `this store is now ${B}, it was ${A} before: hosts that trust ${A} wait until each accepts it: on the lab host: sudo shipper pin --accept ${B}`,
    );
    expect(first("--use", C, "--succeeds", B)).toBe(
      `this store is now ${C}, it was ${B} before: hosts that trust ${B} follow by themselves over verified TLS`,
    );
    expect(JSON.parse(identity("--use", A, "--json").out)).toEqual({
      data_root: data,
      receiver_id: A,
      succeeds: [B],
      before: C,
    });
  });

  test("a store put together from two, by the very command that is printed", async () => {
    const { data, paths, identity, files } = collector();
    await writeIdentity(data, { id: A, succeeds: [] });
    writeFileSync(paths.episodes, `${B}\n`);
    const { code, err } = identity();
    expect(code).toBe(2);
    const command = /receiver identity (--use \S+ --succeeds \S+)/.exec(err)?.[1] ?? "";
    expect(identity(...command.split(" ")).code).toBe(0);
    expect(files()).toEqual(Array(2).fill(`${B}\nsucceeds ${A}\n`));
  });

  test.each([
    [["--use", C], C],
    [["--new"], null],
  ])("a torn one, by %j", (args, id) => {
    const { paths, identity, files } = collector();
    writeFileSync(paths.root, "");
    expect(identity("--succeeds", B)).toMatchObject({ code: 2, err: expect.stringContaining("cannot be read") });
    expect(identity(...args).code).toBe(0);
    const [root = "", episodes] = files();
    expect(root).toBe(episodes as string);
    expect(root).toMatch(id === null ? /^[0-9a-f]{32}\n$/ : new RegExp(`^${id}\n$`));
  });
});

describe("it refuses", () => {
  test.each([[["--use", C]], [["--new"]]])("another id while a receiver runs: %j", async (args) => {
    const { root, data, identity, files } = collector();
    await writeIdentity(data, { id: A, succeeds: [] });
    lockDataRoot("receiver", data, join(root, "run"));
    expect(identity(...args)).toMatchObject({ code: 3, err: expect.stringContaining("another receiver is at work") });
    expect(files()).toEqual(Array(2).fill(`${A}\n`));
  });

  test.each([
    [["--succeeds", "x"], "32 hex digits"],
    [["--succeeds", A], "own id"],
    [["--use", "x"], "32 hex digits"],
    [["--use", A, "--new"], "only be one of them"],
  ])("%j", async (args, why) => {
    const { data, identity, files } = collector();
    await writeIdentity(data, { id: A, succeeds: [] });
    expect(identity(...args)).toMatchObject({ code: 2, err: expect.stringContaining(why) });
    expect(files()).toEqual(Array(2).fill(`${A}\n`));
  });

  test("to name a predecessor before there is an identity", () => {
    const { identity } = collector();
    expect(identity("--succeeds", B)).toMatchObject({ code: 2, err: expect.stringContaining("has no identity yet") });
  });
});
