// What kept a request from being answered, in words, with what mends it: one table for every program of a lab host. By the
// codes of the system and of OpenSSL, and by how far the request had come; never by a sentence. Pure.

import { type Command, onHost } from "../../core/finding.ts";
import type { CredentialFault } from "../credentials.ts";
import type { Failure } from "../upload.ts";
import { explainCredential } from "./credential-failures.ts";
import { type Asked, type Explanation, type Facts, NOTHING_SEEN, placeOf, type Row, type Seen } from "./explain.ts";
import { ourCertificate, TLS_ROWS } from "./tls-failures.ts";

const collector = (...argv: string[]): Command => ({ argv, on: "collector" });
const START: Command = collector("sudo", "systemctl", "start", "labfleet-receiver");

/** Explains a request that got no answer; not one that was stopped. */
export function explainFailure(failure: Failure, asked: Asked, seen: Seen = NOTHING_SEEN): Explanation {
  const { url } = asked.receiver;
  const facts: Facts = {
    ...asked,
    ...seen,
    failure,
    code: seen.connectCode ?? failure.code ?? "",
    host: new URL(url).hostname,
    place: placeOf(url, failure.address),
  };
  const row = ROWS.find(({ is }) => is(facts)) ?? CUT;
  const { kind, immediate } = row;
  const { credential } = facts;
  const found = credential === null ? row.word : `${credential.key} ${credential.problem}`;
  const word = found ?? (facts.code === "" ? failure.phase : facts.code);
  return { kind, reason: `${kind} ${word}`, immediate, ...row.say(facts) };
}

/** Explains a credential that cannot be used: no request was made. */
export function explainCredentialFault(fault: CredentialFault, asked: Pick<Asked, "hostId" | "receiver">): Explanation {
  const reason = `credentials ${fault.key} ${fault.problem}`;
  return { kind: "credentials", reason, immediate: true, ...explainCredential(fault, asked) };
}

const during =
  (phase: Failure["phase"], codes?: RegExp) =>
  ({ failure, code }: Facts): boolean =>
    failure.phase === phase && (codes?.test(code) ?? true);

/** What passed or went wrong while the request or its answer was on the way; the next may get through. */
const CUT: Row = {
  is: () => true,
  kind: "network",
  immediate: false,
  say: ({ place, failure: { detail, acknowledged } }) => ({
    what: `the connection to ${place} broke after ${acknowledged} bytes: ${detail}`,
    fix: {
      text: "if it stays so, look at the link and at what is between this host and the receiver",
      commands: [collector("sudo", "journalctl", "-u", "labfleet-receiver", "-n", "50")],
    },
  }),
};

/** Before the first byte of a request no episode can be at fault, and every other would meet the same. */
const ROWS: readonly Row[] = [
  {
    is: ({ failure }) => failure.cause === "local",
    kind: "local",
    immediate: false,
    say: ({ failure }) => ({
      what: `what was to be sent cannot be read: ${failure.detail}`,
      fix: { text: "look at the disk it lies on", commands: [onHost("sudo", "dmesg", "--level=err,warn")] },
    }),
  },
  {
    is: ({ code }) => /^(?:EMFILE|ENFILE|ENOBUFS|ENOMEM)$/.test(code),
    kind: "local",
    immediate: true,
    say: ({ code }) => ({
      what: `this host has no room for another connection: ${code}`,
      fix: { text: "look at what holds so many", commands: [onHost("sudo", "ss", "-s")] },
    }),
  },
  {
    is: during("resolving", /^(?:ENOTFOUND|ENODATA|EAI_NONAME|EAI_NODATA)$/),
    kind: "dns",
    immediate: true,
    say: ({ host: name }) => ({
      what: `there is no host of the name ${name}, or it has no address`,
      fix: { text: "mend the name in receiver.url, or add it to the name service", commands: [lookUp(name)] },
    }),
  },
  {
    is: during("resolving"),
    kind: "dns",
    immediate: true,
    say: ({ host: name, failure: { cause, detail }, code }) => ({
      what: `the name service does not answer for ${name}: ${cause === "stalled" ? detail : code}`,
      fix: {
        text: "look at this host's network and /etc/resolv.conf, or put an address into receiver.url",
        commands: [lookUp(name)],
      },
    }),
  },
  {
    is: during("connecting", /^ECONNREFUSED$/),
    kind: "connect",
    immediate: true,
    say: ({ place }) => ({
      what: `nobody listens at ${place}`,
      fix: { text: "start the receiver there, or mend the port in receiver.url", commands: [START] },
    }),
  },
  {
    is: (f) => during("connecting", /^(?:ENETUNREACH|EADDRNOTAVAIL)$/)(f) && f.failure.address?.includes(":") === true,
    kind: "connect",
    immediate: true,
    say: ({ place, failure: { address } }) => ({
      what: `${place} is an IPv6 address, and this host has no way to it`,
      fix: {
        text: "give this host IPv6, or the collector's name an IPv4 address",
        commands: [onHost("ip", "-6", "route", "get", address ?? "")],
      },
    }),
  },
  {
    is: during("connecting", /^(?:ENETUNREACH|ENETDOWN|EADDRNOTAVAIL)$/),
    kind: "connect",
    immediate: true,
    say: ({ place, failure: { address } }) => ({
      what: `this host has no way to ${place}: its network is down, or has no route there`,
      fix: { text: "bring the network or the tunnel up", commands: [onHost("ip", "route", "get", address ?? "")] },
    }),
  },
  {
    is: during("connecting", /^(?:EHOSTUNREACH|EHOSTDOWN)$/),
    kind: "connect",
    immediate: true,
    say: ({ place, failure: { address } }) => ({
      what: `${place} does not answer on its network`,
      fix: {
        text: "switch the collector on, or mend the address in receiver.url",
        commands: [onHost("ping", "-c", "3", address ?? "")],
      },
    }),
  },
  {
    is: during("connecting", /^(?:EACCES|EPERM)$/),
    kind: "connect",
    immediate: true,
    say: ({ place, code }) => ({
      what: `this host itself forbids connections to ${place} (${code})`,
      fix: {
        text: "let them through its firewall, or through IPAddressDeny= of the unit",
        commands: [onHost("sudo", "nft", "list", "ruleset")],
      },
    }),
  },
  {
    is: (f) => during("connecting", /^EINVAL$/)(f) && /^\[?fe80:/i.test(f.host),
    kind: "url",
    immediate: true,
    say: ({ host: name }) => ({
      what: `${name} is a link-local address, which means nothing without its interface`,
      fix: { text: "put another address of the collector into receiver.url", commands: [] },
    }),
  },
  {
    is: (f) => during("connecting")(f) && (f.failure.cause === "stalled" || f.code === "ETIMEDOUT"),
    kind: "connect",
    immediate: true,
    say: ({ place, failure: { address, detail } }) => ({
      what: `${place} gives no sign: ${detail}`,
      fix: {
        text: "switch the collector on, let its firewall pass that port, or mend the address in receiver.url",
        commands: [onHost("ping", "-c", "3", address ?? "")],
      },
    }),
  },
  {
    is: during("connecting"),
    kind: "connect",
    immediate: true,
    say: ({ place, failure: { address, detail }, code }) => ({
      what: `no connection to ${place}: ${code === "" ? detail : code}`,
      fix: { text: "look at the way there", commands: [onHost("ip", "route", "get", address ?? "")] },
    }),
  },
  ...TLS_ROWS,
  {
    is: ({ hangsUp }) => hangsUp,
    kind: "tls",
    word: "hung-up",
    immediate: true,
    say: ourCertificate,
  },
  {
    is: during("handshake"),
    kind: "connect",
    immediate: true,
    say: ({ place, failure: { detail } }) => ({
      what: `${place} takes connections, and no TLS comes about: ${detail}`,
      fix: {
        text: "look at what listens there, and mend the port in receiver.url",
        commands: [collector("sudo", "ss", "-ltnp")],
      },
    }),
  },
  {
    is: ({ speaksTls }) => speaksTls,
    kind: "url",
    word: "plain-to-tls",
    immediate: true,
    say: ({ place, receiver }) => ({
      what: `${place} speaks TLS, and receiver.url says http://`,
      fix: { text: `set receiver.url to ${receiver.url.replace(/^http:/i, "https:")}`, commands: [] },
    }),
  },
  {
    is: ({ code }) => code.startsWith("HPE_"),
    kind: "network",
    immediate: false,
    say: ({ place, code }) => ({
      what: `what answers at ${place} does not speak HTTP (${code})`,
      fix: {
        text: "look at what listens there, and mend the port in receiver.url",
        commands: [collector("sudo", "ss", "-ltnp")],
      },
    }),
  },
  {
    is: ({ failure }) => failure.cause === "stalled",
    kind: "stalled",
    immediate: false,
    say: ({ place, timeoutKey, failure: { detail } }) => ({
      what: `${place} was given up: ${detail}`,
      fix: {
        text: `look at the receiver's disk and at the link; a slow one needs a larger ${timeoutKey}`,
        commands: [collector("sudo", "journalctl", "-u", "labfleet-receiver", "-n", "50")],
      },
    }),
  },
];

function lookUp(name: string): Command {
  return onHost("getent", "ahosts", name);
}
