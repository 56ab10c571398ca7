import { expect, test } from "bun:test";
import { columns, labelled } from "../../../lib/core/text/columns.ts";

test("columns are as wide as their widest cell, or as wide as is asked; the last one ends where it ends", () => {
  const rows = [
    ["OK", "disk", "91 % free"],
    ["WARNING", "a-longer-name", ""],
  ];
  expect(columns(rows)).toEqual(["OK       disk           91 % free", "WARNING  a-longer-name"]);
  expect(columns(rows, [8])).toEqual(["OK        disk           91 % free", "WARNING   a-longer-name"]);
  expect(columns([])).toEqual([]);
});

test("a cell can neither break a line nor steer a terminal, and counts as long as it is shown", () => {
  expect(
    columns([
      ["a\nb", "x"],
      ["c", "y\u001b[0m"],
    ]),
  ).toEqual(["a\\u000ab  x", "c         y\\u001b[0m"]);
  expect(
    labelled([
      ["host", "lab1\r\n"],
      ["", "more"],
    ]),
  ).toEqual(["host       lab1\\u000d\\u000a", "           more"]);
});

test("a label of any length ends before its text, and all texts begin in one column", () => {
  expect(
    labelled([
      ["post", "taken"],
      ["quarantine", "2"],
    ]),
  ).toEqual(["post       taken", "quarantine 2"]);
  expect(
    labelled([
      ["hook-with-a-long-name", "refused: no"],
      ["alertmanager", "taken"],
    ]),
  ).toEqual(["hook-with-a-long-name refused: no", "alertmanager          taken"]);
  expect(labelled([["a\n\u001b[2J", "taken"]])).toEqual(["a\\u000a\\u001b[2J taken"]);
});
