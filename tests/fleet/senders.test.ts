// Two machines under one name: found by what one machine cannot do; a new image, a new board, a late packet are no finding.

import { describe, expect, test } from "bun:test";
import type { Machine } from "../../lib/contract/machine.ts";
import { findingText } from "../../lib/core/finding.ts";
import {
  duplicateOf,
  NOBODY,
  noteSender,
  parseSenders,
  type Senders,
  type Sighting,
  withDuplicate,
  withoutMoved,
} from "../../lib/fleet/senders.ts";

const T0 = Date.parse("2026-05-01T12:00:00Z");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const ID = "0".repeat(31);
const part = (digit: string) => digit.repeat(16);
const PI_A: Machine = { id: `${ID}1`, hardware: [part("a"), part("c")] };
/** The card of A, cloned, in another board. */
const PI_B: Machine = { id: `${ID}1`, hardware: [part("b"), part("d")] };
/** A with another Wi-Fi, and with another image. */
const PI_A_NEW_CARD: Machine = { id: `${ID}1`, hardware: [part("a"), part("e")] };
const PI_A_NEW_IMAGE: Machine = { id: `${ID}2`, hardware: [part("a"), part("c")] };

const beat = (bootId: string, machine: Machine | null, remote = `10.77.0.${bootId}`): Sighting => ({
  kind: "heartbeat",
  bootId,
  machine,
  remote,
  conflict: false,
});
const episode = (machine: Machine | null, conflict = false): Sighting => ({
  kind: "episode",
  bootId: null,
  machine,
  remote: machine === PI_B ? "10.77.0.31" : "10.77.0.12",
  conflict,
});

/** What is remembered after these, one a minute, the last at T0. */
function after(sightings: Sighting[], before: Senders = NOBODY, everyMs = MINUTE): Senders {
  return sightings.reduce(
    (senders, sighting, n) => noteSender(senders, sighting, T0 - (sightings.length - 1 - n) * everyMs),
    before,
  );
}
const isFound = (sightings: Sighting[], everyMs = MINUTE): boolean =>
  duplicateOf("lab1", after(sightings, NOBODY, everyMs), T0) !== null;

const A = beat("12", PI_A);
const B = beat("31", PI_B);
const OLD_A = beat("12", null);
const OLD_B = beat("31", null);

const CASES: [what: string, sightings: Sighting[], found: boolean][] = [
  ["two boots by turns", [A, B, A, B], true],
  ["two boots by turns, of agents that tell no machine", [OLD_A, OLD_B, OLD_A, OLD_B], true],
  ["two boots by turns in two containers of one machine", [A, beat("31", PI_A), A, beat("31", PI_A)], true],
  ["a reboot", [A, A, beat("13", PI_A), beat("13", PI_A)], false],
  ["many reboots", ["1", "2", "3", "4", "5", "6"].map((boot) => beat(boot, PI_A)), false],
  ["a late packet of the boot before", [A, A, B, A, B, B, B].filter((_, i) => i !== 3), false],
  ["one return: a packet that was very late, a snapshot that was restored", [A, B, A, A, A], false],
  ["a new board with the old name", [A, A, B, B, B], false],
  ["two machines that ship by turns", [episode(PI_A), episode(PI_B), episode(PI_A), episode(PI_B)], true],
  [
    "one machine that ships, its card replaced, a device not yet there",
    [PI_A, PI_A_NEW_CARD, PI_A, PI_A_NEW_CARD].map((m) => episode(m)),
    false,
  ],
  ["a machine with two systems by turns", [PI_A, PI_A_NEW_IMAGE, PI_A, PI_A_NEW_IMAGE].map((m) => episode(m)), false],
  [
    "two machines that ship by turns, and episodes in between that tell none",
    [PI_A, null, PI_B, null, PI_A, null, PI_B].map((m) => episode(m)),
    true,
  ],
  ["episodes that tell no machine", [null, PI_A, null, PI_A, null].map((m) => episode(m)), false],
  [
    "a conflict from another machine, and the first comes back",
    [episode(PI_A), episode(PI_B, true), episode(PI_A)],
    true,
  ],
  [
    "conflicts alone: a new board that counts its episodes anew",
    [episode(PI_A), episode(PI_B, true), episode(PI_B, true), episode(PI_B, true)],
    false,
  ],
  ["conflicts of one machine with itself", [episode(PI_A), episode(PI_A, true), episode(PI_A_NEW_IMAGE, true)], false],
  ["a conflict from another machine than the one that is heard", [A, episode(PI_B, true), beat("31", PI_B), A], true],
  ["heartbeats and episodes of one machine by turns", [A, episode(PI_A), A, episode(PI_A), A], false],
];

for (const [what, sightings, found] of CASES) {
  test(`${what}: ${found ? "duplicate-host" : "no finding"}`, () => expect(isFound(sightings)).toBe(found));
}

test("three by turns are seen too", () => {
  const C = beat("40", null);
  expect(isFound([A, B, C, A, B, C])).toBe(true);
});

test("the finding names both addresses, and what gives one of them a name of its own", () => {
  const found = duplicateOf("lab1", after([A, B, A, B]), T0 + 5000);
  expect(found).toMatchObject({
    reason: "duplicate-host",
    machines: [
      { remote: "10.77.0.31", age_s: 5, boot_id: "31", machine: `${ID}1;${part("b")},${part("d")}` },
      { remote: "10.77.0.12", age_s: 65, boot_id: "12" },
    ],
  });
  const text = found === null ? "" : findingText(found, "collector");
  expect(text).toBe(
    "two machines send under this name: 10.77.0.31 (5s ago) and 10.77.0.12 (1min 5s ago); fix: give one of them a host_id and a token of its own; paste that when it waits for it, and end it with Ctrl-D: " +
      "sudo receiver token add lab1-2; then on the lab host: sudo rm -f /etc/machine-id /var/lib/dbus/machine-id && sudo systemd-machine-id-setup && " +
      `sudo sed -i 's/^host_id *=.*/host_id = "lab1-2"/' /etc/labfleet/lab-host.toml && ` +
      "sudo install -m 0640 -g labfleet /dev/stdin /etc/labfleet/token && " +
      "sudo systemctl restart labfleet-shipper labfleet-heartbeat",
  );
  // What else is wrong is said before the remedy, which ends the line.
  const [what, fix] = text.split("; fix: ");
  const other = { problem: { what: "load: 12", fix: { text: "end it", commands: [] } } };
  expect(withDuplicate(other, found).problem).toBe(`${what}; and: load: 12; fix: ${fix}`);
  expect<string | null>(withDuplicate({ problem: null }, found).problem).toBe(text);
  expect(withDuplicate({ problem: null }, null)).toEqual({ problem: null, duplicate: null });
});

test("a machine with an id of its own keeps it", () => {
  const other = beat("31", { id: `${ID}9`, hardware: [part("b")] });
  const commands = duplicateOf("lab1", after([A, other, A, other]), T0)?.fix.commands ?? [];
  expect(commands.map(({ argv }) => argv.join(" ")).filter((line) => line.includes("machine-id"))).toEqual([]);
});

test("a day after the last of it nothing is shown; a week later it counts for nothing", () => {
  const senders = after([A, B, A, B]);
  expect(duplicateOf("lab1", senders, T0 + 24 * HOUR)).not.toBeNull();
  expect(duplicateOf("lab1", senders, T0 + 24 * HOUR + 1)).toBeNull();
  const once = after([A, B, A]);
  expect(duplicateOf("lab1", noteSender(once, B, T0 + 7 * 24 * HOUR), T0 + 7 * 24 * HOUR)).not.toBeNull();
  expect(duplicateOf("lab1", noteSender(once, B, T0 + 7 * 24 * HOUR + 1), T0 + 7 * 24 * HOUR + 1)).toBeNull();
});

test("a conflict that goes on is evidence anew, and counts once", () => {
  const senders = after([episode(PI_A), episode(PI_B, true), episode(PI_A)]);
  const later = noteSender(noteSender(senders, episode(PI_A), T0 + HOUR), { ...episode(PI_B, true) }, T0 + 20 * HOUR);
  expect(duplicateOf("lab1", later, T0 + 44 * HOUR)).not.toBeNull();
  expect(isFound([episode(PI_A), ...Array.from({ length: 9 }, () => episode(PI_B, true))])).toBe(false);
});

test("of each kind four senders are remembered", () => {
  const boots = Array.from({ length: 20 }, (_, n) => beat(String(n), null));
  expect(
    after([episode(PI_A), ...boots])
      .seen.map(({ kind }) => kind)
      .sort(),
  ).toEqual(["episode", ...Array(4).fill("heartbeat")].sort());
});

test("when the other one was not seen for ten minutes, somebody may have mended it: its line says so", () => {
  const twins = after([A, B, A, B]);
  const textAt = (afterMs: number): string =>
    duplicateOf("lab1", noteSender(twins, B, T0 + afterMs), T0 + afterMs)?.fix.text ?? "";
  // A came last a minute before T0.
  expect(textAt(9 * MINUTE)).toStartWith("give one of them");
  expect(textAt(9 * MINUTE + 1000)).toStartWith(
    "unless that was done since (it clears by itself 24 h after the last sign, at 2026-05-02 12:00 UTC): give one of them",
  );
});

describe("a machine that sends under another name since", () => {
  const found = after([A, B, A, B]);
  const isOver = (moved: Machine | null, atMs: number, senders = found): boolean =>
    duplicateOf("lab1", withoutMoved(senders, moved, atMs), atMs) === null;

  test("ends the finding once it was quiet under this one for five minutes", () => {
    expect(isOver(PI_B, T0 + 5 * MINUTE - 1)).toBe(false);
    expect(isOver(PI_B, T0 + 5 * MINUTE)).toBe(true);
    // With the machine id that was made anew, it is the same board.
    expect(isOver({ id: `${ID}9`, hardware: [part("d")] }, T0 + 5 * MINUTE)).toBe(true);
    expect(withoutMoved(found, PI_B, T0 + 5 * MINUTE)).toMatchObject({
      seen: [{ bootId: "12" }],
      returns: 0,
      evidenceMs: null,
    });
  });

  test("changes nothing where it is another, or tells nothing, or is heard under both names", () => {
    const third: Machine = { id: `${ID}1`, hardware: [part("f")] };
    for (const machine of [third, null, { id: `${ID}1`, hardware: [] }])
      expect(withoutMoved(found, machine, T0 + HOUR)).toBe(found);
    const both = noteSender(found, B, T0 + 10 * MINUTE);
    expect(withoutMoved(both, PI_B, T0 + 14 * MINUTE)).toBe(both);
  });

  test("leaves two others two", () => {
    const C = beat("40", { id: `${ID}1`, hardware: [part("f")] });
    const three = after([A, B, C, A, B, C]);
    expect(isOver(PI_B, T0 + HOUR, three)).toBe(false);
    expect(isOver(C.machine, T0 + HOUR, withoutMoved(three, PI_B, T0 + HOUR))).toBe(true);
  });
});

test("what was remembered is read back; what is none of it is left out, and nobody is ended by it", () => {
  const senders = noteSender(
    NOBODY,
    { kind: "heartbeat", bootId: "b", machine: null, remote: "10.0.0.5", conflict: false },
    5,
  );
  const text = JSON.stringify({
    lab1: senders,
    lab2: { ...senders, seen: [null] },
    lab3: { ...senders, seen: [{ ...senders.seen[0], machine: { machinq: 1 } }] },
    lab4: { ...senders, evidenceMs: "x" },
    constructor: { ...senders, seen: {} },
  });
  const leftOut: string[] = [];
  expect([...parseSenders(text, leftOut)]).toEqual([["lab1", senders]]);
  expect(leftOut).toEqual(["lab2", "lab3", "lab4", "constructor"]);
  expect(["", "[]", "null", "{"].map((bad) => parseSenders(bad).size)).toEqual([0, 0, 0, 0]);
});
