// A release, from the keys to what lies in dist/release: made from a commit, signed, and proved with what a host has.

import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parsePublicKey } from "../../lib/contract/minisign.ts";
import { parseRelease, piecePath, piecesOf, type Release, type ReleaseExecutable } from "../../lib/contract/release.ts";
import { checkSigned } from "../../lib/os/signed.ts";
import { openRelease } from "../../lib/release/open.ts";
import { openSource, type ReleaseSource } from "../../lib/release/source.ts";
import { stage } from "../../lib/release/stage.ts";
import { sha256 } from "../../scripts/release/pieces.ts";
import { git, madeRelease, newCheckout, runRelease, TARGET } from "../support/made-release.ts";

const { root, dir: checkout, key } = newCheckout();
const keys = join(root, "keys");
const release = (...args: string[]) => runRelease({ dir: checkout }, ...args);

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("before there is one", () => {
  test("a mistake is one sentence with what mends it", () => {
    expect(release("--key", key)).toMatchObject({
      ...{ code: 2, err: `release: there is no key ${key}\nrelease: fix: bun run release keygen\n` },
    });
    expect(release("keys").err).toBe("release: no verb keys: there is keygen, and without one a release is made\n");
    expect(release("--serial", "1.5").err).toBe("release: --serial: found 1.5, expected a whole number\n");
    expect(release("--expires", "soon").err).toBe("release: --expires: found soon, expected a time such as 30d\n");
    expect(release("--nothing").err).toStartWith("release: Unknown option '--nothing'");
    expect(release("--serial", "3", "--min-serial", "4").err).toBe(
      "release: --min-serial 4 is above the serial, which is 3\n",
    );
  });

  test("its keys are made once, are for nobody else to read, and have to be committed", () => {
    const { code, out } = release("keygen", "--no-password", "--out", keys);
    expect([code, out.split("\n")[0]]).toEqual([0, `made ${key} and ${join(keys, "recovery.key")}`]);
    expect([statSync(key).mode & 0o777, statSync(keys).mode & 0o777]).toEqual([0o600, 0o700]);
    expect(release("keygen", "--no-password", "--out", keys).err).toBe(
      `release: ${key} is there already\nrelease: fix: keep it, or make others with --out DIR\n`,
    );
    expect(release("--key", key, "--target", TARGET).err).toMatch(
      /^release: the checkout is at [0-9a-f]{40}-dirty: a release is made from a commit, so that it can be made again\n/,
    );
    git(checkout, "commit", "-qam", "keys");
    const empty = { cwd: checkout, stderr: "pipe", env: { ...process.env, LABFLEET_RELEASE_PASSWORD: "" } } as const;
    const args = ["scripts/release.ts", "keygen", "--out", join(root, "none")];
    expect(Bun.spawnSync([process.execPath, ...args], empty).stderr.toString()).toStartWith(
      "release: LABFLEET_RELEASE_PASSWORD is empty\n",
    );
  });

  test("a key that no tool would know signs none", () => {
    const other = join(root, "other");
    const committed = readFileSync(join(checkout, "lib/contract/release-keys.json"));
    expect(release("keygen", "--no-password", "--out", other).code).toBe(0);
    writeFileSync(join(checkout, "lib/contract/release-keys.json"), committed);
    expect(release("--key", join(other, "release.key"), "--target", TARGET).err).toContain("is none of the keys in");
  });

  test("a target that there is not is said", () => {
    expect(release("--key", key, "--target", "linux-arm").err).toBe(
      "release: build: no target linux-arm: there are linux-x64, linux-x64-baseline, linux-arm64, or all\n",
    );
  });
});

test("is signed by its key, whole, and all that it names is there, and puts the executables together", () => {
  const { dir, place } = madeRelease();
  const bytes = readFileSync(join(place, "release.json"));
  const { release: id } = JSON.parse(readFileSync(join(dir, "lib/contract/release-keys.json"), "utf8"));
  const signature = readFileSync(join(place, "release.json.minisig"), "utf8");
  const known = [parsePublicKey(id)].filter((one) => one !== null);
  const signed = checkSigned(bytes, signature, known);
  const found = parseRelease(bytes.toString("utf8"));
  if (found === null) throw new Error("it is no release");
  const changed = Buffer.concat([bytes, Buffer.from(" ")]);
  expect(checkSigned(changed, signature, known).kind).toBe("refused");
  expect(signed).toMatchObject({ kind: "signed", comment: `labfleet 0.1.0 serial 7 commit ${found.commit}` });
  expect(found).toMatchObject({ format: 1, version: "0.1.0", serial: 7, min_serial: 3 });
  expect(Date.parse(found.expires) - Date.parse(found.created)).toBe(30 * 24 * 3_600_000);
  for (const { path, sha256: digest } of found.files) expect(sha256(readFileSync(join(place, path)))).toBe(digest);
  for (const [digest, { gzip_sha256 }] of Object.entries(found.pieces))
    expect(sha256(readFileSync(join(place, piecePath(digest))))).toBe(gzip_sha256);
  for (const executable of found.executables) expect(put(place, executable)).toBe(`${executable.sha256}  -\n`);
  expect(found.files.map(({ path }) => path)).toContain("units/labfleet-shipper.service");
  // What a role may weigh, bytes over the wire: at first, and for an update under the same Bun.
  for (const tools of [
    ["shipper", "heartbeat", "installer"],
    ["receiver", "fleet-health", "installer"],
  ]) {
    const role = found.executables.filter(({ tool }) => tools.includes(tool));
    expect(weight(found, role.flatMap(piecesOf))).toBeLessThan(58e6);
    expect(
      weight(
        found,
        role.flatMap(({ head, tail }) => [head, tail]),
      ),
    ).toBeLessThan(5e6);
  }
});

test("as one file it is put on a disk whole, and what is there already is not unpacked again", async () => {
  const { dir: made, bundle } = madeRelease();
  using source = openSource(bundle);
  const { release: line } = JSON.parse(readFileSync(join(made, "lib/contract/release-keys.json"), "utf8"));
  const opened = await openRelease(
    source,
    [parsePublicKey(line)].filter((one) => one !== null),
  );
  const releasesDir = join(root, "opt/releases");
  const staging = { releasesDir, target: TARGET, known: [] };
  const { dir } = await stage(opened, source, { ...staging, tools: ["shipper", "heartbeat"] });
  for (const tool of ["shipper", "heartbeat"])
    expect(sha256(readFileSync(join(dir, "bin", tool)))).toBe(
      opened.release.executables.find((one) => one.tool === tool)?.sha256 ?? "",
    );
  expect(readFileSync(join(dir, "units/labfleet-shipper.service"), "utf8")).toContain("TimeoutStopSec=");
  const without: ReleaseSource = {
    ...source,
    read: async (path) => (path.includes(runtimeOf(opened.release)) ? null : await source.read(path)),
  };
  expect(await stage(opened, without, { ...staging, tools: ["shipper", "receiver"] })).toEqual({ dir, isNew: false });
  expect(existsSync(join(dir, "bin/receiver"))).toBe(true);
});

function runtimeOf({ executables }: Release): string {
  return executables.find(({ target }) => target === TARGET)?.runtime ?? "";
}

/** By the shell of a host. */
function put(place: string, executable: ReleaseExecutable): string {
  const paths = piecesOf(executable).map((digest) => join(place, piecePath(digest)));
  return Bun.spawnSync(["sh", "-c", 'cat "$@" | gzip -dc | sha256sum', "sh", ...paths]).stdout.toString();
}

function weight({ pieces }: Release, digests: readonly string[]): number {
  return [...new Set(digests)].reduce((sum, digest) => sum + (pieces[digest]?.gzip_bytes ?? 0), 0);
}
