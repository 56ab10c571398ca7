// What an operator reads when a configuration is wrong: everything at once, each with its line, never a secret.

import { describe, expect, test } from "bun:test";
import { UserError } from "../../lib/core/failure.ts";
import { parseShipperConfig } from "../../lib/shipper/config.ts";
import { inText } from "../support/in-text.ts";

const FILE = "lab-host.toml";
const EXAMPLE = "/opt/labfleet/current/units/lab-host.example.toml shows all that there are";

/** The lines of the refusal of a text. */
function refusal(text: string): string[] {
  try {
    parseShipperConfig(text, FILE);
  } catch (error) {
    if (error instanceof UserError && error.exitCode === 2) {
      if (error.message.includes("not valid TOML")) expect(error.hint).toBe(`mend ${FILE}`);
      return error.message.split("\n");
    }
    throw error;
  }
  throw new Error("the configuration was taken");
}

const warnings = (text: string): string[] => parseShipperConfig(text, FILE).warnings.map((one) => inText(one));

describe("a configuration with many mistakes", () => {
  const MISTAKES = `# the host
host_id = "-bad"
[paths]
data_root = 5

[receiver]
url = "ftp://collector.wg"
verify_tls = "yes"
[shipper]
scan_interval_s = 0
transfers = 99
backoff_seconds = [1, "two"]
disk_reserve = "lots"
commit_header = "a b"
scan_intervall_s = 4
[retention]
keep_local_for_days = -1
`;
  const RIGHT_LINES: Readonly<Record<string, number>> = {
    host_id: 2,
    "paths.data_root": 4,
    "receiver.url": 7,
    "receiver.verify_tls": 8,
    "shipper.scan_interval_s": 10,
    "shipper.transfers": 11,
    "shipper.backoff_seconds[1]": 12,
    "shipper.disk_reserve": 13,
    "shipper.commit_header": 14,
    "retention.keep_local_for_days": 17,
  };

  test("is told of all of them at once, each with file, line and key", () => {
    const expected = Object.entries(RIGHT_LINES).map(([key, line]) => `${FILE}:${line}: ${key} must be`);
    const got = refusal(MISTAKES).filter((line) => !line.includes("unknown key"));
    expect(got.map((line) => line.slice(0, line.indexOf(" must be") + 8)).sort()).toEqual(expected.sort());
  });

  test("is told of its misspelt keys in the same breath", () => {
    expect(refusal(MISTAKES)).toContain(
      `${FILE}:15: unknown key shipper.scan_intervall_s is ignored; fix: write shipper.scan_interval_s`,
    );
  });

  test("is told the rule and the value found", () => {
    const lines = refusal(MISTAKES);
    expect(lines).toContain(`${FILE}:11: shipper.transfers must be a whole number from 1 to 32, found 99`);
    expect(lines).toContain(
      `${FILE}:13: shipper.disk_reserve must be a size such as "16 GiB", or bytes as a whole number, found "lots"`,
    );
  });

  test("is told of them from the top of the file to its end", () => {
    const numbers = refusal(MISTAKES)
      .filter((line) => !line.includes("unknown key"))
      .map((line) => Number(line.split(":")[1]));
    expect(numbers).toEqual([2, 4, 7, 8, 10, 11, 12, 13, 14, 17]);
  });

  test("is told each rule once and in one sentence", () => {
    expect(refusal(MISTAKES).filter((line) => line.split(" must be ").length > 2)).toEqual([]);
  });
});

describe("what is missing", () => {
  test("is named with the line to write", () => {
    expect(refusal("")).toEqual([
      `${FILE}: host_id is missing: add host_id = "lab1"`,
      `${FILE}: receiver is missing: add [receiver] with url = "https://collector.wg:8443"`,
    ]);
    expect(refusal('host_id = "lab1"\n[receiver]\n')).toEqual([
      `${FILE}:2: receiver.url is missing: add url = "https://collector.wg:8443"`,
    ]);
  });

  test("is also a key that goes with another", () => {
    const text = 'host_id = "lab1"\n[receiver]\nurl = "https://x"\nclient_cert = "/a"\n';
    expect(refusal(text).join()).toContain("receiver.client_key is missing");
  });
});

describe("an unknown key", () => {
  const GOOD = 'host_id = "lab1"\n[receiver]\nurl = "https://x"\n';

  test("is a warning with its line and the nearest key, and the rest loads", () => {
    const text = `${GOOD}verify_tsl = false\n[retention]\nkeep_local_days = 3\n`;
    expect(warnings(text)).toEqual([
      `${FILE}:4: unknown key receiver.verify_tsl is ignored; fix: write receiver.verify_tls`,
      `${FILE}:6: unknown key retention.keep_local_days is ignored; fix: write retention.keep_local_for_days`,
    ]);
  });

  test("far from every key is a warning without a guess", () => {
    expect(warnings(`${GOOD}[colours]\nx = 1\n`)).toEqual([
      `${FILE}:4: unknown table [colours] is ignored; fix: remove the table; ${EXAMPLE}`,
    ]);
  });

  for (const [key, hint] of [
    ["hearbeat", "; fix: write [heartbeat]"],
    ["Nagios-Runner", "; fix: write [nagios_runner]"],
    ["nagios", "; fix: write [nagios_runner]"],
    ["plugin.camera", "; fix: write [plugins]"],
    ["retentoin", "; fix: write [retention]"],
  ] as const) {
    test(`that is a mistyped table is told with the table, be it another tool's: [${key}]`, () => {
      expect(warnings(`${GOOD}[${key}]\nx = 1\n`)).toEqual([
        `${FILE}:4: unknown table [${key.split(".")[0]}] is ignored${hint}`,
      ]);
    });
  }

  for (const [text, said] of [
    ["keep_local_for_days = 3", "receiver.keep_local_for_days is ignored; fix: move it to [retention]"],
    ['host_id = "b"', "receiver.host_id is ignored; fix: move it to the top of the file, before the first table"],
    ["[receiver.shipper]", "receiver.shipper is ignored; fix: write [shipper]"],
    ["[shipper]\nbackoff = [1]", "shipper.backoff is ignored; fix: write shipper.backoff_seconds"],
    ['token_file = "/x"', "receiver.token_file is ignored; fix: write receiver.bearer_token_file"],
    ['token = "x"', "receiver.token is ignored; fix: write receiver.bearer_token"],
    // Which of client_cert and client_key is meant, nobody can know.
    ['client = "x"', `receiver.client is ignored; fix: remove the line; ${EXAMPLE}`],
  ] as const) {
    test(`that is known elsewhere, or cut short, is told where to: ${text.replace("\n", " ")}`, () => {
      expect(warnings(`${GOOD}${text}\n`).map((line) => line.replace(/^.*unknown key /, ""))).toEqual([said]);
    });
  }

  test("of strange characters steers no terminal", () => {
    expect(warnings(`${GOOD}"a\\u001b[31m.b" = 1\n`)).toEqual([
      `${FILE}:4: unknown key receiver."a\\u001b[31m.b" is ignored; fix: remove the line; ${EXAMPLE}`,
    ]);
  });

  for (const key of ["toString", "constructor", "__proto__", "hasOwnProperty"]) {
    test(`named ${key} is unknown like any other`, () => {
      expect(warnings(`${GOOD}${key} = 1\n`).join()).toContain(`unknown key receiver.${key}`);
    });
  }

  test("of another tool's section is none of ours", () => {
    const foreign =
      '[heartbeat]\ninterval_s = 60\nanything = 1\n[nagios_runner]\ntimeout = 5\ncommands = [{ name = "x" }]\n';
    expect(warnings(GOOD + foreign)).toEqual([]);
  });

  test("never shows its value: it may be a misspelt secret", () => {
    expect(warnings(`${GOOD}bearer_tokn = "s3cret"\n`).join()).not.toContain("s3cret");
  });
});

describe("a secret", () => {
  const HEAD = 'host_id = "lab1"\n[receiver]\nurl = "https://x"\n';
  for (const [what, text] of Object.entries({
    "of a wrong type": `${HEAD}bearer_token = ["s3cret"]\n`,
    "in a table": `${HEAD}bearer_token = { value = "s3cret" }\n`,
    "without quotes": `${HEAD}bearer_token = s3cret\n`,
    "without an end quote": `${HEAD}bearer_token = "s3cret\n`,
    "without an equals sign": `${HEAD}bearer_token "s3cret"\n`,
    "after a colon": `${HEAD}bearer_token: "s3cret"\n`,
    "after a colon and ending in =": `${HEAD}bearer_token: "s3cret=="\n`,
    "in an open multi-line string": `${HEAD}bearer_token = """\ns3cret\n`,
    "on a line of its own": `${HEAD}bearer_token =\n"s3cret"\n`,
    "on a line of an array": `${HEAD}bearer_token = [\n["s3cret"] x\n]\n`,
    "among others on a line of an array": `${HEAD}x = [\n["-p", "s3cret"] x\n]\n`,
    "given twice": `${HEAD}bearer_token = "s3cret"\nbearer_token = "s3cret"\n`,
    "in the URL": 'host_id = "lab1"\n[receiver]\nurl = "https://me:s3cret@collector.wg"\n',
    "beside another mistake": `${HEAD}bearer_token = "s3cret"\nverify_tls = 3\n`,
  })) {
    test(`${what} is never shown`, () => {
      expect(refusal(text).join("\n")).not.toContain("s3cret");
    });
  }

  test("in a key that is no TOML steers no terminal", () => {
    expect(refusal(`${HEAD}"a\u001b[31m" = 1\n`).join("\n")).not.toContain("\u001b");
  });

  test("without an equals sign of its own, ending in =, is never shown", () => {
    expect(refusal(`${HEAD}bearer_token "s3cret=="\n`).join("\n")).not.toContain("s3cret");
  });
});

describe("a text that is no TOML", () => {
  for (const [line, hint] of [
    ["host_id = lab1", '; text stands in quotes: host_id = "…"'],
    ["data_root = /var/lib/x # here", '; text stands in quotes: data_root = "…"'],
    ["url = https://collector.wg:8443", '; text stands in quotes: url = "…"'],
    ["verify_tls = yes", '; text stands in quotes: verify_tls = "…"'],
    ['host_id = "lab1', ""],
    ["transfers = 2x", ""],
    ["plugins = [a", ""],
    ["verify_tls = true x", '; text stands in quotes: verify_tls = "…"'],
  ] as const) {
    test(`${line}: ${hint === "" ? "no hint" : "a hint at quotes, without the value"}`, () => {
      const [said = ""] = refusal(`${line}\n`);
      expect(said.split("; ").slice(1).join("; ")).toBe(hint.slice(2));
      expect(said).toContain("not valid TOML");
    });
  }

  for (const [what, text, place] of [
    ["an open bracket", 'host_id = "lab1"\n[receiver\nurl = 1\n', ":2:"],
    ["a bare word", "host_id = lab1\n", ":1:"],
    ["a key twice", 'host_id = "a"\nhost_id = "b"\n', ":2:"],
    ["a table twice", "[receiver]\n[paths]\n[receiver]\n", ":3:"],
    ["an open string", 'host_id = "lab1\n', ":1:"],
    ["NUL bytes, as a power cut leaves them", "\0\0\0\0", ":1:"],
    ["a page", "<!DOCTYPE html>\n", ":1:"],
  ] as const) {
    test(`because of ${what} is refused with its line`, () => {
      const lines = refusal(text);
      expect(lines.length).toBe(1);
      expect(lines[0]).toStartWith(FILE + place);
      expect(lines[0]).toContain("not valid TOML");
    });
  }
});
