import { expect, test } from "bun:test";
import { formatState, parseState, type State } from "../../../lib/fleet-health/state/state.ts";

const STATE: State = {
  index: {
    checkpoint: { device: 65024, inode: 12, offset: 345, head: "aa", before: "bb" },
    seen: new Map([
      ["lab1", { any: { text: "2026-05-01T06:00:00+02:00", micros: 5 }, own: { text: "x", micros: 4 } }],
      ["lab2", { any: { text: "y", micros: 7 }, own: null }],
    ]),
    sinceMicros: 3,
  },
};

const TEXT =
  '{"labfleet":1,"index":{"checkpoint":{"device":65024,"inode":12,"offset":345,"head":"aa","before":"bb"},' +
  '"seen":[["lab1","2026-05-01T06:00:00+02:00",5,"x",4],["lab2","y",7,null,null]],"since_us":3}}\n';

test("a state is read back as it was, hosts in their order", () => {
  expect(formatState(STATE)).toBe(TEXT);
  expect(parseState(TEXT)).toEqual(STATE);
  expect([...(parseState(TEXT)?.index.seen.keys() ?? [])]).toEqual(["lab1", "lab2"]);
  const whole = { index: { ...STATE.index, sinceMicros: null } };
  expect(parseState(formatState(whole))).toEqual(whole);
});

test.each([
  ["torn", TEXT.slice(0, -20)],
  ["of another form", TEXT.replace('"labfleet":1', '"labfleet":2')],
  ["without a checkpoint", TEXT.replace('"offset":345,', "")],
  ["with a row that is short", TEXT.replace(",null,null]", "]")],
  ["with a time that is none", TEXT.replace('"y",7', '"y","7"')],
  ["nothing at all", ""],
])("%s: none", (_, text) => {
  expect(parseState(text)).toBeNull();
});
