// What a plugin printed and what was cut off at its end: no half number is taken for a whole one.

import { describe, expect, test } from "bun:test";
import { formatPerfdata } from "../../../lib/contract/perfdata.ts";
import { parseOutput } from "../../../lib/heartbeat/nagios/check-output.ts";

describe("standard output that is cut off", () => {
  for (const [name, stdout, message, longText, perfdata, errors] of [
    ["within a number", "OK | a=1 b=98", "OK", "", "a=1", ["b=98"]],
    ["within the only number", "OK | a=98", "OK", "", "", ["a=98"]],
    ["within a threshold", "OK | a=1 b=2;3;4", "OK", "", "a=1", ["b=2;3;4"]],
    ["within a label", "OK | a=1 bb", "OK", "", "a=1", ["bb"]],
    ["behind a blank: the item is whole", "OK | a=1 b=98 ", "OK", "", "a=1 b=98", []],
    ["behind a line: the item is whole", "OK | a=1 b=98\n", "OK", "", "a=1 b=98", []],
    ["within text after performance data", "OK | a=1\nall is fi", "OK", "all is fi", "a=1", []],
    ["within a number of a later line", "OK\nmore | a=1\nb=2\nc=98", "OK", "more", "a=1 b=2", ["c=98"]],
    ["within a number behind a `|` at a line's end", "OK |\nmore |\nb=98", "OK", "more", "", ["b=98"]],
    ["within a quoted label that looks like an item", "OK | a=1 'x y=5 z", "OK", "", "a=1", ["'x y=5 z"]],
    ["within a quoted label with a `|`", "OK | a=1 'x|y=5 z", "OK", "", "a=1", ["'x|y=5 z"]],
    ["behind the quote of a label", "OK | a=1 'x y'", "OK", "", "a=1", ["'x y'"]],
    ["within a text with a `|`", "OK: a | b", "OK: a | b", "", "", []],
    ["within a row of a table", "OK\n| name | used=5 free=", "OK", "| name | used=5 free=", "", []],
    ["within performance data that was bad before", "OK | a=1 b=x c=98", "OK", "", "a=1", ["b=x", "c=98"]],
  ] as const) {
    test(name, () => {
      const parsed = parseOutput(stdout, true);
      expect({ ...parsed, perfdata: formatPerfdata(parsed.perfdata) }).toEqual({
        ...{ message, longText, perfdata },
        perfErrors: [...errors],
      });
    });
  }
});
