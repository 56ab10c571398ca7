// Performance data, item by item: what is kept, what is only listed, and that neighbours are never taken along. The cases
// with a P are those that other monitoring systems are known to read differently or not at all.

import { describe, expect, test } from "bun:test";
import type { PerfItem, PerfRange } from "../../lib/contract/observation.ts";
import { formatPerfdata, parsePerfdata } from "../../lib/contract/perfdata.ts";

const item = (label: string, value: number | null, more: Partial<PerfItem> = {}): PerfItem => ({
  label,
  value,
  uom: "",
  warning: null,
  critical: null,
  min: null,
  max: null,
  ...more,
});
const outside = (low: number | null, high: number | null): PerfRange => ({ inside: false, low, high });
const inside = (low: number | null, high: number | null): PerfRange => ({ inside: true, low, high });
const y = item("y", 2);

interface Case {
  name: string;
  text: string;
  items: PerfItem[];
  errors?: string[];
}

const ITEMS: Case[] = [
  { name: "P01 a quoted label", text: "'free space'=10MB", items: [item("free space", 10, { uom: "MB" })] },
  {
    name: "P02 an equals sign in a quoted label",
    text: "'a b=c'=5;1;2",
    items: [item("a b=c", 5, { warning: outside(0, 1), critical: outside(0, 2) })],
  },
  { name: "P03 a doubled quote", text: "'it''s'=5 ''''=6", items: [item("it's", 5), item("'", 6)] },
  {
    name: "P04 U is a value that is not known",
    text: "x=U;1;2 y=2 z=Us a=1;U;U;U;U",
    items: [
      item("x", null, { warning: outside(0, 1), critical: outside(0, 2) }),
      y,
      item("z", null, { uom: "s" }),
      item("a", 1),
    ],
  },
  {
    name: "P05 ranges that alert inside, with a colon",
    text: "x=15;@10:20;@30:40",
    items: [item("x", 15, { warning: inside(10, 20), critical: inside(30, 40) })],
  },
  {
    name: "P05 ranges that alert inside, without one",
    text: "x=15;@10;20",
    items: [item("x", 15, { warning: inside(0, 10), critical: outside(0, 20) })],
  },
  {
    name: "P06 no lower end",
    text: "x=-3;~:5;~:10",
    items: [item("x", -3, { warning: outside(null, 5), critical: outside(null, 10) })],
  },
  {
    name: "P07 no upper end",
    text: "x=5;10:;@3:",
    items: [item("x", 5, { warning: outside(10, null), critical: inside(3, null) })],
  },
  { name: "P08 a bare number", text: "users=4", items: [item("users", 4)] },
  {
    name: "P09 a range whose ends are the wrong way round: the value is kept",
    text: "x=5;2:1;8 y=2",
    items: [item("x", 5, { critical: outside(0, 8) }), y],
    errors: ["x=5;2:1;8"],
  },
  {
    name: "P10 a colon alone is no range, one with an end is",
    text: "x=5;: y=2;:5.75",
    items: [item("x", 5), item("y", 2, { warning: outside(0, 5.75) })],
    errors: ["x=5;:"],
  },
  {
    name: "P11 exponents in ranges, minimum and maximum",
    text: "x=1e10;1e-3:2E+3;@-1.5e1:1e1;-1e2;1e20",
    items: [
      item("x", 1e10, {
        warning: outside(0.001, 2000),
        critical: inside(-15, 10),
        min: -100,
        max: 100000000000000000000,
      }),
    ],
  },
  {
    name: "P12 an exponent and a unit that starts like one",
    text: "x=+1.5E-15EB y=2E z=1e5e5",
    items: [item("x", 0.0000000000000015, { uom: "EB" }), item("y", 2, { uom: "E" }), item("z", 100000, { uom: "e5" })],
  },
  {
    name: "P13 no digits on one side of the point",
    text: "x=23. y=.42 z=-.5;.1:1.;;0.;",
    items: [item("x", 23), item("y", 0.42), item("z", -0.5, { warning: outside(0.1, 1), min: 0 })],
  },
  {
    name: "P13 no digits on either side",
    text: "x=. y=2 z=- a=+ b=e5",
    items: [y],
    errors: ["x=.", "z=-", "a=+", "b=e5"],
  },
  { name: "P14 a decimal comma", text: "rta=0,80ms y=2", items: [y], errors: ["rta=0,80ms"] },
  { name: "P15 a list of values", text: "y=2 load=1800,600,300", items: [y], errors: ["load=1800,600,300"] },
  { name: "P20 blanks around the items", text: " \t y=2 \n\r ", items: [y] },
  { name: "P22 no value", text: "x=;1;2 y=2 z=", items: [y], errors: ["x=;1;2", "z="] },
  {
    name: "P23 what is not finite",
    text: "a=inf b=NaN c=-Infinity d=1e999 y=2 e=-1e400s f=1;1e999;;;-1e999",
    items: [y, item("f", 1)],
    errors: ["a=inf", "b=NaN", "c=-Infinity", "d=1e999", "e=-1e400s", "f=1;1e999;;;-1e999"],
  },
  {
    name: "P24 blanks around the equals sign",
    text: "a = 1 y=2 b =1 c= 1",
    items: [y],
    errors: ["a", "=", "1", "b", "=1", "c=", "1"],
  },
  {
    name: "P25 units of any kind",
    text: "a=3GBP vol=5m3 t=21.5°C r=7% n=9c f=3µs d=5€/m²",
    items: [
      item("a", 3, { uom: "GBP" }),
      item("vol", 5, { uom: "m3" }),
      item("t", 21.5, { uom: "°C" }),
      item("r", 7, { uom: "%" }),
      item("n", 9, { uom: "c" }),
      item("f", 3, { uom: "µs" }),
      item("d", 5, { uom: "€/m²" }),
    ],
  },
  {
    name: "P26 semicolons at the end",
    text: "a=1; b=2;3; c=4;;;; d=5;6;7;8;9;",
    items: [
      item("a", 1),
      item("b", 2, { warning: outside(0, 3) }),
      item("c", 4),
      item("d", 5, { warning: outside(0, 6), critical: outside(0, 7), min: 8, max: 9 }),
    ],
  },
  {
    name: "P27 more fields than there are",
    text: "x=1;2;3;4;5;6 y=2 z=1;;;;;; w=1;;;;;0",
    items: [
      item("x", 1, { warning: outside(0, 2), critical: outside(0, 3), min: 4, max: 5 }),
      y,
      item("z", 1),
      item("w", 1),
    ],
    errors: ["x=1;2;3;4;5;6", "z=1;;;;;;", "w=1;;;;;0"],
  },
  { name: "P28 a label twice", text: "x=1 y=2 x=3", items: [item("x", 1), y, item("x", 3)] },
  {
    name: "P29 names of processes as a label",
    text: "9;WKFLSV32.exe;9= y=2",
    items: [y],
    errors: ["9;WKFLSV32.exe;9="],
  },
  {
    name: "P29 names of processes as thresholds",
    text: "n=9;WKFLSV32.exe;9= y=2",
    items: [item("n", 9), y],
    errors: ["n=9;WKFLSV32.exe;9="],
  },
  {
    name: "P32 labels of Windows",
    text: String.raw`'C:\ Label: Data  Serial 5c4e'=40%;80;90 C:\=5 \Processor(_Total)\%=7`,
    items: [
      item(String.raw`C:\ Label: Data  Serial 5c4e`, 40, {
        uom: "%",
        warning: outside(0, 80),
        critical: outside(0, 90),
      }),
      item("C:\\", 5),
      item("\\Processor(_Total)\\%", 7),
    ],
  },
  {
    name: "P33 digits set apart, and other bases",
    text: "x=123_456 y=2 a=0x1F b=0b101 c=0o17 d=1.2.3 e=12:30 f=2026-01-05 g=5/10",
    items: [y],
    errors: ["x=123_456", "a=0x1F", "b=0b101", "c=0o17", "d=1.2.3", "e=12:30", "f=2026-01-05", "g=5/10"],
  },
  {
    name: "P34 negative ranges",
    text: "x=-7;-10:-5;@-20:10;-100;-1 y=2;-10",
    items: [item("x", -7, { warning: outside(-10, -5), critical: inside(-20, 10), min: -100, max: -1 }), y],
    errors: ["y=2;-10"],
  },
  { name: "P31 nothing", text: "", items: [] },
  {
    name: "thresholds with a unit",
    text: "x=5s;10s;20 y=2;;;low;99%",
    items: [item("x", 5, { uom: "s", critical: outside(0, 20) }), y],
    errors: ["x=5s;10s;20", "y=2;;;low;99%"],
  },
  {
    name: "a word that starts with U is no value",
    text: "state=Up y=2 who=Unknown",
    items: [y],
    errors: ["state=Up", "who=Unknown"],
  },
  { name: "minus zero is zero", text: "x=-0;-0:0", items: [item("x", 0, { warning: outside(0, 0) })] },
  {
    name: "a `|` is part of quoted labels only",
    text: "a=1|b=3 y=2 'a|b'=1 | z=1s|",
    items: [y, item("a|b", 1)],
    errors: ["a=1|b=3", "|", "z=1s|"],
  },
  {
    name: "an apostrophe takes nothing along",
    text: "don't y=2 it's 'tis y=2",
    items: [y, y],
    errors: ["don't", "it's", "'tis"],
  },
  { name: "a quote that never closes takes nothing along", text: "'abc=5 y=2", items: [y], errors: ["'abc=5"] },
  {
    name: "quoted words without a value are one thing",
    text: "'a y=3 b' = 5 y=2 ''=5",
    items: [y],
    errors: ["'a y=3 b'", "=", "5", "''=5"],
  },
  {
    name: "quotes and commas around a value",
    text: "a=\"5\" b='5' c=5' d=5, y=2",
    items: [y],
    errors: ['a="5"', "b='5'", "c=5'", "d=5,"],
  },
  { name: "items that only a `;` sets apart", text: "x=1;y=2 y=2", items: [item("x", 1), y], errors: ["x=1;y=2"] },
];

describe("performance data", () => {
  for (const { name, text, items, errors = [] } of ITEMS) {
    test(name, () => {
      expect(parsePerfdata(text)).toEqual({ items, errors });
      expect(parsePerfdata(formatPerfdata(items))).toEqual({ items, errors: [] });
    });
  }
});
