// When the queue stops, and who goes ahead: tables of literals, time as a number.

import { describe, expect, test } from "bun:test";
import { type Candidate, Pausing, probeWaitMs } from "../../../lib/shipper/queue/pausing.ts";
import type { Fault } from "../../../lib/shipper/trust/verdict.ts";

const fault = (status: number, reason = `status-${status}`, isMarked = false): Fault => ({
  status,
  reason,
  isMarked,
  detail: "",
});
const wait = (probes: number): number => probeWaitMs(probes, 1, null);
const one = (id: string, bytes = 10, isDue = true): Candidate => ({ id, bytes, isDue });

describe("waiting alone", () => {
  test("two episodes with one fault do not stop a queue of many; the third does", () => {
    const pausing = new Pausing();
    pausing.failed("a", fault(403), 10, 0, wait);
    pausing.failed("b", fault(403), 10, 0, wait);
    expect(pausing.pause).toBeNull();
    pausing.failed("c", fault(403), 10, 0, wait);
    expect(pausing.pause).toMatchObject({ kind: "failing", fault: { status: 403 } });
  });

  test("the same episode three times is one witness", () => {
    const pausing = new Pausing();
    for (const _ of [1, 2, 3, 4]) pausing.failed("a", fault(403), 2, 0, wait);
    expect(pausing.pause).toBeNull();
    expect(pausing.witnessCount).toBe(1);
  });

  for (const [name, other] of [
    ["status", fault(404)],
    ["reason", fault(403, "wrong-host")],
    ["mark", fault(403, "status-403", true)],
  ] as const) {
    test(`another ${name} begins the row anew`, () => {
      const pausing = new Pausing();
      pausing.failed("a", fault(403), 10, 0, wait);
      pausing.failed("b", fault(403), 10, 0, wait);
      pausing.failed("c", other, 10, 0, wait);
      expect(pausing.pause).toBeNull();
      expect(pausing.witnessCount).toBe(1);
    });
  }

  test("a receipt in between begins the row anew", () => {
    const pausing = new Pausing();
    pausing.failed("a", fault(403), 10, 0, wait);
    pausing.failed("b", fault(403), 10, 0, wait);
    pausing.answered();
    pausing.failed("c", fault(403), 10, 0, wait);
    expect(pausing.pause).toBeNull();
  });

  for (const due of [1, 2]) {
    test(`${due} of ${due} that are due are enough`, () => {
      const pausing = new Pausing();
      for (let i = 0; i < due; i++) pausing.failed(`e${i}`, fault(503), due, 0, wait);
      expect(pausing.pause).not.toBeNull();
    });
  }
});

/** Every row of so many of these, each any number of times. */
function* rows(of: readonly string[], length: number): Generator<string[]> {
  if (length === 0) yield [];
  else for (const row of rows(of, length - 1)) for (const one of of) yield [...row, one];
}

describe("every row of five episodes", () => {
  for (const due of [1, 2, 3, 4, 5]) {
    test(`of ${due} that are due stops the queue with the ${Math.min(3, due)}. different one that met the fault, and not before`, () => {
      const wrong: string[] = [];
      for (const row of rows(["a", "b", "c", "d", "e"], 5)) {
        const pausing = new Pausing();
        const met = new Set<string>();
        for (const id of row) {
          met.add(id);
          pausing.failed(id, fault(503), due, 0, wait);
          if ((pausing.pause !== null) !== met.size >= Math.min(3, due)) wrong.push(`${row.join("")} at ${id}`);
          if (pausing.witnessCount !== met.size) wrong.push(`${row.join("")} has ${pausing.witnessCount} witnesses`);
        }
      }
      expect(wrong.slice(0, 5)).toEqual([]);
    });
  }
});

describe("a stopped queue", () => {
  const stopped = (): Pausing => {
    const pausing = new Pausing();
    for (const id of ["a", "b", "c"]) pausing.failed(id, fault(413), 10, 0, wait);
    return pausing;
  };

  test("sends another one ahead at once, the smallest that was not tried", () => {
    expect(stopped().probe([one("a", 1), one("d", 30), one("e", 20)], 0)?.id).toBe("e");
  });

  test("sends none of those that were tried ahead of its time", () => {
    expect(stopped().probe([one("a"), one("b"), one("c")], 4999)).toBeNull();
  });

  test("waits 5, 10, 20, 40, 80, 120, 120 seconds between probes", () => {
    const pausing = stopped();
    const waits: number[] = [];
    for (let now = 0, i = 0; i < 7; i++) {
      const next = pausing.pause?.nextProbeMs ?? 0;
      waits.push((next - now) / 1000);
      now = next;
      pausing.failed("a", fault(413), 10, now, wait);
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 120, 120]);
  });

  test("takes them in turn: never the same one while another waits", () => {
    const pausing = stopped();
    const candidates = ["a", "b", "c", "d"].map((id) => one(id));
    const turns: string[] = [];
    for (let i = 0; i < 9; i++) {
      const now = pausing.pause?.nextProbeMs ?? 0;
      const { id } = pausing.probe(candidates, now) ?? one("none");
      turns.push(id);
      pausing.failed(id, fault(413), 4, now, wait);
    }
    expect(turns.join("")).toBe("dabcdabcd");
  });

  test("sends one ahead at once that becomes due while fewer than three witnesses stand, and only then", () => {
    const pausing = new Pausing();
    pausing.failed("a", fault(503), 1, 0, wait);
    pausing.failed("a", fault(503), 1, 1, wait);
    expect(pausing.probe([one("a"), one("late", 10, false)], 2)).toBeNull();
    expect(pausing.probe([one("a"), one("b")], 2)?.id).toBe("b");
    pausing.failed("b", fault(503), 2, 2, wait);
    expect(pausing.probe([one("a"), one("b"), one("c")], 3)?.id).toBe("c");
    pausing.failed("c", fault(503), 3, 3, wait);
    expect(pausing.probe([one("a"), one("b"), one("c"), one("d")], 4)).toBeNull();
  });

  test("one that went ahead of its time does not put off the next regular probe", () => {
    const pausing = stopped();
    const due = pausing.pause?.nextProbeMs;
    pausing.failed("d", fault(413), 10, 1000, wait);
    expect(pausing.pause?.nextProbeMs).toBe(due ?? 0);
  });

  test("goes on with a receipt or a judgement, and forgets who was tried", () => {
    const pausing = stopped();
    pausing.answered();
    expect(pausing.pause).toBeNull();
    expect(pausing.wasTried("a")).toBe(false);
    expect(pausing.probe([one("a")], 0)).toBeNull();
  });

  test("stays stopped when a probe meets another fault, and says the newest", () => {
    const pausing = stopped();
    pausing.failed("d", fault(404), 10, 5000, wait);
    expect(pausing.pause).toMatchObject({ kind: "failing", fault: { status: 404 }, sinceMs: 0 });
  });

  test("tries at once, from the beginning of its waits, when something may be mended", () => {
    const pausing = stopped();
    for (const now of [5000, 20_000, 50_000]) pausing.failed("a", fault(413), 10, now, wait);
    pausing.tryNow();
    expect(pausing.probe([one("a"), one("b"), one("c")], 50_001)?.id).toBe("b");
    pausing.failed("b", fault(413), 10, 50_001, wait);
    expect(pausing.pause?.nextProbeMs).toBe(60_001);
  });
});

describe("a fault that every episode would meet", () => {
  test("stops the queue at once, and asks two others at once whether it is true", () => {
    const pausing = new Pausing();
    pausing.misconfigured("a", fault(401), 0, wait);
    expect(pausing.pause).toMatchObject({ kind: "misconfigured" });
    expect(pausing.probe([one("a"), one("b"), one("c")], 0)?.id).toBe("b");
    pausing.misconfigured("b", fault(401), 0, wait);
    expect(pausing.probe([one("a"), one("b"), one("c")], 0)?.id).toBe("c");
    pausing.misconfigured("c", fault(401), 0, wait);
    expect(pausing.probe([one("a"), one("b"), one("c"), one("d")], 0)).toBeNull();
  });

  test("is followed by what the next probe meets", () => {
    const pausing = new Pausing();
    pausing.misconfigured("a", fault(0, "connect"), 0, wait);
    pausing.failed("b", fault(503), 5, 0, wait);
    expect(pausing.pause).toMatchObject({ kind: "failing", fault: { status: 503 } });
    pausing.misconfigured("c", fault(401), 0, wait);
    expect(pausing.pause).toMatchObject({ kind: "misconfigured", fault: { status: 401 } });
  });
});

describe("the wait until a probe", () => {
  for (const [probes, jitter, asked, ms] of [
    [0, 0, null, 2500],
    [0, 1, null, 5000],
    [5, 0, null, 60_000],
    [99, 1, null, 120_000],
    [0, 1, 60, 60_000],
    [99, 1, 3, 120_000],
    [0, 0, 3600, 3_600_000],
    [0, 0, 99_999, 3_600_000],
  ] as const) {
    test(`after ${probes} probes, jitter ${jitter}, Retry-After ${asked}: ${ms} ms`, () => {
      expect(probeWaitMs(probes, jitter, asked)).toBe(ms);
    });
  }
});
