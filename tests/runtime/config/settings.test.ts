// Settings are replaced by a reload, and never changed in place.

import { expect, test } from "bun:test";
import { LiveSettings, settingsOf } from "../../../lib/runtime/config/settings.ts";

const FIRST = { host: "a", wait: [1, 2], tls: { key: "k" }, dir: "d", dirIsSet: false };

function live(fresh: Partial<typeof FIRST>) {
  const fixed = { host: "host_id", dir: "paths.dir", dirIsSet: "paths.dir" };
  return new LiveSettings({ ...FIRST }, fixed, async () => ({ ...FIRST, ...fresh }));
}

test("a reload replaces them, and who holds the old ones sees them as they were", async () => {
  const settings = live({ wait: [3] });
  const before = settings.current();
  expect(settings.replace(await settings.read())).toEqual([]);
  expect(before.wait).toEqual([1, 2]);
  expect(settings.current()).toEqual({ ...FIRST, wait: [3] });
});

test("nothing holds of what was only read", async () => {
  const settings = live({ wait: [3] });
  await settings.read();
  expect(settings.current()).toEqual(FIRST);
});

test("what is fixed stays, and is named once, until it is put back", async () => {
  const settings = live({ host: "b", dir: "e", dirIsSet: true, wait: [] });
  expect(settings.restartFor).toEqual([]);
  settings.replace(await settings.read());
  expect(settings.current()).toEqual({ ...FIRST, wait: [] });
  expect(settings.restartFor).toEqual(["host_id", "paths.dir"]);
  settings.replace(FIRST);
  expect(settings.restartFor).toEqual([]);
});

test("nobody can change them", () => {
  for (const current of [live({}).current(), settingsOf({ ...FIRST }).current()]) {
    expect(() => Object.assign(current, { host: "x" })).toThrow();
    expect(() => Object.assign(current.wait, [9])).toThrow();
    expect(() => Object.assign(current.tls, { key: "x" })).toThrow();
  }
});
