// Which refused episodes are announced, under which number, and since when it is known that this arrived.

import { describe, expect, test } from "bun:test";
import { announce, NO_EXPIRY, parseExpiry } from "../../../lib/shipper/retention/expiry.ts";

describe("announcing", () => {
  test("gives new episodes one new number, and keeps that of the others", () => {
    const first = announce(NO_EXPIRY, ["a", "b"], null, 5);
    expect(first).toEqual({
      number: 1,
      episodes: { a: { number: 1, announced_day: null }, b: { number: 1, announced_day: null } },
    });
    const second = announce(first, ["b", "c"], null, 6);
    expect(second).toEqual({
      number: 2,
      episodes: { b: { number: 1, announced_day: null }, c: { number: 2, announced_day: null } },
    });
    expect(announce(second, ["b", "c"], null, 7)).toEqual(second);
  });

  test("of an episode whose name every object has a property of is one as of any other", () => {
    const first = announce(NO_EXPIRY, ["constructor"], null, 5);
    expect(first).toEqual({ number: 1, episodes: { constructor: { number: 1, announced_day: null } } });
    expect(announce(first, ["constructor"], 1, 6).episodes).toEqual({ constructor: { number: 1, announced_day: 6 } });
  });

  test("notes the first day on which it has arrived, and leaves that alone", () => {
    const before = {
      number: 2,
      episodes: { a: { number: 1, announced_day: null }, b: { number: 2, announced_day: null } },
    };
    const after = announce(before, ["a", "b"], 1, 8);
    expect(after.episodes).toEqual({ a: { number: 1, announced_day: 8 }, b: { number: 2, announced_day: null } });
    expect(announce(after, ["a", "b"], 2, 9).episodes).toEqual({
      a: { number: 1, announced_day: 8 },
      b: { number: 2, announced_day: 9 },
    });
  });

  test("does not take an old arrival for a new announcement when its file was lost", () => {
    expect(announce(NO_EXPIRY, ["a"], 7, 8)).toEqual({
      number: 8,
      episodes: { a: { number: 8, announced_day: null } },
    });
  });
});

describe("its file", () => {
  test("is read as it was written", () => {
    const expiry = announce(NO_EXPIRY, ["a"], null, 5);
    expect(parseExpiry(JSON.stringify(expiry))).toEqual(expiry);
  });
  for (const text of [
    "",
    "null",
    "[]",
    "{}",
    '{"number":1}',
    '{"number":1,"episodes":null}',
    '{"number":1,"episodes":{"a":5}}',
    '{"number":"1","episodes":{}}',
  ])
    test(`that says ${text} says nothing`, () => expect(parseExpiry(text)).toBeNull());
});
