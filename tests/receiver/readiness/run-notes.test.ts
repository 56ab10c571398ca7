// What a running receiver tells beside whether it can store: read as it was written, never from rubbish or from yesterday.

import { afterEach, describe, expect, test } from "bun:test";
import { storingText } from "../../../lib/receiver/commands/status.ts";
import { createAdmission } from "../../../lib/receiver/episodes/admission.ts";
import { readRunNotes, watchReadiness } from "../../../lib/receiver/readiness/readiness-watch.ts";
import { collectNotes, NO_NOTES, type NoteSources, parseNotes } from "../../../lib/receiver/readiness/run-notes.ts";
import { createRefusedBeats } from "../../../lib/receiver/refusals/refused-beats.ts";
import { cleanUp, keptLog, onCleanUp, tempDir } from "../support.ts";

afterEach(cleanUp);

const T0 = Date.parse("2026-05-01T12:00:00Z");
const MIB = 1024 ** 2;

function sources(over: Partial<NoteSources> = {}): NoteSources {
  return {
    leftFree: () => ({ freeBytes: 5 * MIB, freeInodes: 1e6 }),
    reserveBytes: () => 2 * MIB,
    admission: { noRoom: null },
    certificate: { life: null },
    refusedBeats: createRefusedBeats(),
    ...over,
  };
}

test("they come back as they were told, and not a minute later", async () => {
  const runDir = tempDir();
  const beats = createRefusedBeats();
  beats.note("lab1", { status: 507, reason: "disk-full", detail: "no room" }, T0 - 60_000);
  beats.note("lab1", { status: 507, reason: "disk-full", detail: "none" }, T0 - 5000);
  beats.note("lab2", { status: 503, reason: "stopping", detail: "it stops" }, T0);
  beats.note("lab3", { status: 507, reason: "disk-full", detail: "long ago" }, T0 - 600_001);
  beats.taken("lab2");
  const life = { file: "/tls/c.crt", fromMs: T0 - 1000, toMs: T0 + 1000 };
  const noRoom = { atMs: T0 - 7000, host: "lab1", bytes: 4 * MIB };
  const told = sources({ admission: { noRoom }, certificate: { life }, refusedBeats: beats });
  const watch = watchReadiness({
    runDir,
    log: keptLog(),
    glance: () => null,
    probe: async () => null,
    nowMs: () => T0,
    notes: () => collectNotes(told, T0),
  });
  onCleanUp(() => watch.stop());
  await watch.look();
  expect(readRunNotes(runDir, T0 + 60_000)).toEqual({
    room: { above_reserve_bytes: 3 * MIB, reserve_bytes: 2 * MIB },
    noRoom,
    certificate: life,
    refusedBeats: new Map([["lab1", { count: 2, atMs: T0 - 5000, status: 507, reason: "disk-full", detail: "none" }]]),
  });
  expect(readRunNotes(runDir, T0 + 60_001)).toEqual(NO_NOTES);
});

test("below its reserve there is no room, and on a disk that is gone nobody knows", () => {
  const leftFree = () => ({ freeBytes: MIB, freeInodes: 1 });
  expect(collectNotes(sources({ leftFree }), T0).room).toEqual({ above_reserve_bytes: 0, reserve_bytes: 2 * MIB });
  const gone = () => {
    throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
  };
  expect(collectNotes(sources({ leftFree: gone }), T0).room).toBeNull();
});

test.each([
  [{}],
  [{ room: 1, no_room: [], certificate: "x", refused_heartbeats: {} }],
  [{ room: { above_reserve_bytes: "1" }, no_room: { at: "x" }, certificate: { file: 1 }, refused_heartbeats: [null] }],
])("of %j nothing is known", (value) => expect(parseNotes(value)).toEqual(NO_NOTES));

test("an upload that there is no room for is remembered, asked about or sent; one that must only wait is not", () => {
  const room = { freeBytes: 5 * MIB, freeInodes: 1e6 };
  const limits = { uploadsTotal: 1, uploadsPerHost: 1, diskReserveBytes: 2 * MIB };
  const admission = createAdmission(
    () => limits,
    () => room,
    undefined,
    () => T0,
  );
  expect(admission.ask("lab1", 3 * MIB)).toBeNull();
  expect(admission.noRoom).toBeNull();
  expect(admission.ask("lab1", 4 * MIB)).toMatchObject({ reason: "disk-full" });
  expect(admission.noRoom).toEqual({ atMs: T0, host: "lab1", bytes: 4 * MIB });
  expect(admission.enter("lab2", MIB)).toMatchObject({ kind: "slot" });
  expect(admission.enter("lab3", 9 * MIB)).toMatchObject({ reason: "too-many-uploads" });
  expect(admission.noRoom?.host).toBe("lab1");
});

describe("whether it can store, in words", () => {
  const yes = { ready: true, why: null, fix: null, room: null, no_room: null };
  const room = { above_reserve_bytes: 1.9 * MIB, reserve_bytes: 2 * MIB };
  const no_room = { at: "", host: "lab1", bytes: 1, what: "5s ago there was no room for 3.9 MiB of lab1", fix: "see" };
  test.each([
    [yes, "yes"],
    [{ ...yes, room }, "yes, 1.9 MiB above the reserve of 2.0 MiB"],
    [
      { ...yes, room, no_room },
      "yes, 1.9 MiB above the reserve of 2.0 MiB; 5s ago there was no room for 3.9 MiB of lab1; fix: see",
    ],
    [{ ...yes, ready: false, why: "full", fix: "see", room, no_room }, "NO: full; fix: see"],
    [{ ...yes, ready: null, why: "old" }, "not known: old"],
  ])("%j", (storing, text) => expect(storingText(storing)).toBe(text));
});
