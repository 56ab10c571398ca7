// Hides what may be a secret in a command line, so that it can be logged. Pure. Rather too much is hidden than too little.

const HIDDEN = "***";

/** Names of options and headers whose value is a secret, in any spelling: `--api-key`, `-token`, `Authorization:`. */
const SECRET_NAME = "[\\w-]*(?:token|pass|pw|secret|key|auth|credential|bearer|cookie|session|user)[\\w-]*";
const VALUE = `(?:"[^"]*"|'[^']*'|\\S+)`;

/** Each rule finds a secret within one word or a whole script; what it leaves standing is `$1`. */
const RULES: readonly [RegExp, string][] = [
  // https://user:password@host, and what follows a `?`, where keys like to stand.
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi, `$1${HIDDEN}@`],
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s?]*\?)\S+/gi, `$1${HIDDEN}`],
  // "Authorization: Bearer abc def": a header ends with its word.
  [new RegExp(`(\\b${SECRET_NAME}\\s*:)(?!//)\\s*.+`, "gi"), `$1${HIDDEN}`],
  // --token abc within a script.
  [new RegExp(`(--?${SECRET_NAME}\\s+)${VALUE}`, "gi"), `$1${HIDDEN}`],
  // KEY=value and --option=value, whatever the key.
  [new RegExp(`([\\w.-]+=)${VALUE}`, "g"), `$1${HIDDEN}`],
];

/** An option whose next word is its value, and a secret. `-u` and `-p` too: `curl -u me:pw`, `sshpass -p pw`. */
const SECRET_OPTION = new RegExp(`^--?(?:${SECRET_NAME}|u|p)$`, "i");

/** Long and mixed: what a generator wrote, not a person. */
const RANDOM_WORD = /[A-Za-z0-9+_=-]{16,}/g;

/**
 * The words of a command line in one line, with likely secrets written as `***`: values of `KEY=value` and `--token value`,
 * user and query of a URL, headers, long random words.
 */
export function maskCommandLine(words: readonly string[]): string {
  const shown: string[] = [];
  for (const [index, word] of words.entries()) {
    const isValue = index > 0 && SECRET_OPTION.test(words[index - 1] ?? "") && !word.startsWith("--");
    shown.push(isValue ? HIDDEN : maskWord(word));
  }
  return shown.join(" ");
}

function maskWord(word: string): string {
  let text = word;
  for (const [pattern, replacement] of RULES) text = text.replace(pattern, replacement);
  return text.replace(RANDOM_WORD, (run) => (looksRandom(run) ? HIDDEN : run));
}

function looksRandom(run: string): boolean {
  const digits = run.replace(/\D/g, "").length;
  const isHex = /^[0-9a-fA-F-]{20,}$/.test(run);
  const hasCases = /[a-z]/.test(run) && /[A-Z]/.test(run);
  return isHex || digits >= 4 || (digits >= 1 && hasCases) || (hasCases && run.length >= 24);
}

/** `text` cut to at most `maxBytes` of UTF-8, between characters; `…` (three bytes, counted) shows that it was cut. */
export function cutBytes(text: string, maxBytes: number): string {
  const encoder = new TextEncoder();
  if (encoder.encode(text).length <= maxBytes) return text;
  const room = new Uint8Array(maxBytes - 3);
  const { read } = encoder.encodeInto(text, room);
  return `${text.slice(0, read)}…`;
}
