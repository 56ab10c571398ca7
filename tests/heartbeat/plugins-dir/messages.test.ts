// What comes from a plugin's thread may be anything: the plugin's own code can post there.

import { expect, test } from "bun:test";
import { readMessage } from "../../../lib/heartbeat/plugins-dir/messages.ts";

test.each<[unknown]>([
  [{ type: "loaded", name: "camera", timeoutS: null }],
  [{ type: "loaded", name: "camera", timeoutS: 5 }],
  [{ type: "broken", why: "x" }],
  [{ type: "initialised", yes: true, skipReason: null }],
  [{ type: "collected", observations: [], problem: "p" }],
  [{ type: "closed" }],
  [{ type: "threw", message: "m", stack: "s" }],
  [{ type: "fault", message: "m", stack: null }],
  [{ type: "log", level: "info", message: "m", fields: { a: 1, b: "x", c: true } }],
])("%j is one, as it is", (message) => {
  expect(readMessage(message) as unknown).toEqual(message);
});

test.each<[unknown]>([
  [null],
  ["collected"],
  [{}],
  [{ type: "none" }],
  [{ type: "toString" }],
  [{ type: "loaded", name: "a\nb", timeoutS: null }],
  [{ type: "loaded", name: "camera", timeoutS: -1 }],
  [{ type: "broken" }],
  [{ type: "collected", observations: "all", problem: null }],
  [{ type: "threw", message: 7 }],
  [{ type: "log", level: "shout", message: "m" }],
  [{ type: "log", level: "info", message: {} }],
])("%j is none", (message) => {
  expect(readMessage(message)).toBeNull();
});

test("texts are cut, and fields are few, flat and short", () => {
  const fields = Object.fromEntries(
    Array.from({ length: 100 }, (_, i) => [`${"k".repeat(100)}${i}`, "v".repeat(3000)]),
  );
  const read = readMessage({
    type: "log",
    level: "warn",
    message: "m".repeat(5000),
    fields: { deep: { a: 1 }, ...fields },
  });
  if (read?.type !== "log") throw new Error("it is a log line");
  expect(read.message).toHaveLength(2000);
  expect(Object.keys(read.fields)).toEqual(["k".repeat(64)]);
  expect(Object.values(read.fields).map((value) => String(value).length)).toEqual([2000]);
  expect(readMessage({ type: "threw", message: "", stack: "s".repeat(9000) })).toMatchObject({
    stack: "s".repeat(4000),
  });
});
