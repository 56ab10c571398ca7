// Whether a mode lets a user read: the first of owner, group and others that fits decides, and root may all.

import { expect, test } from "bun:test";
import { mayUse } from "../../../../lib/receiver/store/verify/closed-to-receiver.ts";

const [READ, ENTER] = [4, 1];

test.each([
  [{ uid: 7, gid: 8, mode: 0o100600 }, READ, true],
  [{ uid: 0, gid: 8, mode: 0o100640 }, READ, true],
  [{ uid: 0, gid: 0, mode: 0o100644 }, READ, true],
  [{ uid: 0, gid: 0, mode: 0o100640 }, READ, false],
  [{ uid: 0, gid: 8, mode: 0o100604 }, READ, false],
  [{ uid: 7, gid: 8, mode: 0o100044 }, READ, false],
  [{ uid: 0, gid: 0, mode: 0o040754 }, ENTER, false],
  [{ uid: 0, gid: 8, mode: 0o040750 }, ENTER, true],
] as const)("%j, to do %i: %p", (rights, right, may) => {
  expect(mayUse(rights, { uid: 7, gid: 8 }, right)).toBe(may);
  expect(mayUse(rights, { uid: 0, gid: 0 }, right)).toBe(true);
});
