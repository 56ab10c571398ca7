// No secret gets through into a log; what helps to tell who it was does.

import { describe, expect, test } from "bun:test";
import { cutBytes } from "../../../lib/core/text/utf8.ts";
import { maskCommandLine } from "../../../lib/runtime/diagnostic/mask.ts";
import { type Random, seededRandom } from "../../support/random.ts";

for (const [words, shown] of [
  [["/lib/systemd/systemd", "--switched-root", "--system", "--deserialize", "31"], null],
  [["bash", "-l"], null],
  [["/usr/bin/python3", "/opt/recorder/main.py"], null],
  [["sshd: lab@pts/0"], null],
  [["/usr/sbin/cron", "-f", "-P"], null],
  [["/usr/sbin/NetworkManager", "--no-daemon"], null],
  [["timeout", "-k", "5", "30", "shipper", "once"], null],
  [["/usr/lib/policykit-1/polkit-agent-helper-1"], null],
  [["nginx: master process /usr/sbin/nginx -g daemon off;"], null],
  [["sh", "-c", "cd /opt/recorder && exec python3 main.py > log 2>&1"], null],
  [["docker", "run", "-e", "LINEAR_API_KEY=lin_1", "img"], "docker run -e LINEAR_API_KEY=*** img"],
  [["x", "--password=hunter2"], "x --password=***"],
  [["x", "--token", "abc"], "x --token ***"],
  [["x", "-token", "abc", "run"], "x -token *** run"],
  [["x", "--api-key", "abc def", "run"], "x --api-key *** run"],
  [["curl", "-u", "me:pw", "http://h/"], "curl -u *** http://h/"],
  [["sshpass", "-p", "pw", "ssh", "host"], "sshpass -p *** ssh host"],
  [["curl", "https://me:pw@host/path"], "curl https://***@host/path"],
  [["curl", "https://host/path?sig=abc&x=1"], "curl https://host/path?***"],
  [["curl", "-H", "Authorization: Bearer abc def"], "curl -H Authorization:***"],
  [["curl", "-H", "X-Auth-Token: abc"], "curl -H X-Auth-Token:***"],
  [["sh", "-c", "TOKEN=abc exec run --secret 'a b' now"], "sh -c TOKEN=*** exec run --secret *** now"],
  [["sh", "-c", 'PASSWORD="two words" run'], "sh -c PASSWORD=*** run"],
  [["agent", "lf_9f86d081884c7d659a2feaa0c55ad015"], "agent ***"],
  [["agent", "ghp_aBcDeFgHiJkLmNoPqRsTuVwX"], "agent ***"],
  [["agent", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"], "agent ***"],
  [["agent", "AKIAIOSFODNN7EXAMPLE"], "agent ***"],
  [["agent", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"], "agent ***"],
  [["/opt/3f2504e04f8911d39a0c0305e82c3301/main.py"], "/opt/***/main.py"],
  [["curl", "-d", '{"password":"canary5"}', "http://h/"], "curl -d *** http://h/"],
  [["x", '{"env":[{"name":"P","value":"canary5"}]}'], "x ***"],
  [["python3", "-c", "x = {'password': 'canary5'}"], "python3 -c x = {password: ***"],
  [["mysql", "-pcanary5"], "mysql -p***"],
  [["curl", "-uME:PW", "http://h/"], "curl -u*** http://h/"],
  [["curl", "-sume:pw", "http://h/"], "curl -su*** http://h/"],
  [["curl", "-su", "me:pw", "http://h/"], "curl -su *** http://h/"],
  [["bash", "-c", "curl -u me:pw http://h/"], "bash -c curl -u *** http://h/"],
  [["sh", "-c", "bash -c 'mysql -pcanary5 -h db' now"], "sh -c bash -c mysql -p*** -h db now"],
  [["ssh", "host", "x --token 'canary 5' now"], "ssh host x --token *** now"],
  [["sh", "-c", 'PASS="x"rest run'], "sh -c PASS=*** run"],
  [["sh", "-c", "PASS=two\\ words run"], "sh -c PASS=*** run"],
  [["sh", "-c", "x --password=$(echo canary 5) now"], "sh -c x --password=*** now"],
  [["sh", "-c", "$(curl -u me:pw h)"], "sh -c $(curl -u *** h)"],
  [["sh", "-c", "curl -H 'Authorization: Bearer abc' http://h/"], "sh -c curl -H Authorization:*** http://h/"],
  [["sh", "-c", "curl -H Authorization: Bearer abc"], "sh -c curl -H Authorization: ***"],
  [["x", "Authorization:", "Bearer", "abc"], "x Authorization: ***"],
  [["env", "PASS=two words", "run"], "env PASS=*** run"],
  [["x", "--jwt", "abc"], "x --jwt ***"],
  [["x", "--otp", "123456"], "x --otp ***"],
  [["x", "--pin", "1234"], "x --pin ***"],
  [["ping", "host"], null],
  [["x", "bearer", "word"], "x bearer ***"],
  [["x", "--auth", "bearer", "word"], "x --auth *** ***"],
  [["x", "SECRET_KEY", "word"], "x SECRET_KEY ***"],
  [["x", "PASSWORD", "=", "word"], "x PASSWORD = ***"],
  [["rsync", "me:pw@host:/x"], "rsync ***@host:/x"],
  [["curl", "https://me:p/w@host/path"], "curl https://***@host/path"],
] as const) {
  test(`${words.join(" ")}`, () => {
    expect(maskCommandLine(words)).toBe(shown ?? words.join(" "));
  });
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz";
const UPPER = LETTERS.toUpperCase();
const DIGITS = "0123456789";
const secret = (random: Random, alphabet: string, length: number): string =>
  Array.from({ length }, () => random.pick([...alphabet])).join("");

describe("a secret of a generator never appears, wherever it stands", () => {
  for (const [what, alphabet, shortest] of [
    ["letters and digits", LETTERS + UPPER + DIGITS, 16],
    ["letters", LETTERS + UPPER, 16],
    ["small letters", LETTERS, 16],
    ["small letters and digits", LETTERS + DIGITS, 16],
    ["hexadecimal digits", `${DIGITS}abcdef`, 16],
    ["digits", DIGITS, 16],
    ["base32", `${UPPER}234567`, 16],
    ["base58", "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 16],
    // With separators in it, a short one may look like words.
    ["base64", `${LETTERS}${UPPER}${DIGITS}+/`, 22],
    ["base64url", `${LETTERS}${UPPER}${DIGITS}-_`, 22],
  ] as const) {
    test(what, () => {
      const random = seededRandom(13);
      for (let i = 0; i < 500; i++) {
        const hidden = secret(random, alphabet, random.between(shortest, 48));
        for (const words of [
          [hidden],
          ["agent", "run", hidden, "now"],
          ["agent", `/opt/${hidden}/x`],
          ["agent", `https://host/${hidden}/x`],
          ["sh", "-c", `cd /opt; agent ${hidden} now`],
          ["sh", "-c", `bash -c 'agent "${hidden}" now'`],
        ])
          expect(maskCommandLine(words)).not.toContain(hidden);
      }
    });
  }
});

describe("a short secret never appears behind", () => {
  const PLACES: Readonly<Record<string, (name: string, hidden: string) => string[]>> = {
    "an option": (name, hidden) => [`--${name}`, hidden],
    "an option with =": (name, hidden) => [`--${name}=${hidden}`],
    "an assignment": (name, hidden) => [`${name.toUpperCase()}=${hidden}`],
    "a bare name": (name, hidden) => [name, hidden],
    "a header": (name, hidden) => ["-H", `X-${name}: ${hidden}`],
    "a name with a colon": (name, hidden) => [`${name}:`, hidden],
    JSON: (name, hidden) => [JSON.stringify({ a: 1, [name]: hidden })],
    "-p": (_, hidden) => ["-p", hidden],
    "-p, glued": (_, hidden) => [`-p${hidden}`],
    "-u, glued": (_, hidden) => [`-ume:${hidden}`],
    "a user in a URL": (_, hidden) => [`https://me:${hidden}@host/x`],
  };
  const NAMES = [
    "password",
    "token",
    "api-key",
    "secret",
    "jwt",
    "otp",
    "pin",
    "bearer",
    "auth",
    "credentials",
    "db_pass",
  ];
  for (const [what, place] of Object.entries(PLACES)) {
    test(what, () => {
      const random = seededRandom(7);
      for (let i = 0; i < 500; i++) {
        // Capitals alone: no other word here has one of them twice.
        const hidden = `Q${secret(random, `${UPPER}${DIGITS}.,:%`, random.between(4, 12))}Q`;
        const words = place(random.pick(NAMES), hidden);
        const script = words.map((word) => `'${word}'`).join(" ");
        for (const line of [
          ["x", ...words, "now"],
          ["sh", "-c", `cd /; x ${script} now`],
          ["ssh", "host", `sh -c "x ${script.replaceAll('"', '\\"')}"`],
        ])
          expect(maskCommandLine(line)).not.toContain(hidden);
      }
    });
  }
});

test("nothing that a command line may hold is too much for it", () => {
  const random = seededRandom(3);
  const pieces = ["'", '"', "\\", "`", "$(", ")", " ", "\n", "{", '"a":', "-p", "--token", "=", "x", "😀", "password:"];
  for (let i = 0; i < 2000; i++) {
    const words = Array.from({ length: 3 }, () => Array.from({ length: 12 }, () => random.pick(pieces)).join(""));
    expect(typeof maskCommandLine(["sh", "-c", ...words])).toBe("string");
  }
  for (const long of ["a", "-", "a-", "token", "(", "$(", "'", "a ", '"\\'])
    expect(maskCommandLine([long.repeat(2000)])).toBeString();
});

test("of endless words only the first are shown", () => {
  expect(maskCommandLine(["x", "a ".repeat(5000)])).toBe(`x ${"a ".repeat(200)}…`);
  expect(maskCommandLine(["x", "ä".repeat(513), "y"])).toBe("x *** y");
});

test("a text is cut between characters, and shows that it was", () => {
  expect(cutBytes("abcdef", 6)).toBe("abcdef");
  expect(cutBytes("abcdefg", 6)).toBe("abc…");
  expect(cutBytes("ääää", 7)).toBe("ää…");
  expect(cutBytes("😀😀😀", 8)).toBe("😀…");
});
