// Every verb of every executable where standard output, standard error, the terminal or the working directory is gone or
// full: never a message of the runtime, never a stack, and never an exit code that means something else.

import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { shellLine } from "../../lib/core/text/shell-quote.ts";
import { lockHolder } from "../../lib/os/files/lock.ts";
import { executables } from "../support/compiled.ts";
import { unixReceiver } from "../support/datagrams.ts";
import { makeLab, type Verb, verbs } from "../support/every-verb.ts";
import { isDaemon, SPECS } from "../support/tools.ts";

setDefaultTimeout(180_000);

interface Situation {
  what: string;
  /** A shell line in which `verb` is the call, and whose exit code is written by `code`. */
  line: string;
  /** The answer cannot get through, though somebody wants it: exit 3 where there is one. */
  undelivered?: boolean;
  /** Nobody sees the answer, and nobody wants it: that is no fault, but of a verb that shows something only once. */
  unseen?: boolean;
}

/** What they answer cannot be asked for again: unseen, they do nothing and exit 3. */
const SHOWN_ONCE: readonly string[] = ["receiver token add lab1", "receiver enrol --url https://hub:8443"];

/** `verb` runs the command, `code` notes its exit code. */
const SITUATIONS: readonly Situation[] = [
  { what: "the working directory was deleted", line: 'mkdir gone; cd gone; rmdir "$PWD"; verb; code' },
  { what: "standard output is full", line: "verb >/dev/full; code", undelivered: true },
  { what: "standard error is full", line: "verb 2>/dev/full; code" },
  { what: "standard output is closed", line: "verb >&-; code", unseen: true },
  { what: "standard error is closed", line: "verb 2>&-; code" },
  { what: "all three are closed", line: "verb <&- >&- 2>&-; code", unseen: true },
  {
    what: "nobody reads standard output",
    line: "{ until [ -e left ]; do sleep 0.01; done; verb; code; } | { :; }",
    unseen: true,
  },
  {
    what: "nobody reads standard error",
    line: "{ until [ -e left ]; do sleep 0.01; done; verb; code; } 2>&1 >out | :",
  },
  {
    what: "the terminal was closed",
    // Its other side is held by script(1), which is killed before the verb runs.
    line: `script -qec 'trap "" HUP; echo $PPID >script; until [ -e left ]; do sleep 0.01; done; . ./verb.sh; verb; code' \\
      /dev/null </dev/null >/dev/null & until [ -s script ]; do sleep 0.01; done; kill -KILL $(cat script) $!
      until [ -e exit ]; do sleep 0.01; done`,
    unseen: true,
  },
];

interface Outcome {
  code: number;
  out: string;
  err: string;
}

async function run({ tool, words, isConfigured }: Verb, line: string): Promise<Outcome> {
  using lab = makeLab();
  const { directory } = lab;
  const call = [join(executables(), tool), ...words, ...(isConfigured ? ["--config", lab.configOf(tool)] : [])];
  const exit = join(directory, "exit");
  writeFileSync(
    join(directory, "verb.sh"),
    `verb() { ${shellLine(call)}; }\ncode() { echo $? >${exit}.new; mv ${exit}.new ${exit}; }\n`,
  );
  // Whoever reads or holds the terminal has left after so long.
  const left = setTimeout(() => writeFileSync(join(directory, "left"), ""), 300);
  const shell = Bun.spawn(["/bin/sh", "-c", `. ./verb.sh\n${line}`], {
    cwd: directory,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([shell.stdout.text(), shell.stderr.text()]);
  await shell.exited;
  clearTimeout(left);
  const code = Number(readFileSync(exit, "utf8"));
  return { code, out, err };
}

const OUTPUTS = [
  ["closed", "<&- >&- 2>&-"],
  ["full", ">/dev/full 2>/dev/full"],
] as const;

/** What a person must never read: a stack, the runtime's name, its own way to report an error. */
const OF_THE_RUNTIME = /^ {4}at |\bBun\b|\bbun\b|^error: |uncaught|unhandled|this is a bug/im;

for (const [tool, spec] of SPECS) {
  let known: Promise<Map<Verb, Outcome>> | null = null;
  const usually = (): Promise<Map<Verb, Outcome>> => {
    known ??= eachOf(verbs(spec), (verb) => run(verb, "verb; code"));
    return known;
  };

  test(`${spec.name}: every verb does its work or says in one sentence what it lacks`, async () => {
    for (const [{ words }, { code, out, err }] of await usually()) {
      const what = [spec.name, ...words].join(" ");
      expect([0, 1, 2, 3, 4], what).toContain(code);
      expect(err, what).not.toMatch(OF_THE_RUNTIME);
      expect(out + err, what).not.toBe("");
    }
  });

  for (const { what, line, undelivered = false, unseen = false } of SITUATIONS) {
    test(`${spec.name}: every verb while ${what}`, async () => {
      const outcomes = await eachOf(verbs(spec), (verb) => run(verb, line));
      const usual = new Map([...(await usually())].map(([{ words }, outcome]) => [words.join(" "), outcome]));
      const got = [...outcomes].map(([{ words }, { code }]) => `${words.join(" ")}: ${code}`);
      const wanted = [...outcomes].map(([{ words }]) => {
        const as = usual.get(words.join(" ")) ?? { code: -1, out: "" };
        const isLost =
          (undelivered && as.out !== "") || (unseen && SHOWN_ONCE.includes([spec.name, ...words].join(" ")));
        return `${words.join(" ")}: ${isLost ? 3 : as.code}`;
      });
      expect(got).toEqual(wanted);
      for (const [{ words }, { err }] of outcomes) expect(err, words.join(" ")).not.toMatch(OF_THE_RUNTIME);
      if (!undelivered) return;
      for (const [{ words }, { code, err }] of outcomes) {
        const isLost = code === 3 && usual.get(words.join(" "))?.code !== 3;
        if (isLost) expect(err, words.join(" ")).toContain("cannot be written to standard output: ENOSPC");
      }
    });
  }

  for (const [what, redirection] of isDaemon(tool) ? OUTPUTS : []) {
    test(`${spec.name}: the daemon starts, works and stops while its outputs are ${what}`, async () => {
      using lab = makeLab();
      const notify = await unixReceiver(join(lab.directory, "notify"));
      const call = shellLine([join(executables(), spec.name), "--config", lab.configOf(spec.name)]);
      mkdirSync(join(lab.directory, "gone"));
      const child = Bun.spawn(["/bin/sh", "-c", `cd gone; rmdir "$PWD"; exec ${call} ${redirection}`], {
        cwd: lab.directory,
        env: { ...process.env, NOTIFY_SOCKET: join(lab.directory, "notify") },
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
      });
      while (!(await notify.next()).includes("READY=1"));
      const instance = { tool: spec.name, dataRoot: lab.dataRoot(spec.name), runDir: lab.runDir(spec.name) };
      expect(lockHolder(instance)).toBe(child.pid);
      child.kill("SIGTERM");
      expect(await child.exited).toBe(0);
      expect(existsSync(join(lab.dataRoot(spec.name), "ends/running.json"))).toBe(true);
    });
  }
}

/** Some at a time: they are short, and the machine is not ours alone. */
async function eachOf<K, V>(keys: readonly K[], work: (key: K) => Promise<V>): Promise<Map<K, V>> {
  const done = new Map<K, V>();
  const left = [...keys.entries()];
  const results: V[] = [];
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) results[next[0]] = await work(next[1]);
    }),
  );
  for (const [i, key] of keys.entries()) done.set(key, results[i] as V);
  return done;
}
