// A machine over the wire and back, and whether two may be one.

import { expect, test } from "bun:test";
import { formatMachine, type Machine, maySame, parseMachine, readMachine } from "../../lib/contract/machine.ts";

const ID = "0123456789abcdef0123456789abcdef";
const OTHER = "f".repeat(32);
const [SOC, MAC, CARD, MAC2, CARD2] = ["1", "2", "3", "4", "5"].map((digit) => digit.repeat(16)) as [
  string,
  string,
  string,
  string,
  string,
];

test("comes back as it went, in a header and in JSON", () => {
  for (const machine of [
    { id: ID, hardware: [SOC, MAC] },
    { id: null, hardware: [SOC] },
    { id: ID, hardware: [] },
  ]) {
    expect(parseMachine(formatMachine(machine))).toEqual(machine);
    expect(readMachine(JSON.parse(JSON.stringify(machine)))).toEqual(machine);
  }
  expect(formatMachine({ id: ID, hardware: [SOC, MAC] })).toBe(`${ID};${SOC},${MAC}`);
  expect(formatMachine({ id: null, hardware: [SOC] })).toBe(`-;${SOC}`);
});

test("the order of the hardware tells nothing", () => {
  expect(parseMachine(`-;${MAC},${SOC},${MAC}`)).toEqual({ id: null, hardware: [SOC, MAC] });
});

test("what is none, or tells nothing", () => {
  const many = Array.from({ length: 9 }, () => SOC).join(",");
  for (const value of [
    "",
    "-",
    "-;",
    ID,
    `${ID.slice(1)};`,
    `${ID.toUpperCase()};`,
    `${ID};${SOC}0`,
    `${ID};${SOC};`,
    `${ID};,`,
    `${ID};${many}`,
  ]) {
    expect(parseMachine(value)).toBeNull();
  }
  for (const value of [
    null,
    7,
    "x",
    {},
    { id: ID },
    { id: 7, hardware: [] },
    { id: ID, hardware: "x" },
    { id: ID, hardware: [7] },
  ]) {
    expect(readMachine(value)).toBeNull();
  }
});

const SAME: [what: string, a: Machine, b: Machine, same: boolean][] = [
  ["a cloned card in another Pi", { id: ID, hardware: [SOC, CARD] }, { id: ID, hardware: [MAC2, CARD2] }, false],
  ["a card that was moved", { id: ID, hardware: [SOC, CARD] }, { id: ID, hardware: [MAC2, CARD] }, true],
  ["a card that was replaced", { id: ID, hardware: [SOC, CARD] }, { id: OTHER, hardware: [SOC, CARD2] }, true],
  ["a network device that is not found yet", { id: ID, hardware: [MAC, CARD] }, { id: ID, hardware: [CARD] }, true],
  ["another image on the same machine", { id: ID, hardware: [SOC] }, { id: OTHER, hardware: [SOC] }, true],
  ["hardware that one of them does not tell, same id", { id: ID, hardware: [SOC] }, { id: ID, hardware: [] }, true],
  [
    "hardware that one of them does not tell, other id",
    { id: ID, hardware: [SOC] },
    { id: OTHER, hardware: [] },
    false,
  ],
  ["containers, other id", { id: ID, hardware: [] }, { id: OTHER, hardware: [] }, false],
  ["no id and no common hardware to compare", { id: null, hardware: [SOC] }, { id: ID, hardware: [] }, true],
];

for (const [what, a, b, same] of SAME) {
  test(`${what}: ${same ? "may be one machine" : "two machines"}`, () => {
    expect([maySame(a, b), maySame(b, a)]).toEqual([same, same]);
  });
}
