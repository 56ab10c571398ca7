// Quotes and spaces that a web page or a chat has made of the plain ones: named, with what to write.

import { expect, test } from "bun:test";
import { UserError } from "../../lib/core/failure.ts";
import { parseShipperConfig } from "../../lib/shipper/config.ts";

function refusal(text: string): string {
  try {
    parseShipperConfig(text, "f");
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  throw new Error("the configuration was taken");
}

test.each([
  [
    "host_id = \u201clab1\u201d",
    '1:11: not valid TOML: invalid value (at `host_id`); \u201c (U+201C) is not plain: write "',
  ],
  [
    "host_id = \u201dlab1\u201d",
    '1:11: not valid TOML: invalid value (at `host_id`); \u201d (U+201D) is not plain: write "',
  ],
  [
    "host_id = \u201elab1\u201c",
    '1:11: not valid TOML: invalid value (at `host_id`); \u201e (U+201E) is not plain: write "',
  ],
  [
    "host_id = \u2018lab1\u2019",
    "1:11: not valid TOML: invalid value (at `host_id`); \u2018 (U+2018) is not plain: write '",
  ],
  [
    "x = 1\n  url = \u2019s3cret\u2019",
    "2:9: not valid TOML: invalid value (at `url`); \u2019 (U+2019) is not plain: write '",
  ],
  ["\u201ca\u201d = 1", '1:1: not valid TOML: illegal character in key; \u201c (U+201C) is not plain: write "'],
  ["x = [1, \u201cs3cret\u201d]", '1:9: not valid TOML: invalid value (at `x`); \u201c (U+201C) is not plain: write "'],
  [
    "\u00a0host_id = 1",
    "1:1: not valid TOML: illegal character in key (at `host_id`); a no-break space (U+00A0) is not plain: write a plain space",
  ],
])("%j", (text, said) => {
  expect(refusal(`${text}\n`)).toBe(`f:${said}`);
});

test.each([
  ['host_id = "s3cret\u201d\nx = 1', '\u201d (U+201D) is not plain: write "'],
  ["host_id = 's3cret\u2019\nx = 1", "\u2019 (U+2019) is not plain: write '"],
])("a string that a quote of another kind shall end: %j", (text, hint) => {
  const said = refusal(text);
  expect(said).toEndWith(`(at \`host_id\`); ${hint}`);
  expect(said).not.toContain("s3cret");
});

test.each([
  'host_id = "a \u201cb\u201d c" x',
  'host_id = "lab1',
  "host_id = lab1",
  "host_id = lab1 # or \u201clab2\u201d",
])("has none where that is not it: %j", (text) => {
  expect(refusal(text)).not.toContain("U+");
});
