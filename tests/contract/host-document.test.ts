// The latest heartbeat of a host as it lies on the disk: what is none, such as a torn one, is null and no exception.

import { expect, test } from "bun:test";
import { parseStored } from "../../lib/contract/host-document.ts";
import { heartbeat } from "../receiver/heartbeats/support.ts";

const STORED = {
  received_at_wall: "2026-05-01T12:00:00Z",
  late_s: 0,
  skew_s: null,
  seen: [],
  states: [],
  heartbeat: heartbeat(),
};
const text = (over: object): string => JSON.stringify({ ...STORED, ...over });

test("what was stored comes back, with fields of another release", () => {
  expect(parseStored(text({ later: 1 }))).toEqual({ ...STORED, later: 1 } as typeof STORED);
});

test.each([
  "",
  text({}).slice(0, -1),
  "null",
  "7",
  '"text"',
  "[]",
  "{}",
  text({ heartbeat: undefined }),
  text({ heartbeat: null }),
  text({ heartbeat: 7 }),
  text({ heartbeat: {} }),
  text({ received_at_wall: "yesterday" }),
  text({ received_at_wall: null }),
  text({ seen: undefined }),
  text({ states: {} }),
])("%s is none", (torn) => expect(parseStored(torn)).toBeNull());
