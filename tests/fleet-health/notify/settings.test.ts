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
  ['type = "slack"\nurl = "x.example"', 'notify "a": url must be an address that begins with http:// or https://'],
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
    'collector.toml: notify "a": there is no symptom "silnt": there are code-used-twice, duplicate-host, paused, ',
  );
  const twice = '[[notify]]\nname = "a"\ntype = "slack"\nurl = "http://x/"\n';
  expect(said(twice + twice)).toEqual([
    'collector.toml: two channels of [[notify]] are called "a": each needs a name of its own',
  ]);
  expect(said(`${twice}quiet = { from = "22:00", to = "07:00", zone = "Berlin" }\n`)).toEqual([
    'collector.toml: notify "a": quiet.zone must be a time zone such as "Europe/Berlin", found "Berlin"',
  ]);
});

const WEB = 'type = "slack"\nurl = "http://x/"';

test.each([
  ...["http://127.0.0.1:99999/", "http://[::1/", "https://"].map((url) => [
    `type = "slack"\nurl = "${url}"`,
    "url must be a valid address: its host or its port is wrong",
  ]),
  ['type = "slack"\nurl = "http://x:0/"', "url must be an address with a port from 1 to 65535, or with none"],
  ...["http://user:100%@x/", "http://us%er@x/"].map((url) => [
    `type = "slack"\nurl = "${url}"`,
    "url must be an address with %25 in place of each % of its name and password",
  ]),
  ...["url_file", "token_file", "ca_bundle", "password_file"].map((key) => [
    `${key === "password_file" ? `${MAILED}\nuser = "a"` : key === "url_file" ? 'type = "slack"' : 'type = "slack"\nurl = "https://x/"'}\n${key} = "S3CRET-TOKEN"`,
    `${key} must be an absolute path`,
  ]),
  [
    `${WEB}\nhosts = ["lab1", "lab 1"]`,
    'hosts must hold names of hosts (1 to 128 of A-Z a-z 0-9 . _ -, beginning with a letter or a digit), found "lab 1"',
  ],
  [
    `${WEB}\nquiet = { from = "7:00", to = "07:00", zone = "UTC" }`,
    'quiet.from and quiet.to must differ, found "7:00" and "07:00"',
  ],
])("%s: refused, in one sentence", (lines, sentence) => {
  expect(said(`[[notify]]\nname = "a"\n${lines}\n`)).toEqual([`collector.toml: notify "a": ${sentence}`]);
});

test("a channel's name stands in ids, headers and commands", () => {
  const named = (name: string): string[] => said(`[[notify]]\nname = "${name}"\n${WEB}\n`);
  const rule = "name must be 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or a digit";
  for (const name of ["ops", "a", "Lab_7.pager-2", "x".repeat(64)]) expect(named(name)).toEqual([]);
  for (const name of ["op s", "öps", "*", "-x", ".x", "x\\u0007", "x".repeat(65), "☎"])
    expect(named(name)).toEqual([expect.stringMatching(/^collector.toml: notify ".+": name must be 1 to 64 /)]);
  expect(named("op s")).toEqual([`collector.toml: notify "op s": ${rule}`]);
});

test("a table of a host whose name none can be is refused", () => {
  expect(said('[fleet_health.hosts."lab 8"]\nsilent_after = "2h"\n')).toEqual([
    `collector.toml: [fleet_health.hosts."lab 8"] is of no host: a host's name is 1 to 128 of A-Z a-z 0-9 . _ -, beginning with a letter or a digit`,
  ]);
});

test("what is odd is said beside what is wrong: a key that is not known may be why", () => {
  const lines = said(`[[notify]]\nname = "a"\n${MAILED}\nuser = "a"\npassword = "secret"\n`);
  expect(lines).toEqual([
    'collector.toml: notify "a": user and password_file go together',
    expect.stringMatching(
      /^collector.toml:8: unknown key notify\[0\].password is ignored; fix: write notify\[0\].password_file$/,
    ),
  ]);
});

test("a token in the place of its file is a secret, whatever it is", () => {
  for (const key of ["url_file", "token_file", "password_file"])
    expect(said(`[[notify]]\nname = "a"\n${WEB}\n${key} = 8675309\n`).join("\n")).not.toContain("8675309");
});

test("an address is a secret: no message shows it", () => {
  expect(said('[[notify]]\nname = "a"\ntype = "slack"\nurl = 5\n').join("\n")).not.toContain("found 5");
});
