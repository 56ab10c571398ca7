// What a plugin says is brought into the form that the receiver takes: one odd value must not have a heartbeat refused.

import { expect, test } from "bun:test";
import { tidy } from "../../lib/heartbeat/observations.ts";

for (const [what, odd, kept] of [
  ["a time in words", { started_at: "May 1 2026" }, {}],
  ["a time without a zone", { started_at: "2026-05-01T06:00:00" }, {}],
  ["a time as the wire wants it", { started_at: "2026-05-01T06:00:00Z" }, { started_at: "2026-05-01T06:00:00Z" }],
  ["a life of 31 years", { ttl_s: 1e9 }, { ttl_s: 31_536_000 }],
  ["a negative life", { ttl_s: -1 }, {}],
  ["a run that is no number", { run: "7" }, {}],
] as const) {
  test(what, () => {
    const { observations } = tidy([{ status: "ok", message: "m", ...odd }]);
    const { status: _, message: __, ...rest } = observations[0] ?? { status: "ok", message: "" };
    expect(rest).toEqual(kept);
  });
}
