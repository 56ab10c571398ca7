// One after the other: nobody who never gets an answer stands before the others for ever.

import { expect, test } from "bun:test";
import { Turns } from "../../../lib/shipper/retention/turns.ts";

const named = (...names: string[]) => names.map((name) => ({ name }));
const always = (): boolean => true;

/** A round: who was asked, and how many got an answer. */
async function round(turns: Turns, names: string[], silent: string[], goesOn = always) {
  const asked: string[] = [];
  const answers = await turns.each(named(...names), goesOn, async ({ name }) => {
    asked.push(name);
    return !silent.includes(name);
  });
  return { asked: asked.join(""), answers };
}

test("three in a row without an answer end a round, and come last in the next", async () => {
  const turns = new Turns();
  const all = [..."abcdefg"];
  const silent = [..."abcx"];
  expect(await round(turns, all, silent)).toEqual({ asked: "abc", answers: 0 });
  expect(await round(turns, all, silent)).toEqual({ asked: "defgabc", answers: 4 });
  // One that gets its answer stands where it stood.
  expect(await round(turns, all, ["b", "c"])).toEqual({ asked: "defgabc", answers: 5 });
  expect(await round(turns, all, ["b", "c"])).toEqual({ asked: "adefgbc", answers: 5 });
});

test("an answer in between starts the count anew", async () => {
  expect(await round(new Turns(), [..."abcdef"], [..."abde"])).toEqual({ asked: "abcdef", answers: 2 });
});

test("nobody is asked when it is enough", async () => {
  let left = 2;
  expect(await round(new Turns(), [..."abcd"], [], () => left-- > 0)).toEqual({ asked: "ab", answers: 2 });
});

test("one that is told later keeps its place, and three of them in a row end a round", async () => {
  const turns = new Turns();
  const asked: string[] = [];
  const later = { until: 5 };
  const ask = async ({ name }: { name: string }) => {
    asked.push(name);
    return asked.length <= later.until ? ("later" as const) : true;
  };
  expect(await turns.each(named(..."abcde"), always, ask)).toBe(0);
  expect(await turns.each(named(..."abcde"), always, ask)).toBe(3);
  expect(asked.join("")).toBe("abc" + "abcde");
});
