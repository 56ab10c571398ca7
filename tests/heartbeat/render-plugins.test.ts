// `heartbeat plugins` as a person reads it: one that failed says what brings it back.

import { expect, test } from "bun:test";
import { byCommands, here } from "../../lib/core/finding.ts";
import { NOT_YET } from "../../lib/heartbeat/collect/roster.ts";
import { renderPlugins } from "../../lib/heartbeat/once.ts";

const OPEN = { what: "it is open", fix: byCommands(here("sudo", "chmod", "go-w", "/p/open.ts")) };

test("a plugin that failed has a remedy, behind its reason; one that is slow, skipped or loaded has none", () => {
  expect(
    renderPlugins([
      { name: "load", state: "loaded", why: null },
      { name: "own.ts", state: "failed", why: { what: "/p/own.ts:1: no", fix: null } },
      { name: "open.ts", state: "failed", why: OPEN },
      { name: "slow", state: "failed", why: { what: NOT_YET.load, fix: null }, pending: true },
      { name: "slower", state: "failed", why: { what: NOT_YET.initialise, fix: null }, pending: true },
      { name: "gpu", state: "skipped", why: { what: "there is none", fix: null } },
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
