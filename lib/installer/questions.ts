// Asks for what is still to be said, one thing at a time. Each answer is looked at before the next question; Ctrl-C changes nothing.

import { hostname } from "node:os";
import { isCancel, select, text } from "@clack/prompts";
import { subjectNames } from "../authority/names.ts";
import { isCode } from "../contract/enrolment.ts";
import { isName, NAME_RULE } from "../contract/names.ts";
import { EXIT } from "../core/exit.ts";
import { errorText, UserError } from "../core/failure.ts";
import { isLoopback, urlFault } from "../core/receiver-url.ts";
import { exists } from "../os/files/files.ts";
import { atLeastWide } from "./agreed.ts";
import { isPythonHere, withPython } from "./answers/python.ts";
import type { Said } from "./answers/said.ts";
import { DEFAULT_LISTEN, isListen } from "./answers/written.ts";
import { readManifest } from "./facts.ts";
import { configPath, type Role } from "./wanted.ts";

/** What is wrong with an answer, in words; undefined: nothing. */
type Fault = (value: string) => string | undefined;

interface Question {
  message: string;
  /** What stands there already. */
  initial?: string;
  example?: string;
  fault: Fault;
}

const needed: Fault = (value) => (value === "" ? "something has to be said" : undefined);
const QUESTIONS: Readonly<Record<string, Question>> = {
  host: {
    message: "By which name does the fleet know this host?",
    initial: hostname().split(".")[0] ?? "",
    fault: (value) => (isName(value) ? undefined : `it has ${NAME_RULE}`),
  },
  url: {
    message: "Where is its collector?",
    example: "https://collector.wg:8443",
    fault: (value) => faultOf(urlFault(value)),
  },
  "ca-sha256": {
    message: "The fingerprint (receiver enrol prints it behind --ca-sha256)?",
    fault: (value) => (/^[0-9a-f]{64}$/i.test(value.replaceAll(":", "")) ? undefined : "it has 64 hex digits"),
  },
  "ca-bundle": { message: "In which file is that authority's certificate?", fault: needed },
  code: {
    message: "The code (receiver enrol prints it behind --code)?",
    fault: (value) => (isCode(value) ? undefined : "it has 20 characters, and none of i, l, o and u"),
  },
  "token-file": { message: "In which file is the token?", fault: needed },
  recorder: {
    message: "Which user records here (empty: nobody yet)?",
    initial: process.env.SUDO_USER ?? "",
    fault: () => undefined,
  },
  name: {
    message: "By which names and addresses do hosts reach this collector (with commas between them)?",
    initial: hostname(),
    fault: (value) => namesFault(value),
  },
  "tls-certificate": { message: "In which file is its certificate?", fault: needed },
  "tls-key": { message: "In which file is the key of that?", fault: needed },
  listen: {
    message: "Where does it listen?",
    initial: DEFAULT_LISTEN,
    fault: (value) => (isListen(value) ? undefined : "it has to be an address and a port"),
  },
};

function faultOf(rule: string | null): string | undefined {
  return rule === null ? undefined : `it has to be ${rule}`;
}

function namesFault(value: string): string | undefined {
  try {
    subjectNames(value.split(",").map((name) => name.trim()));
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return errorText(error);
    throw error;
  }
}

/** Ways to say something, each with the questions that it takes. */
type Ways = readonly (readonly [label: string, names: readonly string[]])[];

const TRUST: Ways = [
  ["an authority of the collector's own, by its fingerprint", ["ca-sha256"]],
  ["an authority whose certificate lies here", ["ca-bundle"]],
  ["one that everybody knows", []],
];
const TOKEN: Ways = [
  ["by a code that receiver enrol has made", ["code"]],
  ["from a file that holds its token", ["token-file"]],
  ["not at all: the collector asks for none", []],
];
const CERTIFICATE: Ways = [
  ["an authority of its own issues one", ["name"]],
  ["it has one already", ["tls-certificate", "tls-key"]],
];

/**
 * @returns what is said now; nothing is asked of a machine that has its configuration
 * @throws UserError: whoever is asked does not want to go on
 */
export async function askMissing(before: Said): Promise<Said> {
  atLeastWide();
  const said = new Map(before);
  const role = roleIn(said) ?? (await readManifest())?.role ?? (await askRole());
  said.set("role", role);
  if ((role !== "lab-host" && role !== "collector") || (await exists(configPath(role)))) return said;
  if (!said.has("take-over") && (await isPythonHere(role))) await askTakeOver(said, role);
  const all = new Map(await withPython(said));
  // Whoever records goes on as before, and the token is there.
  if (role === "collector") await askCollector(all);
  else if (all.get("take-over") !== "yes" || !all.has("url")) await askHost(all);
  return all;
}

async function askTakeOver(said: Map<string, string>, role: Role): Promise<void> {
  const programs = role === "lab-host" ? "shipper" : "receiver and health check";
  const message = `The Python fleet's ${programs} is here: is labfleet to take its place, with its data where they lie?`;
  const options = [
    { value: "yes", label: "yes: its units are stopped, and run again when labfleet is uninstalled" },
    { value: "no", label: "no: it is left alone" },
  ];
  said.set("take-over", unlessCancelled(await select({ message, options })));
}

function roleIn(said: Said): string | undefined {
  return said.get("role") ?? (said.has("code") ? "lab-host" : undefined);
}

async function askRole(): Promise<Role> {
  return unlessCancelled(
    await select<Role>({
      message: "What is this machine to be?",
      options: [
        { value: "lab-host", label: "a lab host, which records and ships" },
        { value: "collector", label: "the collector, which takes what they ship" },
      ],
    }),
  );
}

async function askHost(said: Map<string, string>): Promise<void> {
  await ask(said, "host");
  await ask(said, "url");
  const url = said.get("url") ?? "";
  if (/^http:/i.test(url) && URL.canParse(url) && !isLoopback(url)) await askNetwork(said);
  else if (/^https:/i.test(url)) await askWay(said, "Who vouches for the collector's certificate?", TRUST);
  await askWay(said, "How does it get its token?", TOKEN);
  await ask(said, "recorder");
}

async function askNetwork(said: Map<string, string>): Promise<void> {
  if (said.has("trusted-network")) return;
  const message = "http:// proves nothing: can nobody else be on the way to it, as within WireGuard?";
  const options = [
    { value: "no", label: "somebody could" },
    { value: "yes", label: "nobody else" },
  ];
  said.set("trusted-network", unlessCancelled(await select({ message, options })));
}

async function askCollector(said: Map<string, string>): Promise<void> {
  await askWay(said, "Which certificate does it show?", CERTIFICATE);
  await ask(said, "listen");
}

/** Which way, and what that takes; a way of which a part is said is the one. */
async function askWay(said: Map<string, string>, message: string, ways: Ways): Promise<void> {
  const begun = ways.findIndex(([, names]) => names.some((name) => said.has(name)));
  const options = ways.map(([label], value) => ({ value, label }));
  const way = begun >= 0 ? begun : unlessCancelled(await select({ message, options }));
  for (const name of ways[way]?.[1] ?? []) await ask(said, name);
}

async function ask(said: Map<string, string>, name: string): Promise<void> {
  const question = QUESTIONS[name];
  if (question === undefined || said.has(name)) return;
  const { message, initial, example, fault } = question;
  const answer = await text({
    message,
    validate: (value) => fault((value ?? "").trim()),
    ...(initial !== undefined && { initialValue: initial }),
    ...(example !== undefined && { placeholder: example }),
  });
  said.set(name, unlessCancelled(answer).trim());
}

function unlessCancelled<T>(answer: T): Exclude<T, symbol> {
  if (isCancel(answer)) throw new UserError("nothing was changed", null, EXIT.undelivered);
  return answer as Exclude<T, symbol>;
}
