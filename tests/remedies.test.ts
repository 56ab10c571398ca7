// Commands of a remedy are data (core/finding.ts): none is glued into words, where no program finds it and nobody quotes it. What
// has to be words all the same is listed here with its reason.

import { expect, test } from "bun:test";
import { sources } from "./support/sources.ts";

interface Exception {
  file: string;
  /** A part of the one line, or of the lines, that it speaks of. */
  has: string;
  because: string;
}

const FILLED_IN = "a person has to fill in a part of it";
const ONE_OF_SEVERAL = "one of several ways: which, a person decides";
const PIPELINE = "more than commands: a line that only a shell can run";
const WIRE = "what a host is told over the wire, which shippers of other releases match";
const LOOK = "a hint at what is no fault, a new place: a remedy for it would be taken for that of a fault";
const PYTHON = "the rows of the Python fleet's own check, word for word";

const IN_WORDS: readonly Exception[] = [
  { file: "lib/core/linux/disk-refusal.ts", has: "| tail -n 20", because: PIPELINE },
  {
    file: "lib/core/linux/unit-fix.ts",
    has: "mend the line of its unit that this names",
    because: "a person mends something between the look, which is its command, and the start",
  },
  { file: "lib/core/linux/unit-fix.ts", has: '"sudo systemctl daemon-reload",', because: PIPELINE },
  { file: "lib/fleet-health/commands/once-more.ts", has: "sudo fleet-health ${", because: FILLED_IN },
  { file: "lib/fleet-health/reference/alerts.ts", has: "cis490", because: PYTHON },
  { file: "lib/receiver/access/open-doors.ts", has: "token add <host>", because: FILLED_IN },
  { file: "lib/receiver/commands/token.ts", has: "token add <host>", because: FILLED_IN },
  { file: "lib/receiver/decide.ts", has: "; on the collector: sudo receiver token add", because: WIRE },
  { file: "lib/receiver/disk/disk-refusals.ts", has: "; on the collector: sudo receiver verify", because: WIRE },
  {
    file: "lib/receiver/disk/repair-line.ts",
    has: "; sudo systemctl start labfleet-receiver",
    because: "the receiver is started again whatever the repair came to, and only a shell's `;` says so",
  },
  { file: "lib/receiver/enrolment/line.ts", has: "(f=$(mktemp)", because: PIPELINE },
  { file: "lib/receiver/episodes/get.ts", has: "; on the collector: sudo receiver verify", because: WIRE },
  { file: "lib/receiver/episodes/name-taken.ts", has: "; on the collector: sudo receiver verify", because: WIRE },
  {
    file: "lib/receiver/identity/decide.ts",
    has: "ask the old collector",
    because: "it is run on a third machine, for which there is no place: here it would tell another id",
  },
  { file: "lib/receiver/identity/files.ts", has: "put the file back from a backup", because: ONE_OF_SEVERAL },
  {
    file: "lib/receiver/listen/certificate-life.ts",
    has: "set this machine's clock if it is wrong",
    because: `${ONE_OF_SEVERAL}, and the other one is its commands`,
  },
  { file: "lib/receiver/store/verify/verify-summary.ts", has: "/shipped/ID", because: FILLED_IN },
  { file: "lib/shipper/commands/requeue.ts", has: "requeue <id>…", because: FILLED_IN },
  { file: "lib/shipper/commands/requeue.ts", has: "--all --reason R", because: FILLED_IN },
  { file: "lib/shipper/commands/requeue.ts", has: "--as <new id>", because: FILLED_IN },
  { file: "lib/shipper/status/status-text.ts", has: "requeue <id>…", because: FILLED_IN },
  { file: "lib/shipper/trust/pin.ts", has: "pin --accept ID", because: FILLED_IN },
  {
    file: "lib/shipper/words/remedies.ts",
    has: "on the collector you mean shows this id",
    because: "a condition that a person looks up elsewhere first; what follows from it is its command",
  },
];

/** A command with what it is to do; `"sudo", "systemctl"` of an argv is none, and neither is how one ended. */
const GLUED = /\b(?:sudo|systemctl|journalctl) (?!(?:exited|ended) with\b)[\w/$-]/;

/** Lines of code that match, by file. */
function linesWith(pattern: RegExp): [file: string, line: string][] {
  const code = (text: string): string[] =>
    text.split("\n").filter((line) => !/^\s*(?:\/\/|\/\*|\*)/.test(line) && pattern.test(line));
  return [...sources].flatMap(([file, text]) => code(text).map((line): [string, string] => [file, line.trim()]));
}

test("no command is glued into words but where no program could run it as it stands", () => {
  const isListed = (file: string, line: string) =>
    IN_WORDS.some((exception) => exception.file === file && line.includes(exception.has));
  expect(linesWith(GLUED).filter(([file, line]) => !isListed(file, line))).toEqual([]);
});

test("each exception is still one", () => {
  const found = linesWith(GLUED);
  const gone = IN_WORDS.filter(({ file, has }) => !found.some((hit) => hit[0] === file && hit[1].includes(has)));
  expect(gone).toEqual([]);
});

/** Who writes a command as a shell reads it. Everybody else hands over its argv. */
const QUOTERS: Readonly<Record<string, string>> = {
  "lib/core/finding.ts": "renders a remedy, for all",
  "lib/core/linux/disk-refusal.ts": PIPELINE,
  "lib/core/linux/unit-fix.ts": PIPELINE,
  "lib/core/text/shell-quote.ts": "is the quoter",
  "lib/fleet-health/commands/once-more.ts": FILLED_IN,
  "lib/fleet-health/reference/alerts.ts": "a document of the Python fleet's, whose remedies are texts",
  "lib/heartbeat/nagios/shell-hint.ts": "shows a part of what is configured, and no command",
  "lib/heartbeat/plugins/queue-judgement.ts": `${ONE_OF_SEVERAL}, and the other one is its commands`,
  "lib/receiver/enrolment/line.ts": PIPELINE,
  "lib/receiver/identity/files.ts": LOOK,
  "lib/receiver/listen/tls-files.ts": "a person compares what two commands show",
  "lib/runtime/alignment.ts": PIPELINE,
  "lib/shipper/data-root.ts": LOOK,
  "lib/shipper/episode/commit.ts": `${PIPELINE}; and ${FILLED_IN}`,
};

test("one quoter: only lines that are more than commands are written elsewhere", () => {
  const users = linesWith(/\bshell(?:Line|Word)\b(?!.* from ")/).map(([file]) => file);
  expect([...new Set(users)].sort()).toEqual(Object.keys(QUOTERS).sort());
});
