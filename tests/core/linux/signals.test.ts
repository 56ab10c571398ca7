// Signal names against the machine's own table, and the words for what has no name.

import { expect, test } from "bun:test";
import { constants } from "node:os";
import { signalName, signalNumber } from "../../../lib/core/linux/signals.ts";

test("every number has the name that the machine knows", () => {
  const ours = Object.fromEntries(Object.keys(constants.signals).map((name) => [name, signalNumber(name)]));
  const { SIGIOT, SIGPOLL, ...known } = constants.signals as Record<string, number>;
  expect([SIGIOT, SIGPOLL]).toEqual([signalNumber("SIGABRT") ?? 0, signalNumber("SIGIO") ?? 0]);
  for (const [name, number] of Object.entries(known)) expect([name, ours[name]]).toEqual([name, number]);
});

test("a number without a name and no number at all are said so", () => {
  expect(signalName(15)).toBe("SIGTERM");
  expect(signalName(9999)).toBe("signal#9999");
  expect(signalName(null)).toBe("UNKNOWN");
  expect(signalNumber("SIGNONE")).toBeNull();
});
