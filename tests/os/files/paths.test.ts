// Where the paths of a configuration lead.

import { afterAll, expect, test } from "bun:test";
import { homedir } from "node:os";
import { optionalPath, resolveFrom, resolvePath } from "../../../lib/os/files/paths.ts";

afterAll(() => resolveFrom(process.cwd()));

test("relative ones begin where the tool was started, whatever directory it is in by now", () => {
  resolveFrom("/srv/lab");
  expect(resolvePath("tok")).toBe("/srv/lab/tok");
  expect(resolvePath("../tok")).toBe("/srv/tok");
  expect(resolvePath("/etc/tok")).toBe("/etc/tok");
  expect(resolvePath("~/tok")).toBe(`${homedir()}/tok`);
  expect(optionalPath("tok")).toBe("/srv/lab/tok");
  expect(optionalPath("")).toBeNull();
  expect(optionalPath(undefined)).toBeNull();
});
