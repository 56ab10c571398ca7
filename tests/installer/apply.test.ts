// What is taken back when a step fails, and what is said of the rest. On real directories; nothing here needs root.

import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, realpathSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../lib/core/failure.ts";
import { Applying } from "../../lib/installer/apply/apply.ts";
import { readAccounts } from "../../lib/installer/facts.ts";
import type { Step } from "../../lib/installer/plan.ts";
import type { Wanted } from "../../lib/installer/wanted.ts";
import { tempDir } from "../support/temp-dir.ts";

const NOTHING: Wanted = {
  role: "lab-host",
  ...{
    groups: [],
    users: [],
    members: [],
    directories: [],
    files: [],
    links: [],
    units: [],
    tools: [],
    tested: [],
    enrols: null,
    taken: null,
  },
};

const nameOf = (ids: ReadonlyMap<string, number>, id: number | undefined): string =>
  [...ids].find(([, one]) => one === id)?.[0] ?? "";

test("directories that were made go when a step fails, and what lies in one by now is said", async () => {
  const [kept, gone] = ["kept", "gone"].map((name) => join(realpathSync(tempDir()), name)) as [string, string];
  const elsewhere = tempDir();
  const { users, groups } = await readAccounts();
  const rights = { owner: nameOf(users, process.getuid?.()), group: nameOf(groups, process.getgid?.()), mode: 0o755 };
  const directory = (path: string): Step => ({ kind: "directory", directory: { path, ...rights }, before: null });
  const applying = new Applying(NOTHING, [], null, { dir: "", isNew: false });

  await applying.step(directory(kept));
  await applying.step(directory(gone));
  writeFileSync(join(kept, "episode"), "");
  // A daemon has run by now.
  mkdirSync(join(gone, "outbox/lab1"), { recursive: true });
  mkdirSync(join(kept, "outbox"));
  symlinkSync(elsewhere, join(kept, "link"));
  const nobodys = { path: join(gone, "file"), kind: "unit" as const, text: "", ...rights, owner: "no such user" };
  const failed = await applying.step({ kind: "file", file: nobodys, before: null }).catch((error: unknown) => error);

  expect(failed).toBeInstanceOf(UserError);
  expect([existsSync(kept), existsSync(gone)]).toEqual([true, false]);
  expect([readdirSync(kept).sort(), existsSync(elsewhere)]).toEqual([["episode", "link"], true]);
  expect(applying.kept).toEqual([`${kept} holds something by now`]);
});

test("a directory that was there has the rights again that it had", async () => {
  const dir = join(realpathSync(tempDir()), "etc");
  mkdirSync(dir, { mode: 0o700 });
  const { users, groups } = await readAccounts();
  const own = { owner: nameOf(users, process.getuid?.()), group: nameOf(groups, process.getgid?.()) };
  const applying = new Applying(NOTHING, [], null, { dir: "", isNew: false });
  await applying.step({
    kind: "directory",
    directory: { path: dir, ...own, mode: 0o750 },
    before: { ...own, mode: 0o700 },
  });
  expect(statSync(dir).mode & 0o777).toBe(0o750);
  await applying.undo();
  expect([statSync(dir).mode & 0o777, applying.kept]).toEqual([0o700, []]);
});
