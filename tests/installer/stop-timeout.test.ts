// What systemd will leave a stop, from a unit and the drop-ins that are there.

import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { stopBudget } from "../../lib/core/stop-budget.ts";
import { checkStopTimeout, dropInsOf, stopTimeoutOf } from "../../lib/installer/preflight/stop-timeout.ts";
import { tempDir } from "../support/temp-dir.ts";

const UNIT = "labfleet-shipper.service";
const TEXT = "[Service]\nTimeoutStopSec=70\n";
const BUDGET = stopBudget(30);

function host(files: Record<string, string>): string {
  const root = tempDir();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}
const judge = (files: Record<string, string>, text = TEXT) => {
  const root = host(files);
  const row = checkStopTimeout(UNIT, text, dropInsOf(UNIT, root), BUDGET);
  return `${row.status}: ${row.what.replace(`${root}/`, "/")}`;
};
const dropIn = (seconds: string): string => `[Service]\nTimeoutStopSec=${seconds}\n`;

test("a unit by itself leaves what it needs", () => {
  expect(judge({})).toBe(`ok: a stop of ${UNIT} may take 1min 10s; it needs at most 1min 10s`);
  expect(judge({}, dropIn("69s"))).toStartWith(
    "fail: labfleet-shipper.service leaves a stop of labfleet-shipper.service 1min 9s, and it may need 1min 10s",
  );
  expect(judge({}, "[Service]\n")).toBe(`unknown: ${UNIT} does not say how long a stop may take`);
});

test("a drop-in wins, by its name and not by where it lies; for one of all services, too", () => {
  const etc = `etc/systemd/system/${UNIT}.d`;
  expect(judge({ [`${etc}/a.conf`]: dropIn("5") })).toStartWith(`fail: /${etc}/a.conf leaves a stop of ${UNIT} 5s`);
  expect(
    judge({ [`${etc}/a.conf`]: dropIn("5"), [`run/systemd/system/${UNIT}.d/b.conf`]: dropIn("2min") }),
  ).toStartWith("ok: ");
  expect(judge({ "etc/systemd/system/service.d/z.conf": dropIn("5"), [`${etc}/a.conf`]: dropIn("2min") })).toStartWith(
    "fail: /etc/systemd/system/service.d/z.conf",
  );
  // Of one name that of this service counts, and of two directories the first.
  expect(
    judge({
      "etc/systemd/system/service.d/a.conf": dropIn("5"),
      [`usr/lib/systemd/system/${UNIT}.d/a.conf`]: dropIn("2min"),
    }),
  ).toStartWith("ok: ");
  expect(judge({ [`usr/lib/systemd/system/${UNIT}.d/a.conf`]: dropIn("5"), [`${etc}/a.conf`]: "" })).toStartWith(
    "ok: ",
  );
  expect(judge({ [`${etc}/a.conf.before`]: dropIn("5") })).toStartWith("ok: ");
});

test("what it says is read as systemd does", () => {
  expect(judge({}, dropIn("infinity"))).toStartWith("ok: ");
  expect(judge({}, dropIn("0"))).toStartWith("ok: ");
  expect(stopTimeoutOf("TimeoutStopSec=5 fortnights\n")).toBeNull();
  expect(stopTimeoutOf("TimeoutStopSec=20\nTimeoutStopSec=5 fortnights\n")).toBe(20_000_000n);
  expect(stopTimeoutOf("TimeoutSec=1min\n")).toBe(60_000_000n);
  expect(stopTimeoutOf("# TimeoutStopSec=1\nTimeoutStartSec=9\n")).toBeNull();
});
