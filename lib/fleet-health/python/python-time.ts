// Instants as Python 3.11 reads and writes them (datetime.fromisoformat, isoformat, timestamp), which is what the rows of the index
// and of alerts.jsonl are made of. A microsecond counts: whole ones since 1970, which a number holds exactly until 2255.

const DAY_S = 86_400;

/** The parts of a text before they are known to be a date. */
interface Fields {
  year: number;
  month: number;
  day: number;
}

/**
 * Microseconds since 1970 of an ISO 8601 text; null: Python would refuse it. A text without an offset is local time, as it is there.
 * Week dates, basic formats, any one character between date and time, and a comma before the fraction are read, too.
 */
export function parseIso(text: string): number | null {
  return parseOwn(text) ?? parseAny(text);
}

/** As labfleet and Python write it, a fraction included, from its first character to its last. */
const OWN = /^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}\+00:00$/;

/** The day that was met last: rows come by thousands of one day. */
let day = { text: "", micros: Number.NaN };

/** Null: it is written in another way, or its date is none, such as 30 February. */
function parseOwn(text: string): number | null {
  if (!OWN.test(text)) return null;
  const date = text.slice(0, 10);
  if (date !== day.text) day = { text: date, micros: parseAny(date + MIDNIGHT) ?? Number.NaN };
  const seconds = twoAt(text, 11) * 3600 + twoAt(text, 14) * 60 + twoAt(text, 17);
  const micros = day.micros + seconds * 1e6 + twoAt(text, 20) * 1e4 + twoAt(text, 22) * 100 + twoAt(text, 24);
  return Number.isNaN(micros) ? null : micros;
}

/** The number that two digits are. */
function twoAt(text: string, at: number): number {
  return (text.charCodeAt(at) - ZERO) * 10 + text.charCodeAt(at + 1) - ZERO;
}

const ZERO = 48;
const MIDNIGHT = "T00:00:00+00:00";

function parseAny(text: string): number | null {
  if (text.length < 7) return null;
  const cut = separatorAt(text);
  if (cut === null) return null;
  const date = parseDate(text.slice(0, cut));
  if (date === null) return null;
  // Whatever parts it from a time has a time behind it.
  const separator = (text.codePointAt(cut) ?? 0) > 0xffff ? 2 : 1;
  const time = text.length <= cut ? { micros: 0, offset: null } : parseTime(text.slice(cut + separator));
  if (time === null) return null;
  const midnightMs = utcMs(date);
  if (time.offset === null) {
    const local = new Date(0);
    local.setFullYear(date.year, date.month - 1, date.day);
    local.setHours(0, 0, Math.floor(time.micros / 1e6), 0);
    return local.getTime() * 1000 + (time.micros % 1e6);
  }
  return midnightMs * 1000 + (time.micros - time.offset);
}

/** Where the date ends, as Python guesses it. */
function separatorAt(text: string): number | null {
  if (text.length === 7) return 7;
  if (text[4] === "-") {
    if (text[5] !== "W") return 10;
    if (text.length < 8) return null;
    if (text[8] !== "-") return 8;
    if (text.length === 9) return null;
    return text.length > 10 && isDigit(text[10]) ? 8 : 10;
  }
  if (text[4] !== "W") return 8;
  let end = 7;
  while (end < text.length && isDigit(text[end])) end++;
  if (end < 9) return end;
  return end % 2 === 0 ? 7 : 8;
}

function parseDate(text: string): Fields | null {
  const week = /^(\d{4})(-?)W(\d\d)(?:\2(\d))?$/.exec(text);
  if (week !== null) return ofWeek(Number(week[1]), Number(week[3]), Number(week[4] ?? 1));
  const match = /^(\d{4})(-?)(\d\d)\2(\d\d)$/.exec(text);
  if (match === null) return null;
  const date = { year: Number(match[1]), month: Number(match[3]), day: Number(match[4]) };
  const back = new Date(utcMs(date));
  const isReal = back.getUTCMonth() + 1 === date.month && back.getUTCDate() === date.day;
  return date.year >= 1 && isReal ? date : null;
}

/** ISO 8601 weeks: the first has the year's first Thursday. */
function ofWeek(year: number, week: number, day: number): Fields | null {
  if (year < 1 || week < 1 || day < 1 || day > 7) return null;
  const fourth = utcMs({ year, month: 1, day: 4 });
  const monday = fourth - ((new Date(fourth).getUTCDay() + 6) % 7) * DAY_S * 1000;
  const weeks = weekday(year, 12, 31) === 4 || weekday(year, 1, 1) === 4 ? 53 : 52;
  if (week > weeks) return null;
  const at = new Date(monday + ((week - 1) * 7 + day - 1) * DAY_S * 1000);
  if (at.getUTCFullYear() < 1 || at.getUTCFullYear() > 9999) return null;
  return { year: at.getUTCFullYear(), month: at.getUTCMonth() + 1, day: at.getUTCDate() };
}

function weekday(year: number, month: number, day: number): number {
  return new Date(utcMs({ year, month, day })).getUTCDay();
}

function utcMs({ year, month, day }: Fields): number {
  const at = new Date(0);
  return at.setUTCFullYear(year, month - 1, day);
}

/** Microseconds of the day, and of the offset from UTC, which is null where none is named. */
function parseTime(text: string): { micros: number; offset: number | null } | null {
  const sign = text.search(/[-+Z]/);
  const clock = parseClock(text, sign < 0 ? text.length : sign);
  if (clock === null || clock.hour > 23 || clock.minute > 59 || clock.second > 59) return null;
  // What stands behind the time is an error only where it is the last.
  if (sign < 0) return clock.isWhole ? { micros: microsOf(clock), offset: null } : null;
  if (text[sign] === "Z") return isEnd(text[sign + 1]) ? { micros: microsOf(clock), offset: 0 } : null;
  const zone = text.slice(sign + 1);
  const offset = parseClock(zone, zone.length);
  if (offset === null || !offset.isWhole || microsOf(offset) >= DAY_S * 1e6) return null;
  // Less than a second is none.
  const micros = microsOf(offset) < 1e6 ? 0 : microsOf(offset);
  return { micros: microsOf(clock), offset: text[sign] === "-" ? -micros : micros };
}

interface Clock {
  hour: number;
  minute: number;
  second: number;
  micros: number;
  /** The text, or what C takes for it, ends with it. */
  isWhole: boolean;
}

function microsOf({ hour, minute, second, micros }: Clock): number {
  return (hour * 3600 + minute * 60 + second) * 1e6 + micros;
}

/**
 * `HH[:?MM[:?SS[.f+]]]` before `end`, in the way of Python's own parser: it passes over one odd character of ASCII before an offset, takes
 * `:` for the point of a fraction, and a point without digits for none.
 */
function parseClock(text: string, end: number): Clock | null {
  const parts = [0, 0, 0];
  let at = 0;
  let hasColons = true;
  const done = (micros: number, isWhole: boolean): Clock => {
    const [hour = 0, minute = 0, second = 0] = parts;
    return { hour, minute, second, micros, isWhole };
  };
  for (let i = 0; i < 3; i++) {
    const part = digits(text, at, 2);
    if (part === null) return null;
    parts[i] = part;
    at += 2;
    const next = text[at];
    at += 1;
    if (i === 0) hasColons = next === ":";
    if (at >= end) return next !== undefined && next > "\x7f" ? null : done(0, isEnd(next));
    if (hasColons && next === ":") continue;
    if (next === "." || next === ",") break;
    if (hasColons) return null;
    at -= 1;
  }
  const length = Math.min(6, end - at);
  const fraction = digits(text, at, length);
  if (fraction === null) return null;
  at += length;
  while (isDigit(text[at])) at++;
  return done(fraction * 10 ** (6 - length), isEnd(text[at]));
}

/** Behind the text, or at a NUL, where C ends one. */
function isEnd(character: string | undefined): boolean {
  return character === undefined || character === "\0";
}

/** So many digits as a number; null: they are not all digits. */
function digits(text: string, from: number, count: number): number | null {
  for (let at = from; at < from + count; at++) if (!isDigit(text[at])) return null;
  return Number(text.slice(from, from + count));
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9";
}

/** `2026-05-01T06:37:53.830599+00:00`; a whole second has no fraction. */
export function isoText(micros: number): string {
  const seconds = Math.floor(micros / 1e6);
  const fraction = micros - seconds * 1e6;
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  return `${whole}${fraction === 0 ? "" : `.${String(fraction).padStart(6, "0")}`}+00:00`;
}

/** A number as `:.0f` shows it: of two whole ones that are equally near, the even one. */
export function wholeText(value: number): string {
  const below = Math.floor(value);
  const rest = value - below;
  const isUp = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
  const whole = isUp ? below + 1 : below;
  return whole === 0 && (value < 0 || Object.is(value, -0)) ? "-0" : String(whole);
}
