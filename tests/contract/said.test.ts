// A remedy in a text that came over the wire: what is behind the first mark, whatever stands in it.

import { expect, test } from "bun:test";
import { readFix, readHostFix, readHostSaid, readSaid } from "../../lib/contract/said.ts";
import { lineFix } from "../../lib/core/finding.ts";
import { inText } from "../support/in-text.ts";

test.each([
  ["", "", null],
  ["a", "a", null],
  ["a; fix: x && y", "a", "x && y"],
  ["a; fix: x; fix: y", "a", "x; fix: y"],
])("of %p", (text, what, fix) => {
  const said = readSaid(text);
  expect<unknown>([said.what, inText(said.fix)]).toEqual([what, fix]);
  expect(inText(said)).toBe(text);
});

test("a field that holds one alone is one, or there is none", () => {
  expect([inText(readFix("x; fix: y")), readFix(null)]).toEqual(["x; fix: y", null]);
});

test("what a lab host says mends it is done there, to somebody on the collector, unless it says where", () => {
  const fix = (text: string) => readHostFix(text)?.text;
  expect(fix("sudo systemctl start labfleet-shipper")).toBe("on the lab host: sudo systemctl start labfleet-shipper");
  for (const placed of ["on the collector: x", "make one, on the lab host: x", "sudo receiver token add lab1"])
    expect(fix(placed)).toBe(placed);
  // Something is looked up elsewhere first: what follows is done on the host all the same.
  expect(fix("if `sudo receiver identity` on the collector shows it, trust it: sudo shipper pin --accept x")).toBe(
    "if `sudo receiver identity` on the collector shows it, trust it: on the lab host: sudo shipper pin --accept x",
  );
  expect(fix("on the lab host: sudo shipper status")).toBe("on the lab host: sudo shipper status");
  expect(readHostFix(null)).toBeNull();
  expect(readHostSaid("it is so; fix: mend it")).toEqual({
    what: "it is so",
    fix: lineFix("on the lab host: mend it"),
  });
  expect(readHostSaid("it is so")).toEqual({ what: "it is so", fix: null });
});
