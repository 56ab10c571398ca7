// In which order a session's members are looked for: there is little time for it, and /proc may be long.

import { expect, test } from "bun:test";
import { likeliestFirst } from "../../../lib/heartbeat/checks/session.ts";

test.each([
  [["1", "40", "self", "101", "100", "99", "4000"], 100, [100, 101, 4000, 1, 40, 99]],
  // The numbers have gone round since.
  [["3", "4194303", "4194200", "4000"], 4_194_300, [4194303, 3, 4000, 4194200]],
])("of %p, those that began after %p come first", (names, session, pids) => {
  expect(likeliestFirst(names, session)).toEqual(pids);
});
