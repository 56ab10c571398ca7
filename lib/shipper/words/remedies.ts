// What mends what only the shipper meets, as data; faults of the network are in lib/client. Pure.

import { basename, dirname, join } from "node:path/posix";
import { NAME_MAX } from "../../contract/names.ts";
import type { SettledCounts } from "../../contract/shipper-status.ts";
import { freeing } from "../../contract/shipper-words.ts";
import { type Command, type Finding, type Fix, fixText, lineFix, onHost } from "../../core/finding.ts";
import { whatFills } from "../../core/linux/disk-refusal.ts";
import { quoted } from "../../core/text/fields.ts";

/** Another store answers than the pinned one. */
export function acceptFix(receiverId: string): Fix {
  return {
    text: "if `sudo receiver identity` on the collector you mean shows this id, and its data disk is mounted, trust it; else mount that, or mend receiver.url",
    commands: [onHost("sudo", "shipper", "pin", "--accept", receiverId)],
  };
}

/** The collector wants to know which code recorded an episode. */
export function stampFix(commitFile: string): Fix {
  return {
    text: `write the commit of the recording code into ${commitFile}, or as "code_commit" into the episode's meta.json; or set [gate] require_commit = false on the collector`,
    commands: [],
  };
}

/** So many ways to make room are named: each is a command of its own. */
const WAYS_SHOWN = 3;

/** There is no room on the data root's disk: what may go there a person knows. @param settled what they may give up */
export function roomFix(mountPoint: string, settled: SettledCounts | null): Fix {
  const look = whatFills(mountPoint, "bytes");
  const room = `make room on its disk, or lower [shipper] disk_reserve; this shows what fills it: ${look}`;
  const ways = freeing(settled).slice(0, WAYS_SHOWN);
  return lineFix([...ways.map((way) => fixText(way)), room].join("; or "));
}

/** What mends an answer that is no receipt, by the reason that decide.ts gives it. */
export function answerFix(reason: string): Fix | null {
  // It is a receiver's word, which may also be `constructor`.
  return Object.hasOwn(ANSWERS, reason) ? (ANSWERS[reason] ?? null) : null;
}

const ANSWERS: Readonly<Record<string, Fix>> = {
  "no-identity": {
    text: 'update the collector; for the Python fleet\'s receiver set [receiver] kind = "python"',
    commands: [],
  },
  "no-receipt": {
    text: "set receiver.url to the receiver's own address, past any portal; for the Python fleet's receiver set [receiver] kind = \"python\"",
    commands: [],
  },
  // A receiver that cannot judge says 404.
  "no-judgement": { text: "set receiver.url to the receiver's own address, past any portal", commands: [] },
  "receipt-mismatch": {
    text: "look for what damages requests or answers between this host and the collector",
    commands: [],
  },
};

/** An answer that may be the Python fleet's receiver's, or a gateway's. */
export function perhapsPythonFix({ text, commands }: Fix): Fix {
  return {
    text: `if the Python fleet's receiver answers there, set [receiver] kind = "python"; else ${text}`,
    commands,
  };
}

/** An episode that is finished, by its marker, and is written to all the same. */
export const CHANGING_FIX: Fix = {
  text: "let its recorder write nothing after done.marker, and make that last, by a rename",
  commands: [],
};

/** The archive in the outbox is the only copy of an episode that nobody takes. */
export function lastCopyFix(archive: string): Fix {
  const aside = join(dirname(archive), "..", basename(archive));
  return {
    text: "mend what it was refused for, or take the archive out of the outbox to keep it",
    commands: [onHost("sudo", "mv", archive, aside)],
  };
}

/** What was refused on this host, and why that may be. */
export interface LocalFault {
  detail: string;
  code: string | null;
  /** What was refused; null where the system does not say. */
  path: string | null;
  /** It is immutable or append-only (chattr(1)). */
  isKept: boolean;
}

/** This host's own disk or rights refused something outside the expected places. */
export function localFinding({ detail, code, path, isKept }: LocalFault): Finding {
  return { what: quoted(detail), fix: (path === null ? null : fixOfPath(path, code, isKept)) ?? LOOK_AT_DISK };
}

const LOOK_AT_DISK: Fix = {
  text: "if it stays so, look at the disk it lies on",
  commands: [onHost("sudo", "dmesg", "--level=err,warn")],
};

function fixOfPath(path: string, code: string | null, isKept: boolean): Fix | null {
  if (isKept) return { text: "", commands: [onHost("sudo", "chattr", "-i", "-a", path)] };
  // Something else has a name that we need.
  if (["EISDIR", "ENOTDIR", "EEXIST", "ELOOP", "ENOTEMPTY"].includes(code ?? ""))
    return { text: "", commands: [onHost("sudo", "mv", "-T", path, `${path}.aside`)] };
  if (code !== "EACCES" && code !== "EPERM") return null;
  return { text: "let this service's user write there", commands: [onHost("ls", "-ld", path)] };
}

/** What was refused for good, by its reason: what makes it go. The reason is what a note says, and that may be anybody's word. */
export function rejectionFix(reason: string, id: string): Fix {
  const known = Object.hasOwn(REJECTIONS, reason) ? REJECTIONS[reason] : undefined;
  return known === undefined ? refusedFix(id) : known(id);
}

/** Of a removed episode something is left over that only root can remove, as what is immutable. */
export function leftOverFix(path: string): Fix {
  const find = ["sudo", "find", path, "-type", "f,d", "-exec", "chattr", "-i", "-a", "{}", "+"];
  return { text: "", commands: [onHost(...find), onHost("sudo", "rm", "-r", path)] };
}

const requeue = (id: string): Command => onHost("sudo", "shipper", "requeue", id);
/** Of a directory that had to take a second name itself (`ep~1`), the next one. */
function requeueAs(name: string): Command {
  const [, id = name, number = "0"] = /^(.*?)(?:~(\d+))?$/.exec(name) ?? [];
  const suffix = `-${Number(number) + 2}`;
  return onHost("sudo", "shipper", "requeue", name, "--as", `${id.slice(0, NAME_MAX - suffix.length)}${suffix}`);
}

/** What lies in quarantine is not what was refused. */
export function judgedAnewFix(id: string): Fix {
  return { text: "queue it again, to be judged as it is now", commands: [requeue(id)] };
}

/** The receiver lost a shipped episode, and would not take it now. */
export function lostFix(reason: string, commitFile: string): Fix {
  if (reason === "missing-commit") return stampFix(commitFile);
  const mayPass = reason === "commit-not-accepted" || reason === "too-large";
  return mayPass ? rejectionFix(reason, "") : LOOK_AT_STORE;
}

const LOOK_AT_STORE: Fix = {
  text: "see what became of it there",
  commands: [{ argv: ["sudo", "receiver", "verify"], on: "collector" }],
};

/** By a Python receiver, by a release before this one, or by a later one: what it was refused for is in its note. */
function refusedFix(id: string): Fix {
  return {
    text: "discard it, or mend what its rejection.json names, or what the collector's log says of it, and queue it again",
    commands: [requeue(id)],
  };
}

const REJECTIONS: Readonly<Record<string, (id: string) => Fix>> = {
  "commit-not-accepted": () => ({
    text: "update the recording code, or add its commit to accepted_commits_file on the collector: then it goes by itself within a day",
    commands: [],
  }),
  "too-large": () => ({
    text: "raise [limits] max_episode_bytes on the collector: then it goes by itself within a day",
    commands: [],
  }),
  // Its note is missing or damaged: nothing is lost by asking again.
  unknown: (id) => ({ text: "nothing says why it lies there: queue it again", commands: [requeue(id)] }),
  conflict: (id) => ({
    text: "the collector has another episode of this name: ship this one under another",
    commands: [requeueAs(id)],
  }),
  incomplete: (id) => ({
    text: "discard it, or mend the files that its rejection.json names, or its done.marker, and queue it again",
    commands: [requeue(id)],
  }),
  unpackable: (id) => ({
    text: "discard it, or mend what its rejection.json names, and queue it again",
    commands: [requeue(id)],
  }),
  "changed-after-shipping": (id) => ({
    text: "the collector has it without the late change: ship this one, too, under another name",
    commands: [requeueAs(id)],
  }),
};
