// What a person is asked, at a real terminal: what is known already is not asked, what cannot be is said at once, and Ctrl-C ends it.

import { afterEach, expect, test } from "bun:test";
import { join } from "node:path";
import { PROJECT } from "../support/compiled.ts";

const open: Disposable[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one[Symbol.dispose]();
});

const DOWN = "\x1b[B";
const CTRL_C = "\x03";
const MARK = "SAID ";
const SCRIPT = `
  const { askMissing } = await import(${JSON.stringify(join(PROJECT, "lib/installer/questions.ts"))});
  try {
    const said = await askMissing(new Map(JSON.parse(process.argv[1])));
    console.log("${MARK}" + JSON.stringify(Object.fromEntries(said)));
  } catch (error) {
    console.log("${MARK}" + error.message);
  }`;

/** Answers one question after the other, each when it stands there. @returns what is said then */
async function talk(
  before: Record<string, string>,
  answers: readonly (readonly [question: string, keys: string])[],
  cols = 80,
): Promise<string> {
  let shown = "";
  let heard: () => void = () => undefined;
  const child = Bun.spawn([process.execPath, "-e", SCRIPT, JSON.stringify(Object.entries(before))], {
    env: { ...process.env, HOSTNAME: "", TERM: "xterm" },
    terminal: {
      ...{ cols, rows: 40 },
      data(_, bytes) {
        shown += new TextDecoder().decode(bytes);
        heard();
      },
    },
  });
  open.push({ [Symbol.dispose]: () => child.kill() });
  const seen = async (part: string): Promise<void> => {
    while (!shown.replaceAll(/\s+/g, " ").includes(part))
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
    shown = "";
  };
  for (const [question, keys] of answers) {
    await seen(question);
    // Only once the prompt listens: what comes before it is shown, and lost.
    for (const key of keys === DOWN ? [DOWN] : keys) child.terminal?.write(key);
    if (keys !== CTRL_C) child.terminal?.write("\r");
  }
  while (!/SAID [^\n]*\n/.test(shown))
    await new Promise<void>((resolve) => {
      heard = resolve;
    });
  await child.exited;
  return /SAID (.*?)\r?\n/.exec(shown)?.[1] ?? "";
}

const CLEAR = "\x15";

test("a lab host is asked for its name, its collector, whom to trust and how it gets its token", async () => {
  const digest = "ab".repeat(32);
  const code = "0123456789abcdefghjk";
  const said = await talk({}, [
    ["What is this machine to be?", ""],
    ["By which name does the fleet know this host?", `${CLEAR}lab 1`],
    ["it has 1 to 128 of", `${CLEAR}lab1`],
    ["Where is its collector?", "hub:8443"],
    ["it has to be an http:// or https:// URL", `${CLEAR}https://hub:8443`],
    ["Who vouches for the collector's certificate?", ""],
    ["The fingerprint", digest],
    ["How does it get its token?", ""],
    ["The code", `${code}0`],
    ["it has 20 characters", `${CLEAR}${code}`],
    ["Which user records here", `${CLEAR}alice`],
  ]);
  expect(JSON.parse(said)).toEqual({
    ...{ role: "lab-host", host: "lab1", url: "https://hub:8443", "ca-sha256": digest, code, recorder: "alice" },
  });
});

test("what is said already is not asked", async () => {
  const all = {
    role: "lab-host",
    host: "lab1",
    url: "https://hub:8443",
    "ca-bundle": "/ca",
    "token-file": "/t",
    recorder: "",
  };
  expect(JSON.parse(await talk(all, []))).toEqual(all);
  expect(
    JSON.parse(await talk({ code: "x", host: "lab1", url: "https://hub", "ca-sha256": "y", recorder: "" }, [])),
  ).toMatchObject({
    role: "lab-host",
  });
  const plain = { role: "lab-host", host: "lab1", url: "http://hub", "token-file": "/t", recorder: "" };
  expect(JSON.parse(await talk(plain, [["http:// proves nothing", DOWN]]))).toEqual({
    ...{ ...plain, "trusted-network": "yes" },
  });
});

test("a collector is asked for its names, or for a certificate that it has", async () => {
  const own = await talk({}, [
    ["What is this machine to be?", DOWN],
    ["Which certificate does it show?", ""],
    ["By which names and addresses", `${CLEAR}hub wg`],
    ["hub wg", `${CLEAR}hub.wg,10.77.0.11`],
    ["Where does it listen?", ""],
  ]);
  expect(JSON.parse(own)).toEqual({ role: "collector", name: "hub.wg,10.77.0.11", listen: "0.0.0.0:8443" });
  const brought = await talk({ role: "collector", listen: "[::]:443" }, [
    ["Which certificate does it show?", DOWN],
    ["In which file is its certificate?", "/a.crt"],
    ["In which file is the key of that?", "/a.key"],
  ]);
  expect(JSON.parse(brought)).toMatchObject({ "tls-certificate": "/a.crt", "tls-key": "/a.key" });
});

test.each([0, 1, 2, 3])("Ctrl-C at question %i ends it", async (at) => {
  const questions = ["What is this machine to be?", "By which name", "Where is its collector?", "Who vouches"];
  const keys = ["", "", "https://hub", ""];
  const talked = questions
    .slice(0, at + 1)
    .map((question, i) => [question, i === at ? CTRL_C : (keys[i] ?? "")] as const);
  expect(await talk({}, talked)).toBe("nothing was changed");
});

test("a narrow terminal asks the same", async () => {
  const said = await talk(
    { role: "lab-host", url: "https://hub", "ca-bundle": "/ca", "token-file": "/t", recorder: "" },
    [["host?", ""]],
    40,
  );
  expect(JSON.parse(said)).toHaveProperty("host");
});
