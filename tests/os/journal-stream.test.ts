// The connection to journald that is made anew: what journald is told, and which descriptors lead there afterwards.

import { expect, onTestFinished, test } from "bun:test";
import { join } from "node:path";
import { PROJECT } from "../support/compiled.ts";
import { tempDir } from "../support/temp-dir.ts";

const PROGRAM = `
import { fstatSync, readFileSync } from "node:fs";
import { reopenJournal } from ${JSON.stringify(join(PROJECT, "lib/os/journal-stream.ts"))};
import { writeNow } from ${JSON.stringify(join(PROJECT, "lib/os/file-calls.ts"))};
const [, , socket] = process.argv;
const { dev, ino } = fstatSync(1);
const stream = reopenJournal("a-tool", socket);
writeNow(2, Buffer.from("<4>a line\\n"));
const flags = /flags:\\s*(\\d+)/.exec(readFileSync("/proc/self/fdinfo/2", "utf8"))?.[1];
const now = fstatSync(1);
const facts = { stream, two: \`\${fstatSync(2).dev}:\${fstatSync(2).ino}\`, moved: now.ino !== ino || now.dev !== dev, flags };
writeNow(2, Buffer.from(JSON.stringify(facts) + "\\n"));
writeNow(1, Buffer.from(JSON.stringify(facts) + "\\n"));
`;

/** Takes streams as journald does; gives all that came. */
function journald(path: string): { said: () => string } {
  let text = "";
  const server = Bun.listen({
    unix: path,
    socket: {
      data: (_, chunk) => {
        text += chunk.toString();
      },
    },
  });
  onTestFinished(() => server.stop(true));
  return { said: () => text };
}

/** Runs the program with its outputs as the shell line says. */
async function run(directory: string, redirect: string): Promise<string> {
  const file = join(directory, "program.ts");
  await Bun.write(file, PROGRAM);
  const line = `"$0" ${file} ${join(directory, "socket")} ${redirect}`;
  const child = Bun.spawn(["/bin/sh", "-c", line, process.execPath], { stdout: "pipe", stderr: "ignore" });
  const out = await child.stdout.text();
  await child.exited;
  return out;
}

test("journald is told the identifier and that <PRI> is to be read; both outputs lead there, and its number is known", async () => {
  const directory = tempDir();
  const { said } = journald(join(directory, "socket"));
  await run(directory, ">both 2>&1".replace("both", join(directory, "both")));
  while (!/}\n.*}\n$/s.test(said())) await Bun.sleep(10);
  const [header, rest] = said().split("0\n0\n0\n");
  expect(header).toBe("a-tool\n\n6\n1\n");
  const [line, facts = ""] = (rest ?? "").split("\n");
  expect(line).toBe("<4>a line");
  const { stream, two, moved, flags } = JSON.parse(facts);
  expect(stream).toMatch(/^\d+:\d+$/);
  expect({ two, moved }).toEqual({ two: stream, moved: true });
  // Children inherit it, and a write of theirs waits: neither O_CLOEXEC nor O_NONBLOCK.
  expect(Number.parseInt(flags, 8) & 0o2004000).toBe(0);
});

test("standard output that led elsewhere stays there", async () => {
  const directory = tempDir();
  const { said } = journald(join(directory, "socket"));
  const out = await run(directory, "2>/dev/null");
  expect(JSON.parse(out)).toMatchObject({ moved: false, stream: expect.stringMatching(/^\d+:\d+$/) });
  while (!said().includes("<4>a line\n")) await Bun.sleep(10);
});

test("where nobody takes streams nothing changes", async () => {
  const out = await run(tempDir(), "2>/dev/null");
  expect(JSON.parse(out)).toMatchObject({ stream: null, moved: false });
});
