// What is wrong with an archive is said once, until something else is, or something else mends it.

import { expect, test } from "bun:test";
import { inWords } from "../../../lib/core/finding.ts";
import { DamageNotes } from "../../../lib/receiver/episodes/damage-notes.ts";

test("said once for each archive, and again with another remedy, or when it was sound in between", () => {
  const said: unknown[] = [];
  const notes = new DamageNotes({ error: (message) => void said.push(message) });
  const closed = { what: "a cannot be read", fix: inWords("open it") };
  const failing = { what: "a cannot be read", fix: inWords("look at its disk") };
  for (const one of [closed, closed, failing, failing]) notes.say("a", one);
  notes.of("b").error(closed);
  notes.of("b").error(closed);
  notes.forget("a");
  notes.say("a", failing);
  expect(said).toEqual([closed, failing, closed, failing]);
});
