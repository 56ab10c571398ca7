// The gate: a file of accepted commits, one a line, read again when it changed.

import { inWords } from "../../core/finding.ts";
import { SaidOnce } from "../../core/said-once.ts";
import { quoted } from "../../core/text/fields.ts";
import type { Log } from "../../runtime/log/log.ts";
import type { Accepted } from "../decide.ts";
import { watchFile } from "./watched-file.ts";

/** Reads the gate file's text: one commit a line, `#` begins a comment. Throws when there is none in it. */
export function parseCommits(text: string): ReadonlySet<string> {
  const commits = new Set<string>();
  for (const line of text.split("\n")) {
    const commit = line.replace(/#.*/, "").trim();
    if (commit !== "") commits.add(commit);
  }
  // An empty file is a write that was torn or is not done yet: to refuse every episode for it would empty the fleet's queues
  // into quarantine.
  if (commits.size === 0) throw new Error("it holds no commit");
  return commits;
}

/**
 * Returns a function that gives the accepted commits of now.
 * @param file null: any stamped commit is accepted
 */
export function createGate(file: string | null, log: Log): () => Accepted {
  if (file === null) return () => ({ kind: "any" });
  const read = watchFile(file, parseCommits);
  const said = new SaidOnce();
  const say = (state: string, speak: () => void): void => {
    if (said.isNews(file, state)) speak();
  };
  return () => {
    const state = read();
    switch (state.kind) {
      case "read":
        say("read", () => log.info(`gate: ${state.value.size} accepted commits in ${file}`));
        return { kind: "list", commits: state.value };
      case "absent":
        say("absent", () =>
          log.warn({
            what: `gate: ${file} does not exist: any stamped commit is accepted`,
            fix: inWords("write one commit a line into it"),
          }),
        );
        return { kind: "any" };
      case "unreadable":
        say(state.why, () =>
          log.error({
            what: `gate: cannot use ${file}: ${quoted(state.why)}`,
            fix: inWords("write one commit a line into it, readable for this service"),
          }),
        );
        return { kind: "unreadable" };
    }
  };
}
