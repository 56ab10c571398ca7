// Refusals of nobody known: however many, from however many addresses, naming however many hosts: few sums, all counted.

import { describe, expect, test } from "bun:test";
import { addressOf } from "../../../lib/receiver/http/address.ts";
import { collapse, RefusalSums, type Refused, SUM_LIMITS } from "../../../lib/receiver/refusals/refusal-sums.ts";

const T0 = Date.parse("2026-05-01T06:37:53Z");
const refused = (more: Partial<Refused> = {}): Refused => ({
  remote: "10.0.0.5:40112",
  host: null,
  what: "episode",
  reason: "unauthorized",
  ...more,
});
const total = (sums: readonly { count: number }[]): number => sums.reduce((all, { count }) => all + count, 0);

test("are counted by address, host, kind and reason, whatever the port", () => {
  const sums = new RefusalSums();
  expect(sums.add(refused(), T0)).toBe(1);
  expect(sums.add(refused({ remote: "10.0.0.5:50000" }), T0 + 1500)).toBe(2);
  expect(sums.add(refused({ host: "lab1" }), T0)).toBe(1);
  expect(sums.add(refused({ what: "heartbeat" }), T0)).toBe(1);
  expect(sums.add(refused({ reason: "wrong-host" }), T0)).toBe(1);
  expect(sums.add(refused({ remote: "10.0.0.6:1" }), T0)).toBe(1);
  const [first, ...others] = sums.take();
  expect(first).toEqual({
    from: "2026-05-01T06:37:53.000000+00:00",
    to: "2026-05-01T06:37:54.500000+00:00",
    remote: "10.0.0.5",
    host_id: null,
    what: "episode",
    reason: "unauthorized",
    count: 2,
  });
  expect(others.map(({ count }) => count)).toEqual([1, 1, 1, 1]);
  expect(sums.take()).toEqual([]);
  expect(sums.add(refused(), T0)).toBe(1);
});

test("of more addresses than are told apart the rest is one sum; each known one still counts its own", () => {
  const sums = new RefusalSums();
  for (let i = 0; i < SUM_LIMITS.remotes + 50; i++) sums.add(refused({ remote: `10.1.${i >> 8}.${i & 255}:1` }), T0);
  sums.add(refused({ remote: "10.1.0.0:2" }), T0);
  const taken = sums.take();
  expect([taken.length, total(taken)]).toEqual([257, 307]);
  expect(taken.find(({ remote }) => remote === "*")?.count).toBe(50);
  expect(taken[0]).toMatchObject({ remote: "10.1.0.0", count: 2 });
});

test("of more hosts than are told apart of one address the rest is one sum, and another address has its own", () => {
  const sums = new RefusalSums();
  for (let i = 0; i < SUM_LIMITS.hostsPerRemote + 9; i++) sums.add(refused({ host: `lab${i}` }), T0);
  sums.add(refused({ host: "lab0" }), T0);
  sums.add(refused({ host: "lab70", remote: "10.0.0.9:1" }), T0);
  const taken = sums.take();
  expect([taken.length, total(taken)]).toEqual([66, 75]);
  expect(taken.filter(({ host_id }) => host_id === null)).toMatchObject([{ remote: "10.0.0.5", count: 9 }]);
  expect(taken.find(({ host_id }) => host_id === "lab0")?.count).toBe(2);
  expect(taken.find(({ host_id }) => host_id === "lab70")?.remote).toBe("10.0.0.9");
});

test("collapsed they lose who, and keep what, why, how often and when", () => {
  const sums = new RefusalSums();
  sums.add(refused({ host: "lab1" }), T0 + 1000);
  sums.add(refused({ remote: "10.0.0.6:1" }), T0);
  sums.add(refused({ remote: "10.0.0.7:1" }), T0 + 2000);
  sums.add(refused({ what: "heartbeat" }), T0);
  const few = collapse(sums.take());
  expect(few).toMatchObject([
    { remote: "*", host_id: null, what: "episode", reason: "unauthorized", count: 3 },
    { remote: "*", host_id: null, what: "heartbeat", reason: "unauthorized", count: 1 },
  ]);
  expect([few[0]?.from.slice(17, 19), few[0]?.to.slice(17, 19)]).toEqual(["53", "55"]);
});

describe("the address of", () => {
  test.each([
    ["10.0.0.5:40112", "10.0.0.5"],
    ["[fd00::1]:40112", "fd00::1"],
    ["[::ffff:10.0.0.5]:40112", "10.0.0.5"],
    ["-", "-"],
  ])("%s is %s", (remote, address) => expect(addressOf(remote)).toBe(address));
});
