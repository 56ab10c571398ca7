// What a tool printed, taken apart as its reader takes it apart: the sentence, the words of its remedy, and the lines to be pasted,
// each with the machine whose shell it is for. Pure.

export type Place = "lab1" | "collector";

/** A line to be pasted, and where. */
export interface Step {
  on: Place;
  line: string;
}

export interface Said {
  sentence: string;
  /** The remedy as it was printed; "" when none was. */
  remedy: string;
  /** What it says in words; "" when it is commands alone. */
  words: string;
  steps: readonly Step[];
}

const PLACES: Readonly<Record<string, Place>> = { "on the lab host": "lab1", "on the collector": "collector" };
/** A command begins with one of these at the start of a remedy, or behind its words and a colon. */
const BEGINS =
  /^(.*?)(?:^|: )((?:sudo|shipper|receiver|heartbeat|systemctl|printf|echo|ip|ping|curl|getent|openssl|findmnt) .+)$/;

/**
 * The first line of `text` that holds the sentence, with its remedy behind `fix:` in it or on the next line.
 * @param here the machine that printed it: lines without a place are for its shell. Null: not said (yet)
 */
export function findSaid(text: string, says: RegExp, here: Place): Said | null {
  const lines = text.split("\n");
  const at = lines.findIndex((line) => says.test(line));
  const line = lines[at];
  if (line === undefined) return null;
  const [sentence = "", ...inline] = line.split("; fix: ");
  const next = /^(?:\S+: )?fix: (.*)$/.exec(lines[at + 1] ?? "")?.[1];
  const remedy = (inline.length > 0 ? inline.join("; fix: ") : (next ?? "")).trimEnd();
  return { sentence: sentence.trim(), remedy, ...takeApart(remedy, here) };
}

/** `words: on the collector: a && b; then on the lab host: c`. */
export function takeApart(remedy: string, here: Place): Pick<Said, "words" | "steps"> {
  const [first = "", ...others] = remedy.split(/; then (?=on the (?:lab host|collector): )/);
  const placed = /^(.*?)(?:: )?(on the lab host|on the collector): (.+)$/.exec(first);
  const plain = placed === null ? BEGINS.exec(first) : null;
  const [, words = first, line = null] = placed === null ? (plain ?? []) : [null, placed[1], placed[3]];
  if (line === null) return { words: remedy, steps: [] };
  const on = placed === null ? here : placeOf(placed[2]);
  return { words, steps: [{ on, line }, ...others.map(stepOf)] };
}

function stepOf(part: string): Step {
  const [, place, line = ""] = /^(on the lab host|on the collector): (.+)$/.exec(part) ?? [];
  return { on: placeOf(place), line };
}

function placeOf(words: string | undefined): Place {
  const place = PLACES[words ?? ""];
  if (place === undefined) throw new Error(`no such place: ${words}`);
  return place;
}
