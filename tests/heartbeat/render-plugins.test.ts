// `heartbeat plugins` as a person reads it: one that failed says what brings it back.

import { expect, test } from "bun:test";
import { NOT_YET } from "../../lib/heartbeat/collect/roster.ts";
import { renderPlugins } from "../../lib/heartbeat/once.ts";

test("a plugin that failed has a remedy, behind its reason; one that is slow, skipped or loaded has none", () => {
  expect(
    renderPlugins([
      { name: "load", state: "loaded", reason: null },
      { name: "own.ts", state: "failed", reason: "/p/own.ts:1: no" },
      { name: "open.ts", state: "failed", reason: "it is open; fix: sudo chmod go-w /p/open.ts" },
      { name: "slow", state: "failed", reason: NOT_YET.load },
      { name: "slower", state: "failed", reason: NOT_YET.initialise },
      { name: "gpu", state: "skipped", reason: "there is none" },
    ]).split("\n"),
  ).toEqual([
    "loaded   load",
    "failed   own.ts   /p/own.ts:1: no; fix: mend what it names, then: sudo systemctl restart labfleet-heartbeat",
    "failed   open.ts  it is open; fix: sudo chmod go-w /p/open.ts",
    "failed   slow     it has not finished loading yet",
    "failed   slower   its initialise has not ended yet",
    "skipped  gpu      there is none",
  ]);
});
