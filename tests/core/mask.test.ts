// No secret gets through into a log; what helps to tell who it was does.

import { expect, test } from "bun:test";
import { cutBytes, maskCommandLine } from "../../lib/core/mask.ts";

for (const [words, shown] of [
  [["/lib/systemd/systemd", "--switched-root", "--system", "--deserialize", "31"], null],
  [["bash", "-l"], null],
  [["/usr/bin/python3", "/opt/recorder/main.py"], null],
  [["sshd: lab@pts/0"], null],
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
] as const) {
  test(`${words.join(" ")}`, () => {
    expect(maskCommandLine(words)).toBe(shown ?? words.join(" "));
  });
}

test("a text is cut between characters, and shows that it was", () => {
  expect(cutBytes("abcdef", 6)).toBe("abcdef");
  expect(cutBytes("abcdefg", 6)).toBe("abc…");
  expect(cutBytes("ääää", 7)).toBe("ää…");
  expect(cutBytes("😀😀😀", 8)).toBe("😀…");
});
