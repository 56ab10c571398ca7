// Performance data as Nagios plugins print it: `'label'=value[uom];[warn];[crit];[min];[max]`, set off by blanks
// (Monitoring Plugins development guidelines, "Performance data" and "Threshold and ranges"). Pure, never throws, and
// linear: no character is looked at more often than a fixed number of times. Nothing is guessed.

import type { PerfItem, PerfRange } from "./observation.ts";

export interface Perfdata {
  items: PerfItem[];
  /** What is not, or not wholly, of the grammar, as it stands there. */
  errors: string[];
}

const BLANKS = /[ \t\r\n]*/y;
const WORD = /[^ \t\r\n]*/y;
/** An item, and each part of it that is not quoted, ends at a `|` too. */
const FIELDS = /[^ \t\r\n|]*/y;
const BARE_LABEL = /[^ \t\r\n='|]*/y;
const NUMBER = /[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const UOM = /^(?:[A-Za-z%\u00a1-\uffff][^ \t\r\n;'"=,|]*)?$/;
/** After a zero they make a number of another base, not a unit: `0x1F`. */
const OTHER_BASE = /^[xX][\da-fA-F]|^[oObB]\d/;
/** After `U` only these: `state=Up` is no value of the unit "p". */
const UOM_OF_UNKNOWN = /^(?:|%|c|[munµ]?s|(?:[KMGTP]i?)?B)$/;

/**
 * The items in `text`. One whose label and value are good is kept even where another field is bad or too many: that field
 * is null, and the item is listed among the errors as well. Every other bad item is only listed.
 * @param cut the text was cut off where it ends: what reaches its end may have been longer, and is only listed
 */
export function parsePerfdata(text: string, cut = false): Perfdata {
  const items: PerfItem[] = [];
  const errors: string[] = [];
  for (let at = endOf(BLANKS, text, 0); at < text.length; ) {
    const { item, whole, end } = cut ? scanCut(text, at) : scanItem(text, at);
    const stop = whole ? end : endOf(WORD, text, end);
    if (item !== null) items.push(item);
    if (!whole) errors.push(text.slice(at, stop));
    at = endOf(BLANKS, text, stop);
  }
  return { items, errors };
}

/**
 * Whether `text` from `from` to its end is one good item or several, and nothing else. Stops at the first that is bad.
 * @param cut the text was cut off where it ends: what reaches its end counts as good where it may have become an item
 */
export function isPerfdata(text: string, from: number, cut = false): boolean {
  let at = endOf(BLANKS, text, from);
  const first = at;
  if (at >= text.length) return false;
  while (at < text.length) {
    const { item, whole, end } = scanItem(text, at);
    if (cut && (end === text.length || isOpenQuote(text, at))) return at > first || item !== null || text[at] === "'";
    if (!whole) return false;
    at = endOf(BLANKS, text, end);
  }
  return true;
}

/** Whether an item with a good label and value starts in `text` between `from` and `to`. */
export function hasItem(text: string, from: number, to: number): boolean {
  for (let at = endOf(BLANKS, text, from); at < to; ) {
    const { item, end } = scanItem(text, at);
    if (item !== null) return true;
    at = endOf(BLANKS, text, end);
  }
  return false;
}

/**
 * A threshold, `[@][start:][end]`, both ends inclusive: `10` is 0…10, `10:` has no upper end, `~:10` no lower one, `@`
 * alerts inside. Null: there is none (`""`, `U`), or it is not valid (`:`, `20:10`, `-10`, which is 0…-10).
 */
export function parseRange(text: string): PerfRange | null {
  const inside = text.startsWith("@");
  const ends = text.slice(inside ? 1 : 0);
  const colon = ends.indexOf(":");
  if (ends === ":") return null;
  const [start, end] = colon < 0 ? ["", ends] : [ends.slice(0, colon), ends.slice(colon + 1)];
  const low = start === "" ? 0 : start === "~" ? null : readNumber(start);
  const high = end === "" && colon >= 0 ? null : readNumber(end);
  if ((low === null && start !== "~") || (high === null && end !== "") || ends === "") return null;
  return low !== null && high !== null && low > high ? null : { inside, low, high };
}

/** Whether `value` alerts: it lies outside the range, or within it (ends included) where the range is an inside one. */
export function isBreach(range: PerfRange, value: number): boolean {
  const within = (range.low === null || value >= range.low) && (range.high === null || value <= range.high);
  return within === range.inside;
}

/** `items` as a plugin would print them; parsePerfdata reads the same items back. Labels are not empty, numbers finite. */
export function formatPerfdata(items: readonly PerfItem[]): string {
  return items.map(formatItem).join(" ");
}

function formatItem({ label, value, uom, warning, critical, min, max }: PerfItem): string {
  const bare = endOf(BARE_LABEL, label, 0) === label.length;
  const fields = [formatValue(value, uom), ...[warning, critical].map(formatRange), min ?? "", max ?? ""];
  return `${bare ? label : `'${label.replaceAll("'", "''")}'`}=${fields.join(";").replace(/;{1,4}$/, "")}`;
}

function formatValue(value: number | null, uom: string): string {
  if (value === null) return `U${uom}`;
  // A unit that looks like an exponent would be taken for one, unless there is one already.
  return (/^[eE][+-]?\d/.test(uom) ? value.toExponential() : String(value)) + uom;
}

function formatRange(range: PerfRange | null): string {
  if (range === null) return "";
  const { inside, low, high } = range;
  const start = low === null ? "~:" : low === 0 && high !== null ? "" : `${low}:`;
  return `${inside ? "@" : ""}${start}${high ?? ""}`;
}

/** What stands at one place: `whole` if it is an item and all of it is good; `end` is beyond the place in any case. */
interface Scanned {
  item: PerfItem | null;
  whole: boolean;
  end: number;
}

function scanItem(text: string, at: number): Scanned {
  const { label, end: equals } = text[at] === "'" ? quotedLabel(text, at) : bareLabel(text, at);
  if (label === null) return { item: null, whole: false, end: equals };
  const end = endOf(FIELDS, text, equals + 1);
  if (text[end] === "|") return { item: null, whole: false, end };
  return { ...readItem(label, text.slice(equals + 1, end)), end };
}

/** The same where the text was cut off at its end: what reaches it is no item, nor is anything behind an open quote. */
function scanCut(text: string, at: number): Scanned {
  const scanned = scanItem(text, at);
  const end = isOpenQuote(text, at) ? text.length : scanned.end;
  return end === text.length ? { item: null, whole: false, end } : scanned;
}

function isOpenQuote(text: string, at: number): boolean {
  return text[at] === "'" && closingQuote(text, at) < 0;
}

/** A label and where its `=` is; without one, where the thing that is none ends. */
interface Label {
  label: string | null;
  end: number;
}

function bareLabel(text: string, at: number): Label {
  const end = endOf(BARE_LABEL, text, at);
  return end > at && text[end] === "=" ? { label: text.slice(at, end), end } : stray(text, at);
}

function quotedLabel(text: string, at: number): Label {
  const close = closingQuote(text, at);
  if (close < 0) return stray(text, at);
  const after = close + 1;
  if (close > at + 1 && text[after] === "=") {
    return { label: text.slice(at + 1, close).replaceAll("''", "'"), end: after };
  }
  // Quoted words without a value are one thing; a quote that closes within a word was an apostrophe, and takes nothing along.
  const apart = after === text.length || endOf(BLANKS, text, after) > after;
  return apart ? { label: null, end: after } : stray(text, at);
}

/** Beyond `at` always, so that every loop gets on. */
function stray(text: string, at: number): Label {
  return { label: null, end: endOf(FIELDS, text, at + 1) };
}

/** Two quotes stand for one. That keeps the search linear: it ends within the next odd run of quotes. */
function closingQuote(text: string, open: number): number {
  for (let at = open + 1; ; at += 2) {
    at = text.indexOf("'", at);
    if (at < 0 || text[at + 1] !== "'") return at;
  }
}

function readItem(label: string, fields: string): { item: PerfItem | null; whole: boolean } {
  const [first = "", warn = "", crit = "", least = "", most = "", ...more] = fields.split(";");
  const measured = readValue(first);
  if (measured === null) return { item: null, whole: false };
  const [warning, critical] = [parseRange(warn), parseRange(crit)];
  const [min, max] = [readNumber(least), readNumber(most)];
  const read = [warning, critical, min, max];
  const bad = [warn, crit, least, most].some((field, i) => read[i] === null && field !== "" && field !== "U");
  // One `;` may follow the last field.
  const whole = !bad && (more.length === 0 || (more.length === 1 && more[0] === ""));
  return { item: { label, ...measured, warning, critical, min, max }, whole };
}

function readValue(text: string): { value: number | null; uom: string } | null {
  const unknown = text.startsWith("U");
  const end = unknown ? 1 : endOf(NUMBER, text, 0);
  const uom = text.slice(end);
  if (unknown) return UOM_OF_UNKNOWN.test(uom) ? { value: null, uom } : null;
  const value = readNumber(text.slice(0, end));
  if (value === null || !UOM.test(uom) || (value === 0 && OTHER_BASE.test(uom))) return null;
  return { value, uom };
}

/** Decimal, of finite size; null for anything else. Minus zero is zero, as JSON has it. */
function readNumber(text: string): number | null {
  if (text === "" || endOf(NUMBER, text, 0) !== text.length) return null;
  const number = Number(text);
  return Number.isFinite(number) ? number + 0 : null;
}

/** Where a match of `pattern`, which is sticky, ends that starts at `at`; `at` itself if there is none. */
function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
