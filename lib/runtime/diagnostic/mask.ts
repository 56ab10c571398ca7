// Hides what may be a secret in a command line, so that it can be logged. Pure. Rather too much is hidden than too little.
// What it cannot know: a password of fewer than 16 characters that stands alone, and one that looks like words.

const HIDDEN = "***";

/** Names of options, keys and headers whose value is a secret, in any spelling: `--api-key`, `-token`, `Authorization:`. */
const NAME_PARTS = "token|pass|pw|secret|key|auth|cred|bearer|cookie|jwt|phrase|signature";
/** These are parts of common words too (`ping`, `hotplug`): they count between separators alone. */
const SHORT_NAMES = "otp|totp|pin|psk|pat|mfa|cvv|sig|sas|dsn";
const BARE_NAME = `(?:[\\w.-]*(?:${NAME_PARTS})[\\w.-]*|(?:[\\w.-]*[-_.])?(?:${SHORT_NAMES})\\d?)`;
const SECRET_NAME = `(?:${BARE_NAME}|[\\w.-]*(?:session|user)[\\w.-]*)`;

/** An option whose next word is its value, and a secret. `-u` and `-p` too: `curl -su me:pw`, `sshpass -p pw`. */
const SECRET_OPTION = new RegExp(`^--?(?:${SECRET_NAME}|[a-z]{0,4}[up])$`, "i");
const SCHEMES = "bearer|basic|digest|negotiate|token";
const SCHEME = new RegExp(`^(?:${SCHEMES})$`, "i");
/** A word after which a secret stands: `SECRET_KEY word`, `Authorization:Bearer word`. */
const BEFORE_SECRET = new RegExp(
  `(?:(?:^(?!-)|[({\\[,"'])(?:${BARE_NAME}|${SCHEMES})|[:=]["']?(?:${SCHEMES}))["']?$`,
  "i",
);
/** What stands between a name and its value. */
const ASSIGNS = /^[:=>]+$/;
const LONG_OPTION = /^--[a-z][a-z-]*$/;
/** An option whose next word is a script of a shell. */
const SCRIPT_OPTION = /^-[a-z]*c$/i;

/** The beginning of a JSON text: no matter which of its keys is the secret. */
const JSON_TEXT = /[{[]\s*\\?["'{[]/;

/** Beginnings of a word after which all of it is hidden, blanks too. */
const HEADER = new RegExp(`^["'{]?${SECRET_NAME}["'\\\\]*\\s*:(?!//)`, "i");
const OPTION_WITH_VALUE = new RegExp(`^(?:-[a-z]{0,3}?[up]|--?${SECRET_NAME}\\s|-[\\w.-]+=)`, "i");
const ASSIGNMENT = /^[\w.-]+=/;

/** Each rule finds a secret within a word without blanks; what it leaves standing is `$1`. */
const RULES: readonly [RegExp, string][] = [
  // https://user:password@host, and what follows a `?` or `#`, where keys like to stand; me:password@host.
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s]*@/gi, `$1${HIDDEN}@`],
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^?#]*[?#]).+/gi, `$1${HIDDEN}`],
  [/(^|[^\w.%+-])[\w.%+-]+:(?!\/\/)[^@]+@/g, `$1${HIDDEN}@`],
  // X-Auth-Token:abc
  [new RegExp(`(\\b${SECRET_NAME}["'\\\\]*:)(?!//).+`, "gi"), `$1${HIDDEN}`],
  // -pSECRET and -uME:PW, also behind other letters.
  [/^(-[a-z]{0,3}?[up]).+/i, `$1${HIDDEN}`],
  // KEY=value and --option=value, whatever the key.
  [/([\w.\]-]+=).+/g, `$1${HIDDEN}`],
];

/** A word without blanks that is longer is hidden, characters: nobody reads it, and the rules stay quick. */
const LONGEST_WORD = 512;
/** More words than these are not looked at, nor shown. */
const MOST_WORDS = 200;
const DEEPEST_SCRIPT = 4;

/**
 * The words of a command line in one line, with likely secrets written as `***`: values of `KEY=value`, `--token value` and
 * `-pvalue`, user and query of a URL, headers, JSON, long random words. A word with blanks is taken for a script, whose own
 * words are masked in the same way and shown without their quotes.
 */
export function maskCommandLine(words: readonly string[]): string {
  return maskWords(
    words.map((text) => ({ text, isOpen: false })),
    0,
  ).join(" ");
}

/** A word of a command line; `isOpen`: it stood in a script without quotes, so that its value may go on in the next. */
interface Word {
  text: string;
  isOpen: boolean;
}

function maskWords(words: readonly Word[], depth: number): string[] {
  const shown: string[] = [];
  let before = "";
  for (const { text, isOpen } of words) {
    if (shown.length >= MOST_WORDS) return [...shown, "…"];
    if (ASSIGNS.test(text)) {
      shown.push(text);
      continue;
    }
    const isHidden = isValue(text, before);
    shown.push(isHidden ? HIDDEN : maskWord(text, before, depth));
    if (endsInValue(text, isOpen)) return [...shown, HIDDEN];
    // A value that has the name of a secret is none, but for `Authorization Bearer word`.
    before = isHidden && !SCHEME.test(text) ? "" : text.slice(-LONGEST_WORD);
  }
  return shown;
}

function isValue(word: string, before: string): boolean {
  if (SECRET_OPTION.test(before)) return !LONG_OPTION.test(word);
  return BEFORE_SECRET.test(before) && !/^--?[a-z]/i.test(word);
}

/** `Authorization:` with nothing behind it, or JSON without quotes around it: nobody knows how many words belong to it. */
function endsInValue(text: string, isOpen: boolean): boolean {
  const header = headerOf(text);
  return (header !== null && header[0].length === text.trimEnd().length) || (isOpen && JSON_TEXT.test(text));
}

function headerOf(word: string): RegExpExecArray | null {
  return HEADER.exec(word.slice(0, LONGEST_WORD));
}

function maskWord(word: string, before: string, depth: number): string {
  if (JSON_TEXT.test(word) && !SCRIPT_OPTION.test(before)) return HIDDEN;
  if (!/\s/.test(word)) return maskPlainWord(word);
  const isScript = SCRIPT_OPTION.test(before);
  const name = headerOf(word) ?? OPTION_WITH_VALUE.exec(word) ?? (isScript ? null : ASSIGNMENT.exec(word));
  if (name !== null) return `${name[0].trimEnd()}${/\s$/.test(name[0]) ? " " : ""}${HIDDEN}`;
  if (depth >= DEEPEST_SCRIPT) return HIDDEN;
  return maskWords(scriptWords(word), depth + 1).join(" ");
}

function maskPlainWord(word: string): string {
  if (word.length > LONGEST_WORD || hasSymbolsOfPassword(word)) return HIDDEN;
  let text = word;
  for (const [pattern, replacement] of RULES) text = text.replace(pattern, replacement);
  return hideRandom(text);
}

/** An escaped or quoted piece, the beginning of a substitution, blanks, or a character. What is not closed goes to the end. */
const PIECES = /\\[\s\S]|'[^']*(?:'|$)|"(?:\\[\s\S]|[^"\\])*(?:"|\\?$)|`[^`]*(?:`|$)|[$<>]\(|\s+|[\s\S]/g;

/** The words of a script of the shell, without their quotes. A substitution such as `$(a b)` is a part of its word. */
function scriptWords(script: string): Word[] {
  const words: Word[] = [];
  let word: Word | null = null;
  let open = 0;
  for (const [piece] of script.matchAll(PIECES)) {
    if (open === 0 && /^\s/.test(piece)) {
      word = null;
      continue;
    }
    if (word === null) {
      word = { text: "", isOpen: !/^["']/.test(piece) };
      words.push(word);
    }
    word.text += open > 0 ? piece : withoutQuotes(piece);
    if (/^(?:[$<>]\(|\($)/.test(piece) && (open > 0 || piece.length > 1)) open++;
    else if (piece === ")" && open > 0) open--;
  }
  // A substitution alone: its words are to be seen.
  const isAlone = words.length === 1 && words[0]?.text === script.trim();
  return isAlone
    ? script
        .trim()
        .split(/\s+/)
        .map((text) => ({ text, isOpen: true }))
    : words;
}

function withoutQuotes(piece: string): string {
  if (piece.startsWith("'")) return piece.replace(/^'|'$/g, "");
  if (piece.startsWith('"')) return piece.replace(/^"|"$/g, "").replace(/\\(["\\$`])/g, "$1");
  return piece.length === 2 && piece.startsWith("\\") ? piece.slice(1) : piece;
}

const SHORTEST_SECRET = 16;
/** Nobody puts several of them into a name. */
const SYMBOLS = /[!"#$%&'()*+;<>?@[\]\\^`{|}~]/g;
const FEW_SYMBOLS = 1;
/** URLs and assignments have rules of their own. */
const HAS_RULES = /^-{0,2}[\w.-]+=|:\/\//;

function hasSymbolsOfPassword(word: string): boolean {
  if (word.length < SHORTEST_SECRET || HAS_RULES.test(word)) return false;
  const isMixed = /\d/.test(word) || (/[a-z]/.test(word) && /[A-Z]/.test(word));
  return isMixed && (word.match(SYMBOLS)?.length ?? 0) > FEW_SYMBOLS;
}

/** Long and mixed: what a generator wrote, not a person. */
const LONG_RUN = /[A-Za-z0-9+_=-]{16,}/g;
/** `recorder`, `NetworkManager`, `USB0`, `python311`, `20260501`. */
const READABLE = /^(?:(?:[A-Z]?[a-z]+(?:[A-Z][a-z]{2,})*|[A-Z]+)\d{0,3}|\d{1,8})$/;
/** So many characters in pieces that are not readable make a word random, wherever its separators are. */
const ODD_CHARACTERS = 8;

/** Hides from the first of what is random to the last: base64 has slashes within, and a path has words around. */
function hideRandom(word: string): string {
  if (word.length < SHORTEST_SECRET) return word;
  const odd = [...word.matchAll(/[A-Za-z0-9]+/g)].filter(([piece]) => isOdd(piece));
  const runs = [...word.matchAll(LONG_RUN)].filter(([run]) => looksRandom(run));
  const length = odd.reduce((sum, [piece]) => sum + piece.length, 0);
  if (runs.length === 0 && length < ODD_CHARACTERS) return word;
  const found = [...odd, ...runs];
  const start = Math.min(...found.map(({ index }) => index));
  const end = Math.max(...found.map(({ 0: text, index }) => index + text.length));
  return `${word.slice(0, start)}${HIDDEN}${word.slice(end)}`;
}

function isOdd(piece: string): boolean {
  return piece.length >= SHORTEST_SECRET || !READABLE.test(piece);
}

function looksRandom(run: string): boolean {
  const digits = run.replace(/\D/g, "").length;
  const isHex = /^[0-9a-fA-F-]{20,}$/.test(run);
  const hasCases = /[a-z]/.test(run) && /[A-Z]/.test(run);
  return isHex || digits >= 4 || (digits >= 1 && hasCases) || (hasCases && run.length >= 24);
}
