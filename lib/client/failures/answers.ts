// What an answer that settles nothing tells a person, and what mends it: by (status, reason), where a reason is a receiver's own
// word under its mark (contract/judgement.ts). Text of others is only shown, except three well-known pages of web servers. Pure.

import type { ReceiverEndpoint } from "../../contract/endpoint.ts";
import type { Command, Mendable } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { newToken } from "./credential-failures.ts";
import { placeOf } from "./explain.ts";

export interface AnswerFacts {
  status: number;
  /** A receiver's own, under its mark; null: the answer is not marked. */
  reason: string | null;
  /** A receiver's own words to it; shown, never read. */
  detail?: string | null;
  /** Header fields by their names in lower case: `server`, `location`, `content-type`, `www-authenticate`. */
  headers: Readonly<Record<string, string>>;
  /** The beginning of its body. */
  text?: string;
  receiver: ReceiverEndpoint;
  hostId: string;
  /** What was asked, below the base URL: `/v1/episodes/lab1/x.tar.zst`. */
  path: string;
}

interface Row {
  is: (facts: AnswerFacts) => boolean;
  say: (facts: AnswerFacts) => Mendable["fix"];
}

const collector = (...argv: string[]): Command => ({ argv, on: "collector" });
const LOOK: Command = collector("sudo", "journalctl", "-u", "labfleet-receiver", "-n", "50");

const words = (text: string) => (): Mendable["fix"] => ({ text, commands: [] });

const marked =
  (...reasons: string[]) =>
  ({ reason }: AnswerFacts): boolean =>
    reason !== null && reasons.includes(reason);
const status =
  (from: number, to: number = from) =>
  (facts: AnswerFacts): boolean =>
    facts.reason === null && from <= facts.status && facts.status <= to;

const marks = ({ reason, status: given }: AnswerFacts, code: number): boolean => reason !== null && given === code;

const PORTAL = "sign in at the portal that stands between, or let this host reach the receiver without it";

const DAMAGED = "look for what damages requests or answers between this host and the collector";

const WITH_LENGTH =
  "let what stands before the receiver pass a body with its Content-Length: proxy_request_buffering on with nginx";

const CLIENT_CERTIFICATE: Row["say"] = ({ hostId }) => ({
  text: `have a certificate issued for ${hostId} by the authority that the server asks for, and name it in receiver.client_cert and client_key`,
  commands: [],
});

/** The first that fits. */
const ROWS: readonly Row[] = [
  {
    // What a program writes by itself and the receiver cannot read was written by another release.
    is: (facts) => facts.path.startsWith("/v1/heartbeats/") && [400, 413, 422].some((code) => marks(facts, code)),
    say: words("update the older of the two: this host's labfleet, or the collector's"),
  },
  {
    is: marked("unauthorized"),
    say: ({ receiver, hostId }) => newToken(receiver.bearerTokenFile, null, { hostId }),
  },
  {
    is: marked("wrong-host"),
    say: ({ receiver: { clientCert, bearerTokenFile }, hostId }) => {
      const token = newToken(bearerTokenFile, null, { hostId });
      if (clientCert === null)
        return { ...token, text: `the token must be ${hostId}'s own, or host_id another; ${token.text}` };
      const shown = ["sudo", "openssl", "x509", "-in", clientCert, "-noout", "-subject", "-ext", "subjectAltName"];
      const text = `the token must be ${hostId}'s own, and so must the certificate ${clientCert}, which says`;
      return { text, commands: [{ argv: shown, on: "host" }] };
    },
  },
  {
    is: marked("missing-commit"),
    say: () => ({
      text: "write the commit of the recording code into shipper.commit_file, or as code_commit into each episode's meta.json",
      commands: [],
    }),
  },
  {
    is: marked("commit-not-accepted"),
    say: words("update the recording code on this host, or add its commit to accepted_commits_file on the collector"),
  },
  {
    // A receiver that answers them to our own request was sent something else.
    is: marked("digest-mismatch", "malformed", "malformed-path", "malformed-digest"),
    say: words(DAMAGED),
  },
  { is: marked("length-required"), say: words(WITH_LENGTH) },
  { is: marked("too-large"), say: words("raise [limits] max_episode_bytes on the collector") },
  {
    is: marked("disk-full"),
    say: () => ({ text: "make room on the collector's disk", commands: [collector("sudo", "receiver", "status")] }),
  },
  {
    is: marked("not-found", "method-not-allowed"),
    say: ({ receiver }) => {
      const { origin, pathname } = new URL(receiver.url);
      if (pathname === "/") return { text: "update the receiver: it does not know this path", commands: [] };
      return { text: `the receiver has nothing below ${pathname}: set receiver.url to ${origin}`, commands: [] };
    },
  },
  {
    is: ({ reason }) => reason !== null,
    say: () => ({ text: "look at what the receiver says of itself", commands: [LOOK] }),
  },
  // The pages of nginx, Go and Apache for a request that came in plain HTTP to their port for https.
  {
    is: ({ text = "" }) =>
      /plain HTTP request was sent to HTTPS port|HTTP request to an HTTPS server|plain HTTP to an SSL-enabled/i.test(
        text,
      ),
    say: ({ receiver }) => ({ text: `set receiver.url to ${receiver.url.replace(/^http:/i, "https:")}`, commands: [] }),
  },
  // nginx's for a client certificate that is missing or wrong.
  {
    is: (facts) => status(400)(facts) && /No required SSL certificate|SSL certificate error/i.test(facts.text ?? ""),
    say: CLIENT_CERTIFICATE,
  },
  { is: (facts) => status(300, 399)(facts), say: redirected },
  {
    is: status(407),
    say: words("let this host reach the receiver without that proxy: it asks for a password of its own"),
  },
  { is: (facts) => status(401)(facts) || status(403)(facts), say: refusedByAnother },
  { is: (facts) => status(404, 405)(facts) || status(200, 299)(facts), say: elsewhere },
  {
    is: status(413),
    say: words("let what stands before the receiver take as much as episodes have: client_max_body_size 0 with nginx"),
  },
  {
    is: status(411),
    say: words(WITH_LENGTH),
  },
  {
    is: (facts) => status(421)(facts) || status(426)(facts),
    say: words("let receiver.url name the receiver itself, or its name at the server that stands before it"),
  },
  { is: status(431), say: words("let what stands before the receiver take heads of 16 KiB") },
  {
    // RFC 6585: only what stands between says so.
    is: status(511),
    say: words(PORTAL),
  },
  {
    is: (facts) => status(500, 599)(facts) || status(408)(facts) || status(425)(facts) || status(429)(facts),
    say: () => ({
      text: "look at the receiver, and at what stands before it",
      commands: [collector("sudo", "systemctl", "status", "labfleet-receiver"), LOOK],
    }),
  },
  { is: () => true, say: elsewhere },
];

/** What an answer is, with whom it came from, and what mends it. */
export function explainAnswer(facts: AnswerFacts): Mendable {
  const fix = ROWS.find(({ is }) => is(facts))?.say(facts) ?? { text: "look at the receiver", commands: [LOOK] };
  return { what: whatOf(facts), fix };
}

function whatOf({ status: code, reason, detail, headers, receiver }: AnswerFacts): string {
  if (reason !== null) {
    const said = detail === null || detail === undefined || detail === "" ? "" : `: ${quoted(detail.slice(0, 300))}`;
    return `the receiver answers ${code} (${reason})${said}`;
  }
  const { server, location, "content-type": type } = headers;
  const from =
    server === undefined
      ? "something that is no labfleet receiver"
      : `${quoted(server.slice(0, 60))}, not the receiver`;
  const what = type === undefined ? "" : `, with ${quoted(type.slice(0, 60))}`;
  const isRedirect = 300 <= code && code < 400;
  const nowhere = isRedirect ? ", and does not say where it leads" : "";
  const to = location === undefined ? nowhere : `, and leads to ${quoted(location.slice(0, 200))}`;
  return `${placeOf(receiver.url, null)} answers ${code} from ${from}${what}${to}`;
}

/** A redirect to the same path elsewhere is a move; to any other a portal. */
function redirected({ headers: { location }, receiver, path }: AnswerFacts): Mendable["fix"] {
  const to = location === undefined ? null : targetOf(location, receiver.url + path);
  if (to === null) return { text: "set receiver.url to the receiver's own address", commands: [] };
  const base = to.href.endsWith(path) ? to.href.slice(0, -path.length).replace(/\/+$/, "") : null;
  if (base !== null && base !== receiver.url) return { text: `set receiver.url to ${base}`, commands: [] };
  return {
    text: PORTAL,
    commands: [{ argv: ["curl", "-sv", "-o", "/dev/null", to.href], on: "host" }],
  };
}

function targetOf(location: string, from: string): URL | null {
  if (!URL.canParse(location, from)) return null;
  const to = new URL(location, from);
  return /^https?:$/.test(to.protocol) && to.username === "" && to.password === "" ? to : null;
}

function refusedByAnother({ headers, receiver }: AnswerFacts): Mendable["fix"] {
  const asks = headers["www-authenticate"];
  const how = asks === undefined ? "" : ` (it asks for ${quoted(asks.slice(0, 60))})`;
  return {
    text: `let what stands before the receiver pass this host's requests and their Authorization unchanged${how}, or set receiver.url to the receiver's own address`,
    commands: [{ argv: ["curl", "-sv", `${receiver.url}/healthz`], on: "host" }],
  };
}

/** Nothing of ours answers there. */
function elsewhere({ receiver }: AnswerFacts): Mendable["fix"] {
  const { origin, pathname } = new URL(receiver.url);
  const bare =
    pathname === "/"
      ? "the receiver's own address"
      : `${origin}, without ${pathname}, or let what stands there pass it on`;
  return {
    text: `set receiver.url to ${bare}; at a labfleet receiver this says alive`,
    commands: [{ argv: ["curl", "-sS", `${receiver.url}/healthz`], on: "host" }],
  };
}
