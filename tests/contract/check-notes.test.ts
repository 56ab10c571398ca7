// What is odd about a result, in words.

import { expect, test } from "bun:test";
import { noteTexts, withNotes } from "../../lib/contract/check-notes.ts";
import type { CheckNotes } from "../../lib/contract/observation.ts";

test.each<[CheckNotes | undefined, string[]]>([
  [undefined, []],
  [{ exit_code: 2, signal: 9, timed_out: true, pending: true }, []],
  [{ refresh_failed: "timed out after 10 s" }, ["its newest run failed: timed out after 10 s"]],
  [{ overlaps: 1 }, ["still running when it was due again, once"]],
  [{ overlaps: 3 }, ["still running when it was due again, 3 times in a row"]],
  [{ survivors_left: 1 }, ["left 1 process behind"]],
  [{ survivors_killed: 2 }, ["left 2 processes behind, killed"]],
  [{ unkillable: true, lossy: true }, ["SIGKILL did not end it", "not UTF-8"]],
  [{ truncated_bytes: 512 }, ["512 bytes of it left out"]],
])("%j", (notes, texts) => {
  expect(noteTexts(notes)).toEqual(texts);
});

test("they stand behind the message", () => {
  expect(withNotes("OK", undefined)).toBe("OK");
  expect(withNotes("OK", { overlaps: 1, survivors_left: 1 })).toBe(
    "OK [still running when it was due again, once; left 1 process behind]",
  );
});
