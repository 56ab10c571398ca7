// Who is known is known for one request: what an unknown one leaves of its body is asked for, given back, or not read.

import { expect, test } from "bun:test";
import type { Fetch } from "../../../lib/receiver/http/exchange.ts";
import { serveBytes } from "./support.ts";

const put = (target: string) => Buffer.from(`PUT ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n`);
const body = [Buffer.alloc(100_000), Buffer.alloc(100_000), Buffer.alloc(100_000)];
/** Refuses everything; who asks for /known is. */
const refuseAll: Fetch = (_, { target, known }) => {
  if (target === "/known") known();
  return new Response("no", { status: 401 });
};

test("a place is asked for by an unknown sender, after a known one on the same connection too, and given back", async () => {
  const entered: [string, number][] = [];
  let held = 0;
  const { statuses } = await serveBytes([put("/known"), ...body, put("/x"), ...body, put("/known"), ...body], {
    fetch: refuseAll,
    leftovers: {
      enter: (address, bytes) => {
        entered.push([address, bytes]);
        held++;
        return () => {
          held--;
        };
      },
    },
  });
  expect(statuses).toEqual(["HTTP/1.1 401", "HTTP/1.1 401", "HTTP/1.1 401"]);
  expect(entered).toEqual([["10.0.0.5", 300_000]]);
  expect(held).toBe(0);
});

test("of one that gets no place nothing more is read, and nothing after it is served", async () => {
  const pieces = [put("/x"), ...body, put("/known"), ...body];
  const { statuses, left } = await serveBytes(pieces, { fetch: refuseAll, leftovers: { enter: () => null } });
  expect(statuses).toEqual(["HTTP/1.1 401"]);
  expect(left).toBeGreaterThan(4);
});

test("what is read for nothing waits by the pace of its kind", async () => {
  const waits: [number, boolean][] = [];
  await serveBytes([put("/known"), ...body, put("/x"), ...body], {
    fetch: refuseAll,
    beforeDiscard: (bytes, isKnown) => {
      waits.push([bytes, isKnown]);
      return 0;
    },
  });
  const sum = (kind: boolean) => waits.reduce((all, [bytes, isKnown]) => all + (isKnown === kind ? bytes : 0), 0);
  expect([sum(true), sum(false)]).toEqual([300_000, 300_000]);
});

test("a place is free while a body that nobody wants is still to come: the connection says so", async () => {
  const states: string[] = [];
  await serveBytes([put("/known"), ...body, put("/x"), ...body], {
    fetch: refuseAll,
    onState: (_, state) => void states.push(state),
  });
  expect(states).toEqual([
    "waiting",
    "unproved",
    "busy",
    "ending",
    "waiting",
    "unproved",
    "ending",
    "waiting",
    "ending",
  ]);
});

test("whatever is answered to an unknown sender waits for its turn, what is no request too; a known one's never", async () => {
  const paced: boolean[] = [];
  const get = (target: string, more = "") => Buffer.from(`GET ${target} HTTP/1.1\r\nHost: x\r\n${more}\r\n`);
  const status: Record<string, number> = { "/known": 201, "/healthz": 200, "/readyz": 503, "/malformed": 400 };
  const { statuses } = await serveBytes(
    [get("/known"), get("/nothing"), get("/healthz"), get("/readyz"), get("/malformed"), Buffer.from("\0\0\r\n\r\n")],
    {
      fetch: (_, { target, known }) => {
        if (target === "/known") known();
        return new Response(null, { status: status[target] ?? 404 });
      },
      pace: (isSign) => {
        paced.push(isSign);
        return 0;
      },
    },
  );
  expect(statuses.map((line) => line.slice(-3))).toEqual(["201", "404", "200", "503", "400", "400"]);
  expect(paced).toEqual([false, true, true, false, false]);
});
