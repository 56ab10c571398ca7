// What a plugin printed, taken apart: which `|` starts performance data, what stays text, and what standard error adds.

import { describe, expect, test } from "bun:test";
import { formatPerfdata } from "../../../lib/contract/perfdata.ts";
import { joinOutput, parseOutput, statusOfExit } from "../../../lib/heartbeat/nagios/check-output.ts";

interface Case {
  name: string;
  stdout: string[];
  message: string;
  longText?: string[];
  /** As formatPerfdata writes it. */
  perfdata?: string;
  errors?: string[];
}

const OUTPUTS: Case[] = [
  {
    name: "P16 several lines, with performance data on the first and at the end",
    stdout: [
      "DISK OK - 41 % of / is free | /=20GB;40;45;0;50",
      "/boot: 60 % is free",
      "/data: 12 % is free | /boot=1GB;2;3;0;4",
      "/data=88GB;90;95;0;100",
    ],
    message: "DISK OK - 41 % of / is free",
    longText: ["/boot: 60 % is free", "/data: 12 % is free"],
    perfdata: "/=20GB;40;45;0;50 /boot=1GB;2;3;0;4 /data=88GB;90;95;0;100",
  },
  {
    name: "P17 a pipe in the text, quoted",
    stdout: ["OK: '(a|b)' found | time=0.058s"],
    message: "OK: '(a|b)' found",
    perfdata: "time=0.058s",
  },
  { name: "P17 a pipe in the text, bare", stdout: ["OK: a|b found|t=1s"], message: "OK: a|b found", perfdata: "t=1s" },
  {
    name: "P17 a pipe in a quoted label",
    stdout: ["OK | 'a|b'=1 'c|d=2'=3"],
    message: "OK",
    perfdata: "'a|b'=1 'c|d=2'=3",
  },
  { name: "P17 a pipe, and no performance data at all", stdout: ["OK: a | b found"], message: "OK: a | b found" },
  {
    name: "P18 a table in the long text",
    stdout: [
      "OK - 2 pools | pools=2",
      "| name | size | used=9 |",
      "|------|------|",
      "| tank | 10   | a=1 |",
      "  name | x",
      "  -----+--",
    ],
    message: "OK - 2 pools",
    longText: ["| name | size | used=9 |", "|------|------|", "| tank | 10   | a=1 |", "  name | x", "  -----+--"],
    perfdata: "pools=2",
  },
  {
    name: "P18 a table after performance data has begun",
    stdout: ["OK", "sizes | a=1", "| name | b=2 |", "b=2"],
    message: "OK",
    longText: ["sizes", "| name | b=2 |"],
    perfdata: "a=1 b=2",
  },
  {
    name: "P19 a long line that is good in part",
    stdout: ["OK", "more | a=1 b=x c=3", "all is fine", "d=4 and e=5", "f=x"],
    message: "OK",
    longText: ["more", "all is fine", "f=x"],
    perfdata: "a=1 c=3 d=4 e=5",
    errors: ["b=x", "and"],
  },
  { name: "P20 performance data alone", stdout: ["| a=1"], message: "", perfdata: "a=1" },
  { name: "P21 a pipe with nothing behind it", stdout: ["OK |"], message: "OK" },
  { name: "P21 the same with blanks", stdout: ["OK | ", "more"], message: "OK", longText: ["more"] },
  { name: "P21 the same behind another", stdout: ["OK: a | b |"], message: "OK: a | b" },
  {
    name: "P30 CRLF",
    stdout: ["OK | a=1s\r", "more\r", "text | b=2\r", "c=3\r", ""],
    message: "OK",
    longText: ["more", "text"],
    perfdata: "a=1s b=2 c=3",
  },
  { name: "P31 nothing", stdout: [""], message: "" },
  { name: "P31 blanks", stdout: [" ", "\t", "\r", ""], message: "" },
  {
    name: "the first line is the first that is not blank",
    stdout: ["", "  ", " OK | a=1", "", " more "],
    message: "OK",
    longText: [" more"],
    perfdata: "a=1",
  },
  { name: "two pipes side by side", stdout: ["OK || a=1"], message: "OK |", perfdata: "a=1" },
  { name: "the pipe behind which all is clean", stdout: ["OK | a=1 | b=2"], message: "OK | a=1", perfdata: "b=2" },
  {
    name: "the last pipe with an item that can be used, if none is clean",
    stdout: ["OK | a=1 | b=2 nonsense"],
    message: "OK | a=1",
    perfdata: "b=2",
    errors: ["nonsense"],
  },
  {
    name: "a pipe at the end takes no item away",
    stdout: ["OK | a=1 |"],
    message: "OK",
    perfdata: "a=1",
    errors: ["|"],
  },
  {
    name: "an item with a bad threshold keeps its value",
    stdout: ["OK | a=5;2:1"],
    message: "OK",
    perfdata: "a=5",
    errors: ["a=5;2:1"],
  },
  {
    name: "a decimal comma is listed and its neighbour kept",
    stdout: ["PING OK | rta=0,80ms pl=0%"],
    message: "PING OK",
    perfdata: "pl=0%",
    errors: ["rta=0,80ms"],
  },
  { name: "a decimal comma alone leaves a text", stdout: ["PING OK | rta=0,80ms"], message: "PING OK | rta=0,80ms" },
  {
    name: "lines after performance data on the first are text",
    stdout: ["OK | a=1", "b=2"],
    message: "OK",
    longText: ["b=2"],
    perfdata: "a=1",
  },
  {
    name: "a pipe on a line of its own opens performance data",
    stdout: ["OK", "more", "|", "a=1", "b=2"],
    message: "OK",
    longText: ["more"],
    perfdata: "a=1 b=2",
  },
  {
    name: "a pipe at the end of a line of text opens it too",
    stdout: ["OK", "more |", "a=1"],
    message: "OK",
    longText: ["more"],
    perfdata: "a=1",
  },
  {
    name: "a pipe at the end of a line of text, before text",
    stdout: ["OK", "more |", "a=1 of 2"],
    message: "OK",
    longText: ["more |", "a=1 of 2"],
  },
  {
    name: "text and performance data on every line",
    stdout: ["OK | a=1", "disk sda fine | b=2", "disk sdb fine | c=3", "'x|y'=4", "'x| y=4 z'=5"],
    message: "OK",
    longText: ["disk sda fine", "disk sdb fine"],
    perfdata: "a=1 b=2 c=3 'x|y'=4 'x| y=4 z'=5",
  },
  {
    name: "blank lines stay within the text and go at its ends",
    stdout: ["OK", "", "  a  ", "", "b", "", ""],
    message: "OK",
    longText: ["  a", "", "b"],
  },
];

describe("the output of a plugin", () => {
  for (const { name, stdout, message, longText = [], perfdata = "", errors = [] } of OUTPUTS) {
    test(name, () => {
      const parsed = parseOutput(stdout.join("\n"));
      expect({ ...parsed, perfdata: formatPerfdata(parsed.perfdata) }).toEqual({
        message,
        longText: longText.join("\n"),
        perfdata,
        perfErrors: errors,
      });
    });
  }
});

describe("standard error", () => {
  for (const [name, stdout, stderr, message, longText, perfdata, empty] of [
    ["is the message when nothing else was said", "", "boom\nin line 2\n", "boom", "in line 2", "", false],
    ["is the message when only blanks were said", " \n", "\n  boom\r\n", "boom", "", "", false],
    [
      "follows the text, and is never read for performance data",
      "OK | a=1",
      "warn x=9 | y=1",
      "OK",
      "warn x=9 | y=1",
      "a=1",
      false,
    ],
    ["follows the long text", "OK\nmore\n", "warn\n", "OK", "more\nwarn", "", false],
    ["is the message beside performance data alone", "| a=1", "b=2 | c=3", "b=2 | c=3", "", "a=1", false],
    ["does not add a line when it is blank", "OK\n", " \n\n", "OK", "", "", false],
    ["and standard output, both empty", "", "", "no output", "", "", true],
    ["and standard output, both blank", "\n |\n", "\r\n\t", "no output", "", "", true],
    ["may be empty beside performance data alone", "| a=1", "", "", "", "a=1", false],
  ] as const) {
    test(name, () => {
      const joined = joinOutput(stdout, stderr);
      expect({ ...joined, perfdata: formatPerfdata(joined.perfdata) }).toEqual({
        message,
        longText,
        perfdata,
        perfErrors: [],
        empty,
      });
    });
  }
});

describe("an exit code", () => {
  for (const [code, status, note] of [
    [0, "ok", null],
    [1, "warning", null],
    [2, "critical", null],
    [3, "unknown", null],
    [4, "unknown", "exit code 4 out of range"],
    [77, "unknown", "exit code 77 out of range"],
    [126, "unknown", "exit code 126: not executable"],
    [127, "unknown", "exit code 127: not found"],
    [137, "unknown", "exit code 137 out of range"],
    [255, "unknown", "exit code 255 out of range"],
    [-1, "unknown", "exit code -1 out of range"],
  ] as const) {
    test(`${code} is ${status}${note === null ? "" : `: ${note}`}`, () =>
      expect(statusOfExit(code)).toEqual({ status, note }));
  }
});
