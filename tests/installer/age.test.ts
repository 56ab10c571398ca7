// Which release may follow which.

import { expect, test } from "bun:test";
import { checkAge } from "../../lib/installer/preflight/age.ts";

const NOW = Date.UTC(2026, 4, 1);
const of = (serial: number, runs: { serial: number; min_serial: number } | null, days = 30): string => {
  const expires = new Date(NOW + days * 86_400_000).toISOString();
  const { status, what } = checkAge({ version: "1.0.0", serial, expires }, runs, NOW);
  return `${status}: ${what}`;
};

test("one that is as new as what runs, or newer, may; an older one is red, and one below what runs takes none", () => {
  expect(of(7, null)).toBe("ok: release 1.0.0 is of serial 7, and valid until 2026-05-31T00:00:00.000Z");
  expect(of(7, { serial: 7, min_serial: 0 })).toStartWith("ok: ");
  expect(of(6, { serial: 7, min_serial: 0 })).toBe("fail: it is older than what runs here: serial 6, and 7");
  expect(of(2, { serial: 7, min_serial: 3 })).toBe(
    "fail: no way leads back to serial 2: what runs here takes none below 3",
  );
  expect(of(3, { serial: 7, min_serial: 3 })).toStartWith("fail: it is older");
});

test("one that has expired may have been held back", () => {
  expect(of(7, null, -1)).toBe(
    "warn: release 1.0.0 has expired (2026-04-30T00:00:00.000Z): a newer one may have been held back",
  );
});
