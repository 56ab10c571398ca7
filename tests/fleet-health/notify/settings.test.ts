import { expect, test } from "bun:test";
import { parseFleetHealthConfig } from "../../../lib/fleet-health/config.ts";
import { parseReceiverConfig } from "../../../lib/receiver/config.ts";

const parse = (text: string) => parseFleetHealthConfig(text, "collector.toml");
const said = (text: string): string[] => {
  try {
    parse(text);
    return [];
  } catch (error) {
    return error instanceof Error ? error.message.split("\n") : [];
  }
};
const TEXT = `[[notify]]
name = "ops"
type = "ntfy"
url = "https://ntfy.example/labfleet"
token_file = "/etc/labfleet/ntfy-token"
symptoms = ["silent", "paused", "collector-down"]
hosts = ["lab1"]
quiet = { from = "22:00", to = "07:00", zone = "Europe/Berlin" }

[[notify]]
name = "pager"
type = "command"
command = ["/usr/local/bin/page", "--urgent"]
`;

test("channels are read as they stand, and the receiver leaves them alone", () => {
  expect(parse(TEXT).config.channels).toEqual([
    {
      ...{ name: "ops", type: "ntfy", url: "https://ntfy.example/labfleet", urlFile: null },
      ...{ tokenFile: "/etc/labfleet/ntfy-token", command: [], symptoms: ["silent", "paused", "collector-down"] },
      ...{ hosts: ["lab1"], quiet: { from: 1320, to: 420, zone: "Europe/Berlin" } },
    },
    {
      ...{ name: "pager", type: "command", url: null, urlFile: null, tokenFile: null },
      ...{ command: ["/usr/local/bin/page", "--urgent"], symptoms: null, hosts: null, quiet: null },
    },
  ]);
  expect(parse(TEXT).warnings).toEqual([]);
  expect(parseReceiverConfig(TEXT, "collector.toml").warnings).toEqual([]);
});

test.each([
  ['type = "mail"', 'notify "a": type must be one of webhook, ntfy, slack, command, found "mail"'],
  ['type = "slack"', 'notify "a": name either url or url_file'],
  ['type = "slack"\nurl = "http://x/"\nurl_file = "/x"', 'notify "a": name either url or url_file'],
  ['type = "slack"\nurl = "x.example"', 'notify "a": url must begin with http:// or https://'],
  ['type = "slack"\nurl = "http://x/"\ncommand = ["/x"]', 'notify "a": command belongs to type = "command"'],
  [
    'type = "command"',
    'notify "a": command must be a list whose first is an absolute path, such as ["/usr/local/bin/page"]',
  ],
  ['type = "command"\ncommand = ["/x"]\nurl = "http://x/"', 'notify "a": a command has no url'],
  [
    'type = "slack"\nurl = "http://x/"\nquiet = { from = "25:00", to = "07:00", zone = "Berlin" }',
    'notify "a": quiet.from must be a time of day such as "22:00", found "25:00"',
  ],
])("%s: said in one sentence", (lines, sentence) => {
  expect(said(`[[notify]]\nname = "a"\n${lines}\n`)[0]).toBe(`collector.toml: ${sentence}`);
});

test("a symptom that there is not, a name that comes twice, and a zone that is none", () => {
  expect(said('[[notify]]\nname = "a"\ntype = "slack"\nurl = "http://x/"\nsymptoms = ["silnt"]\n')[0]).toStartWith(
    'collector.toml: notify "a": there is no symptom "silnt": there are duplicate-host, paused, ',
  );
  const twice = '[[notify]]\nname = "a"\ntype = "slack"\nurl = "http://x/"\n';
  expect(said(twice + twice)).toEqual([
    'collector.toml: two channels of [[notify]] are called "a": each needs a name of its own',
  ]);
  expect(said(`${twice}quiet = { from = "22:00", to = "07:00", zone = "Berlin" }\n`)).toEqual([
    'collector.toml: notify "a": quiet.zone must be a time zone such as "Europe/Berlin", found "Berlin"',
  ]);
});

test("an address is a secret: no message shows it", () => {
  expect(said('[[notify]]\nname = "a"\ntype = "slack"\nurl = 5\n').join("\n")).not.toContain("found 5");
});
