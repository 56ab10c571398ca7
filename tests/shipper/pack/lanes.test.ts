// A small episode never waits for one that is much larger: neither in the engine's choice nor in the packing thread.

import { describe, expect, onTestFinished, test } from "bun:test";
import { closeSync, existsSync, openSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { PackJob, PackProgress, PackResult } from "../../../lib/shipper/pack/job.ts";
import { fitsLane, LANES } from "../../../lib/shipper/pack/lanes.ts";
import { fingerprintOf, packEpisode } from "../../../lib/shipper/pack/pack.ts";
import { startPacker } from "../../../lib/shipper/pack/packer.ts";
import { makeDirs, makeEpisode } from "../../support/lab-host.ts";
import { scriptedEngine } from "../../support/scripted-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { fingerprintOf as walked } from "../../support/walked.ts";

const MIB = 1024 * 1024;

describe("lanes", () => {
  test("are for any size, for up to a gibibyte, and for up to 64 MiB", () => {
    expect(LANES).toEqual([null, 1024 * MIB, 64 * MIB]);
  });

  for (const [bytes, maxBytes, fits] of [
    [null, 64 * MIB, true],
    [64 * MIB, 64 * MIB, true],
    [64 * MIB + 1, 64 * MIB, false],
    [10 ** 12, null, true],
  ] as const) {
    test(`of ${maxBytes} bytes ${fits ? "take" : "leave"} an episode of ${bytes}`, () =>
      expect(fitsLane(bytes, maxBytes)).toBe(fits));
  }
});

describe("the engine", () => {
  test("packs small episodes while a huge one is packed, and the next huge one after that", async () => {
    const huge = Promise.withResolvers<PackResult>();
    const later: PackResult = { kind: "changed", detail: "later" };
    const { engine, dirs, calls } = scriptedEngine(tempDir(), (id, { maxBytes }) => {
      if (!id.startsWith("huge")) return later;
      if (maxBytes !== null) return { kind: "large", bytes: 10 ** 12 };
      return id === "huge-1" ? huge.promise : later;
    });
    for (const [n, id] of ["huge-1", "huge-2", "small-1", "small-2"].entries()) {
      utimesSync(join(makeEpisode(dirs, id), "done.marker"), 1000 + n, 1000 + n);
    }
    await engine.scan();
    engine.pump();
    // Two lanes take them, so that either may be the first.
    while (!["pack small-1", "pack small-2"].every((call) => calls.includes(call))) await Bun.sleep(1);
    // Measured once, it is left alone until the lane for any size is free.
    expect(calls.filter((call) => call === "pack huge-2").length).toBeLessThanOrEqual(2);
    expect(engine.queue.get("huge-2")).toMatchObject({ stage: "waiting", bytes: 10 ** 12 });
    const before = calls.length;
    huge.resolve(later);
    while (calls.length === before) await Bun.sleep(1);
    expect(calls.slice(before)).toEqual(["pack huge-2"]);
    await engine.stop(0);
  });

  test("packs and sends a small one that comes while large ones lie packed and one of them is on a slow way", async () => {
    const puts: string[] = [];
    const server = createServer((request) => {
      puts.push(request.url ?? "");
      request.resume(); // and no answer
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port } = server.address() as AddressInfo;
    const pack = (id: string, { maxBytes, part }: PackJob): PackResult => {
      const bytes = id.startsWith("large") ? 2048 * MIB : 100;
      if (maxBytes !== null && bytes > maxBytes) return { kind: "large", bytes };
      writeFileSync(part, "");
      truncateSync(part, bytes);
      const digests = { sha256: "a".repeat(64), treeSha256: "b".repeat(64), firstTreeSha256: null };
      const rest = { files: 1, fingerprint: "fingerprint", skipped: [], unlisted: 0 };
      return { kind: "packed", bytes, treeBytes: bytes, ...digests, ...rest };
    };
    const { engine, dirs } = scriptedEngine(tempDir(), pack, `http://127.0.0.1:${port}`);
    for (let n = 0; n < 8; n++) utimesSync(join(makeEpisode(dirs, `large-${n}`), "done.marker"), 1000 + n, 1000 + n);
    await engine.scan();
    engine.pump();
    // One on its way, and as many packed as make sense.
    while (engine.queue.inStage("packed").size < 3 || puts.length < 1) await Bun.sleep(1);
    makeEpisode(dirs, "small");
    await engine.scan();
    engine.pump();
    while (puts.length < 2) await Bun.sleep(1);
    expect(puts[1]).toEndWith("/small.tar.zst");
    await engine.stop(0);
  });
});

describe("the packing thread", () => {
  function place() {
    const dirs = makeDirs(tempDir());
    const huge = makeEpisode(dirs, "huge", { data: "" });
    // Holes: hours of work for the old way, some seconds now.
    truncateSync(join(huge, "data"), 8 * 1024 * MIB);
    makeEpisode(dirs, "small");
    const packer = startPacker();
    onTestFinished(() => packer.close());
    const told: Record<string, (PackProgress | null)[]> = {};
    const pack = (id: string, maxBytes: number | null): Promise<PackResult> => {
      const part = join(dirs.outbox, `.${id}.part`);
      const of: (PackProgress | null)[] = [];
      told[id] = of;
      return packer.pack({ root: join(dirs.episodes, id), id, part, reserveBytes: 0, maxBytes }, (one) => of.push(one));
    };
    return { dirs, packer, pack, told };
  }

  test("packs a small episode, and answers questions, while it packs a huge one", async () => {
    const { dirs, packer, pack } = place();
    let isOver = false;
    const huge = pack("huge", null).finally(() => {
      isOver = true;
    });
    expect((await pack("small", 64 * MIB)).kind).toBe("packed");
    expect(await packer.fingerprint(join(dirs.episodes, "small"))).toMatch(/^[0-9a-f]{64}$/);
    expect(isOver).toBe(false);
    packer.cancel();
    expect(await huge).toEqual({ kind: "cancelled" });
  });

  test("gives others their turn while it walks through very many files, and hears a stop", async () => {
    const { dirs } = place();
    const many = makeEpisode(dirs, "many");
    for (let i = 0; i < 5000; i++) closeSync(openSync(join(many, `f${i}`), "w"));
    let turns = 0;
    const turn = (): void => {
      turns++;
      next = setImmediate(turn);
    };
    let next = setImmediate(turn);
    onTestFinished(() => clearImmediate(next));
    expect(await fingerprintOf(many)).toBe(walked(many));
    expect(turns).toBeGreaterThanOrEqual(9);
    const part = join(dirs.outbox, ".many.part");
    const job = { root: many, id: "many", part, reserveBytes: 0, maxBytes: null };
    let moved = 0;
    turns = 0;
    const result = await packEpisode(job, { moved: () => moved++, cancelled: () => moved === 5 });
    // Called off within its first walk: nothing of it is written.
    expect([result, moved, existsSync(part)]).toEqual([{ kind: "cancelled" }, 5, false]);
    expect(turns).toBeGreaterThanOrEqual(4);
  });

  test("says how far each is, as soon as it knows how many bytes there are", async () => {
    const { pack, told } = place();
    await pack("small", null);
    const bytes = "data of small".length;
    expect(told.small?.filter((one) => one !== null)).toEqual([{ doneBytes: bytes, bytes }]);
  });

  test("says again and again how far it is with a huge one", async () => {
    const { packer, pack, told } = place();
    const huge = pack("huge", null);
    const done = (): number[] => (told.huge ?? []).flatMap((one) => (one === null ? [] : [one.doneBytes]));
    while (done().length < 3) await Bun.sleep(1);
    packer.cancel();
    await huge;
    expect(done()).toEqual([...done()].sort((a, b) => a - b));
  });

  test("leaves what is larger than the lane to another one, unpacked", async () => {
    const { pack } = place();
    expect(await pack("huge", 64 * MIB)).toEqual({ kind: "large", bytes: 8 * 1024 * MIB + "data of huge".length });
  });
});
