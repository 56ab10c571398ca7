import { expect, test } from "bun:test";
import { formatHealthRun, parseHealthRun } from "../../lib/contract/health-run.ts";

const TEXT =
  '{"began_at":"2026-05-01T06:00:00.000000+00:00","ended_at":"2026-05-01T06:00:01.000000+00:00","exit":2,' +
  '"problem":"the index is not there","fix":null,"hosts":0,"rows":0,"bad_rows":0,"new_alerts":0}\n';

test("how a run went is read back as it was written", () => {
  const run = parseHealthRun(TEXT);
  expect(run).toMatchObject({ exit: 2, problem: "the index is not there", fix: null });
  expect(run === null ? "" : formatHealthRun(run)).toBe(TEXT);
});

test.each([["", '{"exit":0}', TEXT.replace('"exit":2', '"exit":"2"'), TEXT.replace('"hosts":0,', "")]])(
  "what is none is none",
  (text) => {
    expect(parseHealthRun(text)).toBeNull();
  },
);
