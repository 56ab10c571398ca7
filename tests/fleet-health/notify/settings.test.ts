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
ca_bundle = "/etc/labfleet/tls/ca.crt"

[[notify]]
name = "pager"
type = "command"
command = ["/usr/local/bin/page", "--urgent"]
`;

test("channels are read as they stand, and the receiver leaves them alone", () => {
  expect(parse(TEXT).config.channels).toEqual([
    {
      ...{ name: "ops", type: "ntfy", url: "https://ntfy.example/labfleet", urlFile: null },
      ...{
        tokenFile: "/etc/labfleet/ntfy-token",
        caBundle: "/etc/labfleet/tls/ca.crt",
        command: [],
        symptoms: ["silent", "paused", "collector-down"],
      },
      ...{ mail: null, hosts: ["lab1"], quiet: { from: 1320, to: 420, zone: "Europe/Berlin" } },
    },
    {
      ...{ name: "pager", type: "command", url: null, urlFile: null, tokenFile: null, caBundle: null },
      ...{ command: ["/usr/local/bin/page", "--urgent"], mail: null, symptoms: null, hosts: null, quiet: null },
    },
  ]);
  expect(parse(TEXT).warnings).toEqual([]);
  expect(parseReceiverConfig(TEXT, "collector.toml").warnings).toEqual([]);
});

const MAIL = `[[notify]]
name = "post"
type = "email"
server = "mail.example.org"
from = "labfleet@example.org"
to = ["ops@example.org", "o'b+x@lab.example.org"]
`;

test("mail is read with what it leaves out", () => {
  const mailOf = (more = "", text = MAIL) => parse(text + more).config.channels[0]?.mail;
  expect(mailOf()).toEqual({
    ...{ host: "mail.example.org", port: 587, tls: "starttls", caBundle: null, user: null, passwordFile: null },
    ...{ from: "labfleet@example.org", to: ["ops@example.org", "o'b+x@lab.example.org"] },
  });
  const login = 'user = "hub"\npassword_file = "/etc/labfleet/smtp-password"\nca_bundle = "/etc/labfleet/ca.crt"\n';
  expect(mailOf(`tls = "implicit"\n${login}`)).toMatchObject({
    ...{ port: 465, tls: "implicit", user: "hub", passwordFile: "/etc/labfleet/smtp-password" },
    caBundle: "/etc/labfleet/ca.crt",
  });
  expect(mailOf('tls = "none"\n', MAIL.replace("mail.example.org", "[::1]:2525"))).toMatchObject({
    ...{ host: "::1", port: 2525, tls: "none" },
  });
  expect(mailOf('tls = "none"\n')).toMatchObject({ port: 25 });
  expect(parseReceiverConfig(MAIL, "collector.toml").warnings).toEqual([]);
});

test("an Alertmanager has an address, and what a webhook has", () => {
  const text = '[[notify]]\nname = "am"\ntype = "alertmanager"\nurl = "http://127.0.0.1:9093/"\ntoken_file = "/t"\n';
  expect(parse(`${text}symptoms = ["silent"]\nhosts = ["lab1"]\n`).config.channels[0]).toMatchObject({
    ...{ type: "alertmanager", url: "http://127.0.0.1:9093/", tokenFile: "/t", mail: null, quiet: null },
  });
});

const ADDRESSED = 'from = "a@x.org"\nto = ["b@x.org"]';
const MAILED = `type = "email"\nserver = "m"\n${ADDRESSED}`;
const STATE = 'type = "alertmanager"\nurl = "http://x/"';

test.each([
  [`type = "email"\n${ADDRESSED}`, 'server must be a name and a port such as "mail.example.org:587"'],
  ...["http://m", "m:0", "m:65536", "m x", "::1", "m:25:25"].map((server) => [
    `type = "email"\nserver = "${server}"\n${ADDRESSED}`,
    `server must be a name and a port such as "mail.example.org:587", found "${server}"`,
  ]),
  ['type = "email"\nserver = "m"\nto = ["b@x.org"]', 'from must be an address such as "labfleet@example.org"'],
  ['type = "email"\nserver = "m"\nfrom = "a@x.org"', 'to must be a list of addresses such as ["ops@example.org"]'],
  ...[
    "Ops <ops@x.org>",
    "ops",
    "ops@",
    "a@x.org, b@x.org",
    "a@x.org\\r\\nRCPT TO:<b@x.org>",
    "@x.org",
    "<a@x.org>",
  ].map((to) => [
    `type = "email"\nserver = "m"\nfrom = "a@x.org"\nto = ["${to}"]`,
    `to must hold addresses such as "ops@example.org", found "${to}"`,
  ]),
  [`${MAILED}\ntls = "yes"`, 'tls must be one of starttls, implicit, none, found "yes"'],
  [`${MAILED}\nuser = "a"`, "user and password_file go together"],
  [`${MAILED}\npassword_file = "/p"`, "user and password_file go together"],
  [
    `${MAILED}\ntls = "none"\nuser = "a"\npassword_file = "/p"`,
    'with tls = "none" everybody on the way would read the password: leave user out, or tls',
  ],
  [`${MAILED}\ntls = "none"\nca_bundle = "/c"`, 'ca_bundle has no use with tls = "none"'],
  ['type = "ntfy"\nurl = "http://x/"\nca_bundle = "/c"', "ca_bundle has no use with http://"],
  ['type = "command"\ncommand = ["/bin/true"]\nca_bundle = "/c"', "a command has no ca_bundle"],
  [`${MAILED}\nurl = "http://x/"`, "mail has no url"],
  [`${MAILED}\ntoken_file = "/t"`, "mail has no token_file: it has user and password_file"],
  [`${MAILED}\ncommand = ["/x"]`, 'command belongs to type = "command"'],
  ...['server = "m"', 'tls = "none"', 'from = "a@x.org"', 'to = ["a@x.org"]', 'user = "a"', 'password_file = "/p"'].map(
    (key) => [`${STATE}\n${key}`, 'server, tls, user, password_file, from and to belong to type = "email"'],
  ),
  ['type = "alertmanager"', "name either url or url_file"],
  [
    `${STATE}\nquiet = { from = "22:00", to = "07:00", zone = "UTC" }`,
    "an Alertmanager has no quiet here: it has mute_time_intervals of its own",
  ],
  [`${STATE}\nsymptoms = ["returned"]`, "an Alertmanager hears nothing of returned: it is told once, and is no state"],
])("%s: one sentence says what is wrong", (lines, sentence) => {
  expect(said(`[[notify]]\nname = "a"\n${lines}\n`)).toEqual([`collector.toml: notify "a": ${sentence}`]);
});

test.each([
  ['type = "mail"', 'notify "a": type must be one of webhook, ntfy, slack, email, alertmanager, command, found "mail"'],
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
