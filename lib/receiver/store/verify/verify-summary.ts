// What `receiver verify` found, as one line for people that ends with what mends the gravest of it. Pure.

import { type Fix, findingText, here, inWords, lineFix } from "../../../core/finding.ts";
import { counted, formatBytes } from "../../../core/text/quantity.ts";
import { repairLine } from "../../disk/repair-line.ts";
import { damageOf, isSound, type VerifyReport } from "./verify-report.ts";

/** The rename is a requeue by hand (docs/protocol.md); the row stays, and the archive is stored under it. */
const SEND_AGAIN = inWords(
  "restore each missing archive from a backup, or, where its lab host still has it in shipped/, have it sent again: " +
    "on the lab host: sudo mv -T /var/lib/labfleet/data/shipped/ID /var/lib/labfleet/data/episodes/ID",
);
/** Where the receiver runs as another user than the one who checks, the finding names that user, and one line mends all of them. */
const LOOK: Fix = {
  text: "let the receiver's user read what is named above, or look at its disk",
  commands: [here("sudo", "dmesg", "--level=err,warn")],
};
const REPAIR = lineFix(repairLine("--repair"));

interface Row {
  count: (report: VerifyReport) => number;
  what: string;
  /** What mends it. */
  fix: Fix | ((report: VerifyReport) => Fix);
}

/** The gravest first: only the first remedy is said, and what is left is said by the next look. */
const ROWS: readonly Row[] = [
  { count: ({ missing }) => missing.length, what: "missing", fix: SEND_AGAIN },
  // Moved aside it is missing, and can be sent again.
  { count: ({ mismatch }) => mismatch.length, what: "damaged", fix: REPAIR },
  {
    count: ({ unreadable }) => unreadable.length,
    what: "unreadable",
    fix: ({ unreadable }) => unreadable[0]?.fix ?? LOOK,
  },
  { count: ({ extra }) => extra.length, what: "not in the index", fix: REPAIR },
  { count: ({ duplicate }) => duplicate.length, what: "with more than one row", fix: REPAIR },
  { count: ({ torn }) => torn, what: "unreadable index lines", fix: REPAIR },
];

/** One line for people. */
export function summary(report: VerifyReport): string {
  const all = `${counted(report.checked, "episode")}, ${formatBytes(report.bytes)} read`;
  const read = report.opaque.length === 0 ? all : `${all}; ${report.opaque.length} opaque: stored as sent, no archive`;
  if (isSound(report)) return `sound: ${read}`;
  const { wrong_tree, wrong_bytes } = report;
  const claimed = [...claim(wrong_bytes.length, "size"), ...claim(wrong_tree.length, "tar")];
  const isHarmless = damageOf(report) === 0;
  const found = ROWS.filter(({ count }) => count(report) > 0);
  const counts = found.map(({ count, what }) => `${count(report)} ${what}`);
  const what = isHarmless
    ? `WRONG ROWS: ${claimed.join(", ")}, no episode is damaged`
    : `DAMAGED: ${[...counts, ...claimed].join(", ")}`;
  const gravest = found[0]?.fix ?? claimFix(report);
  const fix = typeof gravest === "function" ? gravest(report) : gravest;
  return findingText({ what: `${what}; ${read}`, fix }, "collector");
}

function claim(count: number, what: string): string[] {
  return count === 0 ? [] : [`${counted(count, "row claims", "rows claim")} another ${what} than is stored`];
}

function claimFix({ wrong_tree, wrong_bytes }: VerifyReport): Fix | null {
  if (wrong_tree.length > 0) return lineFix(repairLine("--deep --repair"));
  return wrong_bytes.length > 0 ? REPAIR : null;
}
