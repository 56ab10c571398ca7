// Episodes of other users, of all modes and attributes, on a real disk: what is said of each when the shipper's user looks
// at it, and that the command that is printed mends it.

import { expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recoverOutbox } from "../../../lib/shipper/pack/outbox.ts";
import { makeDirs, makeEpisode, recordOf } from "../../support/lab-host.ts";
import { ext4Disk, ext4DiskMissing } from "../../support/small-disk.ts";

setDefaultTimeout(180_000);
const LOOK = join(import.meta.dir, "../../fixtures/programs/look-at-episode.ts");
/** The user `nobody`, who runs the shipper here. */
const NOBODY = 65534;
const OVERRIDE = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"];

const diskTest = (name: string, body: () => void): void =>
  test.skipIf(ext4DiskMissing !== null)(
    ext4DiskMissing === null ? name : `${name} (skipped: ${ext4DiskMissing})`,
    body,
  );

interface Look {
  move: { reason: string; fix: string | null } | null;
  read: string | { reason: string; fix: string | null };
}

/** An episode of root's below a data root of nobody's. */
function place(root: string) {
  const dirs = makeDirs(join(root, "lab data"));
  const episode = makeEpisode(dirs, "ep", { "sub/x": "x" });
  for (const dir of [join(root, "lab data"), ...Object.values(dirs)]) chownSync(dir, NOBODY, NOBODY);
  const look = (caps: readonly string[] = []): Look => {
    const who = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ...caps];
    const done = Bun.spawnSync([...who, process.execPath, LOOK, episode, join(dirs.outbox, ".ep.part")]);
    if (done.exitCode !== 0) throw new Error(done.stderr.toString());
    return JSON.parse(done.stdout.toString());
  };
  return { dirs, episode, look };
}

/** Runs a remedy as it was printed; root needs no sudo. */
function mend(fix: string | null): void {
  const bin = mkdtempSync(join(tmpdir(), "labfleet-bin-"));
  writeFileSync(join(bin, "sudo"), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
  const done = Bun.spawnSync(["sh", "-c", fix ?? "false"], { env: { PATH: `${bin}:${process.env.PATH}:/usr/sbin` } });
  rmSync(bin, { recursive: true });
  expect([done.exitCode, done.stderr.toString()]).toEqual([0, ""]);
}

const WHOLE: Look = { move: null, read: "packed" };
const sh = (script: string, path: string): void => {
  const done = Bun.spawnSync(["sh", "-ec", script, "sh", path], { env: { PATH: `${process.env.PATH}:/usr/sbin` } });
  if (done.exitCode !== 0) throw new Error(done.stderr.toString());
};

for (const [what, spoil, caps, move, read] of [
  ["mode 0700 of root, without the capability", 'chmod 0700 "$1"', [], "belongs to root, mode 0700", "belongs to root"],
  ["mode 0755 of root, without the capability", 'chmod 0755 "$1"', [], "belongs to root, mode 0755", null],
  ["an unreadable file, mode 0600", 'chmod 0600 "$1/sub/x"', [], "belongs to root", '"sub/x" cannot be read'],
  ["an unreadable directory in it", 'chmod 0700 "$1/sub"', [], "belongs to root", '"sub" cannot be read'],
  [
    "an unreadable file whose name is no UTF-8",
    'for c in 375 376 377; do f="$1/$(printf "a\\\\$c")"; echo >"$f"; chmod 600 "$f"; [ $c = 376 ] || chown 65534 "$f"; done',
    [],
    "belongs to root",
    '"a\\\\xfe" cannot be read: it belongs to root, mode 0600',
  ],
  ["mode 0 of our own", 'chown -R 65534 "$1"; chmod 0 "$1"', [], "mode 0000 shuts", "mode 0000 shuts"],
  ["immutable", 'chattr -R +i "$1"', OVERRIDE, "immutable (chattr +i)", null],
  ["immutable, with a link in it", 'ln -s x "$1/l"; chattr +i "$1" "$1/sub/x"', [], "immutable (chattr +i), and", null],
  ["append-only", 'chattr +a "$1"', OVERRIDE, "append-only (chattr +a)", null],
  ["in a sticky directory of root's", 'chown root "$1/.."; chmod 1777 "$1/.."', OVERRIDE, "is sticky", null],
  [
    "a mount point",
    'cp -a "$1" "$1/../../m"; rm -r "$1"/*; mount --bind "$1/../../m" "$1"',
    OVERRIDE,
    "is mounted",
    null,
  ],
] as const) {
  diskTest(`an episode that is ${what}: named, and mended by what is printed`, () => {
    using disk = ext4Disk(16);
    const { episode, look } = place(disk.path);
    sh(spoil, episode);
    try {
      const found = look(caps);
      expect(found.move?.reason).toContain(move);
      if (read === null) expect(found.read).toBe("packed");
      else expect(found.read).toMatchObject({ reason: expect.stringContaining(read), fix: expect.any(String) });
      mend(found.move?.fix ?? null);
      expect(look(caps)).toEqual(WHOLE);
    } finally {
      Bun.spawnSync(["umount", "-q", episode]);
    }
  });
}

diskTest(
  "a disk that has become read-only is no matter of owners: the disk is named, and what makes it writable",
  () => {
    using disk = ext4Disk(16);
    const { look } = place(disk.path);
    sh('mount -o remount,ro "$1"', disk.path);
    const { move } = look();
    expect(move?.reason).toStartWith(`the file system at ${disk.path} is read-only`);
    expect(move?.fix).toBe(`sudo mount -o remount,rw ${disk.path}`);
    mend(move?.fix ?? null);
    expect(look().move?.reason).toContain("belongs to root");
  },
);

diskTest("with the capability no mode and no owner is an obstacle", () => {
  using disk = ext4Disk(16);
  const { episode, look } = place(disk.path);
  for (const mode of [0o755, 0o700, 0]) {
    chmodSync(episode, mode);
    expect(look(OVERRIDE)).toEqual(WHOLE);
  }
});

diskTest("an episode that may not be looked into keeps no start from its work, and its archive stays", async () => {
  using disk = ext4Disk(16);
  const { dirs, episode } = place(disk.path);
  mkdirSync(join(episode, "deeper"));
  chmodSync(episode, 0o700);
  writeFileSync(join(dirs.outbox, "ep.tar.zst"), "x".repeat(10));
  writeFileSync(join(dirs.outbox, "ep.json"), JSON.stringify(recordOf("ep", { boot_id: "earlier" })));
  for (const name of ["ep.tar.zst", "ep.json"]) chownSync(join(dirs.outbox, name), NOBODY, NOBODY);
  process.seteuid?.(NOBODY);
  try {
    expect(await recoverOutbox(dirs.outbox, dirs.episodes, "this-boot")).toEqual({
      records: [],
      strays: ["ep.tar.zst"],
      stuck: [],
    });
  } finally {
    process.seteuid?.(0);
  }
});
