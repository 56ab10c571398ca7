// Room for archives at the disk's reserve: made in batches, found where it is, and never waited for when it is there.

import { describe, expect, test } from "bun:test";
import { utimesSync } from "node:fs";
import { join } from "node:path";
import { mountPointOf } from "../../../lib/os/files/disk-refusal.ts";
import type { LogMessage } from "../../../lib/runtime/log/log.ts";
import { createFreeSpace } from "../../../lib/shipper/disk/free-space.ts";
import type { PackResult } from "../../../lib/shipper/pack/job.ts";
import { newEntry } from "../../../lib/shipper/queue/entry.ts";
import { inText } from "../../support/in-text.ts";
import { makeEpisode } from "../../support/lab-host.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { scriptedEngine } from "../../support/scripted-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const RESERVE = 100;

/** A disk with so many bytes free, and so many more that may be removed in pieces of ten. */
function disk(free: number, removable: number) {
  const calls: number[] = [];
  const state = { free };
  const remove = async (bytes: number): Promise<void> => {
    calls.push(bytes);
    while (state.free < bytes && removable > 0) {
      await Promise.resolve();
      removable -= 10;
      state.free += 10;
    }
  };
  const freeSpace = createFreeSpace({ free: async () => state.free, remove, reserveBytes: () => RESERVE });
  return { state, calls, freeSpace };
}

describe("room", () => {
  test("that is there is found, and nothing is removed for it", async () => {
    const { calls, freeSpace } = disk(150, 1000);
    expect([await freeSpace(150), calls]).toEqual([true, []]);
  });

  test("that is not there is made, and as much as the reserve beyond it: the next ones find it", async () => {
    const { state, calls, freeSpace } = disk(100, 1000);
    expect(await freeSpace(150)).toBe(true);
    expect([state.free, calls]).toEqual([250, [250]]);
    state.free -= 50;
    expect([await freeSpace(150), await freeSpace(200), calls]).toEqual([true, true, [250]]);
  });

  test("asked for by several at once is made once", async () => {
    const { calls, freeSpace } = disk(100, 1000);
    expect(await Promise.all([freeSpace(150), freeSpace(150), freeSpace(140)])).toEqual([true, true, true]);
    expect(calls).toEqual([250]);
  });

  test("that cannot be made up to the batch, but for this one, is there all the same", async () => {
    expect(await disk(100, 60).freeSpace(150)).toBe(true);
  });

  test("that cannot be made is not there", async () => {
    expect(await disk(100, 20).freeSpace(150)).toBe(false);
  });

  test("on a disk that cannot be asked is not there; a bug is none of its errors", async () => {
    const failing = (error: Error) =>
      createFreeSpace({ free: () => Promise.reject(error), remove: async () => {}, reserveBytes: () => 0 });
    expect(await failing(Object.assign(new Error("no"), { code: "EIO" }))(1)).toBe(false);
    await expect(failing(new Error("a bug"))(1)).rejects.toThrow("a bug");
  });

  test("is asked for again after a bug: none holds up the next one", async () => {
    let isBroken = true;
    const free = async (): Promise<number> => {
      if (isBroken) throw new Error("a bug");
      return 10;
    };
    const freeSpace = createFreeSpace({ free, remove: async () => {}, reserveBytes: () => 0 });
    await expect(freeSpace(1)).rejects.toThrow("a bug");
    isBroken = false;
    expect(await freeSpace(1)).toBe(true);
  });
});

describe("an engine without room", () => {
  const NO_ROOM: PackResult = { kind: "no-space", bytes: 10, detail: "" };

  function place(pack: (id: string) => PackResult, ids: readonly string[]) {
    const { engine, dirs, calls, pass } = scriptedEngine(tempDir(), pack);
    for (const [n, id] of ids.entries()) utimesSync(join(makeEpisode(dirs, id), "done.marker"), 1000 + n, 1000 + n);
    const settle = async (): Promise<void> => {
      engine.pump();
      await engine.settled();
    };
    return { engine, calls, pass, settle };
  }

  test("goes on at once when room is found, without a second's wait, and all that waited go", async () => {
    let hasRoom = false;
    const { engine, calls, settle } = place(
      () => (hasRoom ? { kind: "vanished" } : NO_ROOM),
      ["a", "b", "c", "d", "e", "f"],
    );
    engine.deps.freeSpace = async () => {
      hasRoom = true;
      return true;
    };
    await engine.scan();
    await settle();
    expect(engine.queue.size).toBe(0);
    expect(calls.length).toBeLessThanOrEqual(12);
  });

  test("says so once, and only where none can be made", async () => {
    const said: string[] = [];
    const log = {
      ...quietLog,
      warn: (line: LogMessage) => said.push(inText(line)),
      info: (line: LogMessage) => said.push(inText(line)),
    };
    const { engine, dirs, pass } = scriptedEngine(tempDir(), () => NO_ROOM, undefined, log);
    for (const id of ["a", "b", "c"]) makeEpisode(dirs, id);
    engine.deps.freeSpace = async () => true;
    await engine.scan();
    engine.pump();
    await engine.settled();
    expect([said, engine.room.diskLow]).toEqual([[], false]);
    engine.deps.freeSpace = async () => false;
    for (let n = 0; n < 3; n++) {
      pass(31_000);
      engine.pump();
      await engine.settled();
    }
    expect([...engine.queue.inStage("waiting")][0]?.trouble?.fix?.text).toContain(
      `sudo du -a -k -x ${mountPointOf(dirs.episodes)} | `,
    );
    expect([said, engine.room.diskLow]).toEqual([
      [
        `the disk is full up to its reserve: packing waits, sending goes on; fix: make room on its disk, or lower [shipper] disk_reserve; this shows what fills it: sudo du -a -k -x ${mountPointOf(dirs.episodes)} | sort -n | tail -n 20`,
      ],
      true,
    ]);
  });

  describe("of which nothing can be made", () => {
    const RESERVE = 256 * 1024 * 1024;

    /** A disk of so many bytes free, where an archive takes 10; what was packed is sent to nobody. */
    function below(freeBytes: number, ids: readonly string[], taken = 10) {
      const reserves: [string, number][] = [];
      const parts = scriptedEngine(tempDir(), (id, { reserveBytes }) => {
        reserves.push([id, reserveBytes]);
        return freeBytes - taken < reserveBytes ? NO_ROOM : { kind: "vanished" };
      });
      for (const [n, id] of ids.entries())
        utimesSync(join(makeEpisode(parts.dirs, id), "done.marker"), 1000 + n, 1000 + n);
      parts.engine.deps.freeSpace = async (bytes) => freeBytes >= bytes;
      const settle = async (): Promise<void> => {
        parts.engine.pump();
        await parts.engine.settled();
      };
      return { ...parts, reserves, settle };
    }

    test("lends the reserve to one after the other, and leaves as much as it takes", async () => {
      const { engine, reserves, settle } = below(20, ["a", "b", "c"]);
      await engine.scan();
      await settle();
      expect(engine.queue.size).toBe(0);
      const lent = reserves.filter(([, bytes]) => bytes !== RESERVE);
      expect(lent.map(([, bytes]) => bytes)).toEqual([10, 10, 10]);
      expect(lent.map(([id]) => id).toSorted()).toEqual(["a", "b", "c"]);
    });

    test("lends nothing for an archive that would leave less than it takes", async () => {
      const { engine, reserves, settle } = below(19, ["a"]);
      await engine.scan();
      await settle();
      expect(reserves).toEqual([["a", RESERVE]]);
    });

    test("lends nothing where the disk was full before anybody knew how large an archive is", async () => {
      const { engine, calls, dirs } = scriptedEngine(tempDir(), () => ({ kind: "no-space", bytes: null, detail: "" }));
      makeEpisode(dirs, "a");
      engine.deps.freeSpace = async (bytes) => bytes === 0;
      await engine.scan();
      engine.pump();
      await engine.settled();
      expect(calls).toEqual(["pack a"]);
    });

    test("does not try one for which the loan was not enough again and again, nor keeps it from others", async () => {
      const { engine, calls, reserves, pass, settle } = below(20, ["a"], 15);
      await engine.scan();
      await settle();
      expect(reserves).toEqual([
        ["a", RESERVE],
        ["a", 10],
      ]);
      pass(31_000);
      await settle();
      expect(calls).toHaveLength(4);
    });

    test.each(["sending", "packed"] as const)(
      "lends nothing while another one is %s: that makes room",
      async (stage) => {
        const { engine, reserves, settle } = below(20, ["a"]);
        await engine.scan();
        engine.queue.restore(newEntry("b", 0, stage));
        if (stage === "packed") engine.sending.next = () => null;
        await settle();
        expect(reserves).toEqual([["a", RESERVE]]);
      },
    );

    test.each<[string, PackResult]>([
      ["is written to while it is read", { kind: "changed", detail: "" }],
      ["cannot be read", { kind: "unreadable", path: "/x", code: "EIO", detail: "" }],
      ["may not be read", { kind: "unreadable", path: "/x", code: "EACCES", detail: "" }],
    ])("an episode that %s gives the loan back: the others go", async (_, result) => {
      const packed: string[] = [];
      const { engine, dirs, pass } = scriptedEngine(tempDir(), (id, { reserveBytes }) => {
        if (reserveBytes === RESERVE) return NO_ROOM;
        packed.push(id);
        return id === "a" ? result : { kind: "vanished" };
      });
      for (const id of ["a", "b"]) makeEpisode(dirs, id);
      engine.deps.freeSpace = async (bytes) => bytes <= 20;
      await engine.scan();
      for (let n = 0; n < 3; n++) {
        engine.pump();
        await engine.settled();
        pass(31_000);
      }
      expect(packed).toContain("b");
    });

    test("the smallest gets it, though a larger one was the last to find no room", async () => {
      const packed: string[] = [];
      const { engine, dirs } = scriptedEngine(tempDir(), async (id, { reserveBytes }) => {
        if (reserveBytes !== RESERVE) packed.push(id);
        if (id === "huge") await Bun.sleep(20);
        if (reserveBytes === RESERVE) return { kind: "no-space", bytes: id === "huge" ? RESERVE : 10, detail: "" };
        return { kind: "vanished" };
      });
      for (const id of ["huge", "small"]) makeEpisode(dirs, id);
      engine.deps.freeSpace = async (bytes) => bytes <= 20;
      await engine.scan();
      engine.pump();
      await engine.settled();
      expect(packed).toEqual(["small"]);
    });

    test("lends nothing while the queue is paused: nothing would be sent", async () => {
      const { engine, reserves, settle } = below(20, ["a"]);
      const fault = { status: 401, reason: "unauthorized", isMarked: true, detail: "" };
      engine.sending.pausing.misconfigured("b", fault, 0, () => 600_000);
      await engine.scan();
      await settle();
      expect(reserves).toEqual([["a", RESERVE]]);
    });
  });

  test("does not turn in circles where room is said to be there and does not suit", async () => {
    const { engine, calls, pass, settle } = place(() => NO_ROOM, ["a", "b", "c", "d"]);
    engine.deps.freeSpace = async () => true;
    await engine.scan();
    await settle();
    const first = calls.length;
    expect(first).toBeLessThanOrEqual(8);
    await settle();
    expect(calls.length).toBe(first);
    // But it is looked at again later.
    pass(31_000);
    await settle();
    expect(calls.length).toBeGreaterThan(first);
  });

  test("tries those that wait when an archive has gone, and not after half a minute", async () => {
    let isFull = true;
    const { engine, calls, settle } = place(
      (id) => {
        if (id === "goes") return { kind: "vanished" };
        return isFull ? NO_ROOM : { kind: "vanished" };
      },
      ["a", "goes"],
    );
    await engine.scan();
    await settle();
    expect(calls.filter((call) => call === "pack a").length).toBeGreaterThanOrEqual(1);
    isFull = false;
    // Nothing was delivered since: it waits.
    await settle();
    expect(engine.queue.has("a")).toBe(true);
    makeEpisode(engine.deps.dirs, "goes");
    await engine.scan();
    await settle();
    expect(engine.queue.size).toBe(0);
  });
});
