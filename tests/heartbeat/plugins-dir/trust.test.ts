// Who may have written a plugin: what is refused, and that the command that is named mends it.

import { expect, test } from "bun:test";
import { chmodSync, chownSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { directoryOf, failures, GOOD, load, say, statesOf } from "./support.ts";

test("a file in place of the directory is said", async () => {
  const dir = directoryOf({ "f.ts": GOOD });
  expect(failures(await load(join(dir, "f.ts")))).toEqual([
    `${dir}/f.ts is a file, and plugins_dir must be a directory`,
  ]);
});

test("a directory that others may write to is refused with the command that mends it, which does", async () => {
  const dir = directoryOf({ "good.ts": GOOD });
  chmodSync(dir, 0o775);
  const refused = await load(dir);
  const fix = `chmod go-w ${dir}`;
  expect(refused.plugins()).toEqual([]);
  expect(failures(refused)).toEqual([
    `${dir} can be written by its group (mode 0775), so no plugin is loaded from it; mend it with: ${fix}`,
  ]);
  expect(Bun.spawnSync(["sh", "-c", fix]).exitCode).toBe(0);
  expect(await say(await load(dir))).toEqual(["good ok: fine"]);
});

test("a directory where everybody may put files is refused even if it is sticky; below such a one all is well", async () => {
  const dir = directoryOf({ "below/good.ts": GOOD });
  chmodSync(dir, 0o1777);
  expect(failures(await load(dir))[0]).toContain("(mode 1777)");
  expect(await say(await load(join(dir, "below")))).toEqual(["good ok: fine"]);
});

test("an import through a directory where others may change links is refused", async () => {
  const dir = directoryOf({ "plugins/x.ts": 'import "../open/link.ts";', "open/.keep": "", "safe.ts": "" });
  symlinkSync(join(dir, "safe.ts"), join(dir, "open/link.ts"));
  chmodSync(join(dir, "open"), 0o777);
  expect(failures(await load(join(dir, "plugins")))[0]).toStartWith(`${dir}/open can be written by`);
});

test("a file that others may write to is refused, alone and also where another imports it", async () => {
  const dir = directoryOf({
    "good.ts": GOOD,
    "it's open.ts": GOOD,
    "user.ts": 'import "./it\'s open.ts";',
    "_far.ts": "",
  });
  writeFileSync(join(dir, "far.ts"), 'import "./_mid.ts";');
  writeFileSync(join(dir, "_mid.ts"), 'export * from "./_far.ts";');
  chmodSync(join(dir, "it's open.ts"), 0o666);
  chmodSync(join(dir, "_far.ts"), 0o646);
  const loaded = await load(dir);
  const failed = statesOf(loaded).filter(({ state }) => state === "failed");
  expect(Object.fromEntries(failed.map(({ name, reason }) => [name, reason]))).toEqual({
    "far.ts": `${dir}/_far.ts can be written by everybody (mode 0646), so far.ts, which imports it, is not loaded; mend it with: chmod go-w ${dir}/_far.ts`,
    "it's open.ts": `${dir}/it's open.ts can be written by its group and everybody (mode 0666), so it is not loaded; mend it with: chmod go-w '${dir}/it'\\''s open.ts'`,
    "user.ts": `${dir}/it's open.ts can be written by its group and everybody (mode 0666), so user.ts, which imports it, is not loaded; mend it with: chmod go-w '${dir}/it'\\''s open.ts'`,
  });
  expect(await say(loaded)).toEqual(["good ok: fine"]);
});

test("a link is judged by what it leads to, and by the way there", async () => {
  const elsewhere = directoryOf({ "open/real.ts": GOOD, "safe/real.ts": GOOD.replace('"good"', '"safe"') });
  chmodSync(join(elsewhere, "open"), 0o777);
  const dir = directoryOf({});
  symlinkSync(join(elsewhere, "open/real.ts"), join(dir, "open.ts"));
  symlinkSync(join(elsewhere, "safe/real.ts"), join(dir, "safe.ts"));
  symlinkSync("round.ts", join(dir, "round.ts"));
  const loaded = await load(dir);
  expect(failures(loaded)).toEqual([
    `${elsewhere}/open can be written by its group and everybody (mode 0777), so it is not loaded; mend it with: chmod go-w ${elsewhere}/open`,
    `${dir}/round.ts leads round in links, so it is not loaded`,
  ]);
  expect(await say(loaded)).toEqual(["safe ok: fine"]);
});

test("what belongs to somebody else is refused with chown", async () => {
  const dir = directoryOf({ "good.ts": GOOD });
  // Where we are not root ourselves, the trusted user is another one than we.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) chownSync(join(dir, "good.ts"), 12345, 12345);
  const [reason] = failures(await load(dir, isRoot ? {} : { uid: 12345 }));
  const [path, owner, trusted] = isRoot ? [`${dir}/good.ts`, 12345, 0] : [dir, process.geteuid?.(), 12345];
  expect(reason).toStartWith(
    `${path} belongs to user ${owner}, neither root nor the user of this process (${trusted})`,
  );
  expect(reason).toEndWith(`; mend it with: chown root:root ${path}`);
});
