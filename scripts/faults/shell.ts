// One shell that stays open in a host and runs scripts one after the other: a login for each of thousands of small looks would
// cost more than what is looked at.

import { type Host, labDirectory } from "../../tests/systemd/bed.ts";

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

export interface Shell {
  /** Runs a script in /root, with an end at its first failure. */
  run(script: string, stdin?: string): Promise<Ran>;
  /** Ends it, and what it runs with the host. */
  close(): Promise<void>;
}

/** Reads a script and its input, base64 words of one line; answers with its code and what it printed, likewise. */
const LOOP = `cd /root; while read -r script input; do
  base64 -d <<<"$script" >/run/said.script; base64 -d <<<"$input" >/run/said.in
  bash -e /run/said.script </run/said.in >/run/said.out 2>/run/said.err; code=$?
  echo "$code $(base64 -w0 </run/said.out) $(base64 -w0 </run/said.err)"
done`;

const HOST_SH = new URL("../../tests/systemd/host.sh", import.meta.url).pathname;

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const plain = (word: string | undefined): string => Buffer.from(word ?? "", "base64").toString();

export function openShell({ name }: Host): Shell {
  const process = Bun.spawn(["bash", HOST_SH, "-s", labDirectory() ?? "", "exec", name, "bash", "-c", LOOP], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const lines = linesOf(process.stdout);
  let last: Promise<unknown> = Promise.resolve();
  const one = async (script: string, stdin: string): Promise<Ran> => {
    process.stdin.write(`${base64(script)} ${base64(stdin)}\n`);
    await process.stdin.flush();
    const { value, done } = await lines.next();
    if (done) throw new Error(`the shell in ${name} has ended`);
    const [code, stdout, stderr] = value.split(" ");
    return { code: Number(code), stdout: plain(stdout), stderr: plain(stderr) };
  };
  return {
    run(script, stdin = "") {
      const ran = last.then(() => one(script, stdin));
      last = ran.catch(() => undefined);
      return ran;
    },
    async close() {
      // A script that is under way could go on for long.
      process.kill("SIGKILL");
      await process.exited;
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  return undefined;
}
