// A file that cannot be read: what is said, to a service's log and to a person.

import { describe, expect, test } from "bun:test";
import { fixText } from "../../lib/core/finding.ts";
import { isSystemUser, type UnreadableFacts, unreadable } from "../../lib/runtime/unreadable.ts";

const PATH = "/etc/labfleet/collector.toml";
const FACTS: UnreadableFacts = {
  path: PATH,
  code: "EACCES",
  text: "EACCES: no",
  access: null,
  isService: true,
  typed: ["receiver", "token", "list"],
};
const said = (facts: UnreadableFacts): { what: string; fix: string | null } => {
  const { what, fix } = unreadable(facts);
  return { what, fix: fix === null ? null : fixText(fix) };
};
const ACCESS = {
  path: PATH,
  isDirectory: false,
  owner: "root",
  group: "root",
  mode: "0640",
  user: "labfleet",
  ownGroup: "labfleet",
};

describe("a right that is missing", () => {
  test("a service is let in, by the commands that do it", () => {
    expect(said({ ...FACTS, access: ACCESS })).toEqual({
      what: "cannot be read by labfleet: it belongs to root:root, mode 0640",
      fix: `let labfleet in: sudo chgrp labfleet ${PATH} && sudo chmod g+r ${PATH}`,
    });
  });

  test("where the group fits its right alone is given", () => {
    expect(said({ ...FACTS, access: { ...ACCESS, group: "labfleet", mode: "0600" } }).fix).toBe(
      `let labfleet in: sudo chmod g+r ${PATH}`,
    );
  });

  test("a directory on the way is named, and opened for passing", () => {
    expect(said({ ...FACTS, access: { ...ACCESS, path: "/etc/labfleet", isDirectory: true, mode: "0750" } })).toEqual({
      what: "cannot be read by labfleet: /etc/labfleet belongs to root:root, mode 0750",
      fix: "let labfleet in: sudo chgrp labfleet /etc/labfleet && sudo chmod g+x /etc/labfleet",
    });
  });

  test("a person becomes root, and nothing is opened to them", () => {
    expect(said({ ...FACTS, access: { ...ACCESS, user: "alice" }, isService: false })).toEqual({
      what: "cannot be read by alice: it belongs to root:root, mode 0640",
      fix: "sudo receiver token list",
    });
  });

  test("what cannot be looked at is said in the machine's words", () => {
    expect(said(FACTS)).toEqual({ what: 'cannot be read: "EACCES: no"', fix: "sudo receiver token list" });
  });
});

for (const [code, what, fix] of [
  ["ENOENT", "is not there", null],
  ["EISDIR", "is a directory", "name the file in it"],
  ["EIO", 'cannot be read: "EACCES: no"', null],
] as const) {
  test(`${code}: ${what}`, () => {
    expect(said({ ...FACTS, code })).toEqual({ what, fix });
  });
}

test("the user of a service is no person: root and people are none", () => {
  expect([0, 1, 998, 999, 1000, 65534].map(isSystemUser)).toEqual([false, true, true, true, false, false]);
});
