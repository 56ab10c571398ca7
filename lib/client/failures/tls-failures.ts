// What mends a TLS handshake that failed, by OpenSSL's and Bun's own codes. Each row has its remedy; the first that fits is
// said. Pure.

import { type Command, type Mendable, onHost } from "../../core/finding.ts";
import { explainCredential } from "./credential-failures.ts";
import { type Facts, type Row, timeText } from "./explain.ts";

/** Sets the clock by the network, as systemd does it. */
const SET_CLOCK = onHost("sudo", "timedatectl", "set-ntp", "true");
const SET_THEIR_CLOCK: Command = { ...SET_CLOCK, on: "collector" };

const codeIs =
  (pattern: RegExp) =>
  ({ code }: Facts): boolean =>
    pattern.test(code);

/** Alerts of the other side (RFC 8446 §6.2) that are about what this host has shown, or not shown. */
const ABOUT_OUR_CERTIFICATE =
  /ALERT_(?:CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|(?:BAD|UNSUPPORTED|NO)_CERTIFICATE|CERTIFICATE_\w+|BAD_CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)$/;

export const TLS_ROWS: readonly Row[] = [
  {
    // Found in our own file, whatever OpenSSL called it.
    is: ({ credential }) => credential !== null,
    kind: "credentials",
    immediate: true,
    say: (f) => (f.credential === null ? other(f) : explainCredential(f.credential, f)),
  },
  {
    is: codeIs(/WRONG_VERSION_NUMBER|HTTP_REQUEST|UNKNOWN_PROTOCOL|PACKET_LENGTH_TOO_LONG/),
    kind: "url",
    immediate: true,
    say: ({ place, receiver }) => ({
      what: `${place} does not speak TLS, and receiver.url says https://`,
      // What it speaks is seen, and a start warns of http:// where somebody may be on the way: one line is enough here.
      fix: { text: `set receiver.url to ${receiver.url.replace(/^https:/i, "http:")}`, commands: [] },
    }),
  },
  {
    is: codeIs(/CERT_NOT_YET_VALID/),
    kind: "tls",
    immediate: true,
    say: ({ certificate, now }) => ({
      what:
        certificate === null || certificate.validFrom <= now
          ? `a certificate of the receiver's chain is not valid yet; this host's clock says ${timeText(now)}`
          : `the receiver's certificate is valid from ${timeText(certificate.validFrom)} on, and this host's clock says ${timeText(now)}`,
      // Its begin was taken from the clock of the machine that made it.
      fix: {
        text: "set the clock that is wrong, this host's or the collector's, and if a wrong clock made the certificate, make it anew",
        commands: [SET_CLOCK, SET_THEIR_CLOCK],
      },
    }),
  },
  {
    is: codeIs(/CERT_HAS_EXPIRED/),
    kind: "tls",
    immediate: true,
    say: ({ certificate, now }) => ({
      what:
        certificate === null || certificate.validTo >= now
          ? `a certificate of the receiver's chain has expired; this host's clock says ${timeText(now)}`
          : `the receiver's certificate was valid until ${timeText(certificate.validTo)}, and this host's clock says ${timeText(now)}`,
      fix: {
        text: "renew it on the collector and let the receiver read it, or, if this host's clock is wrong, set it",
        commands: [{ argv: ["sudo", "systemctl", "reload", "labfleet-receiver"], on: "collector" }, SET_CLOCK],
      },
    }),
  },
  {
    is: codeIs(/ALTNAME_INVALID|HOSTNAME_MISMATCH/),
    kind: "tls",
    immediate: true,
    say: ({ certificate, host: name, receiver }) => ({
      what: `the receiver's certificate is not for ${name}${certificate === null ? "" : `, but for ${namesOf(certificate.names)}`}`,
      fix: { text: `set receiver.url to ${renamed(receiver.url, certificate?.names ?? [])}`, commands: [] },
    }),
  },
  {
    is: codeIs(/SELF_SIGNED|UNABLE_TO_|INVALID_CA|CERT_UNTRUSTED|CERT_CHAIN_TOO_LONG|UNKNOWN_ISSUER/),
    kind: "tls",
    immediate: true,
    say: unknownAuthority,
  },
  {
    is: codeIs(/ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|NO_SHARED_CIPHER/),
    kind: "tls",
    immediate: true,
    say: ({ place, code }) => ({
      what: `${place} and this host have no version of TLS in common (${code})`,
      fix: { text: "let what stands there speak TLS 1.2 or 1.3", commands: [] },
    }),
  },
  { is: codeIs(ABOUT_OUR_CERTIFICATE), kind: "tls", immediate: true, say: ourCertificate },
  { is: ({ failure }) => failure.cause === "tls", kind: "tls", immediate: true, say: other },
];

function namesOf(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length === 0 ? "no name at all" : `${shown}${names.length > 5 ? ` and ${names.length - 5} more` : ""}`;
}

/** The URL under the first name that the certificate is for. A wildcard is no name to ask. */
function renamed(url: string, names: readonly string[]): string {
  const name = names.find((one) => !one.includes("*"));
  if (name === undefined) return "a name that is in its certificate";
  const renewed = new URL(url);
  renewed.hostname = name.includes(":") ? `[${name}]` : name;
  return renewed.href.replace(/\/+$/, "");
}

function unknownAuthority({ certificate, receiver, code, place }: Facts) {
  const isOwn = /DEPTH_ZERO_SELF_SIGNED/.test(code);
  const issuer = certificate === null || certificate.issuer === "" ? "an authority" : `“${certificate.issuer}”`;
  const by = isOwn ? "is signed by nobody but itself" : `was issued by ${issuer}`;
  const trusted =
    receiver.caBundle === null
      ? "receiver.ca_bundle is not set, and this system's authorities do not know it"
      : `receiver.ca_bundle ${receiver.caBundle} does not hold ${isOwn ? "it" : "that authority's certificate, or the receiver does not send the ones in between"}`;
  const what = isOwn ? "that very certificate" : "the certificate of the authority that issued it";
  return {
    what: `the receiver's certificate ${by}: ${trusted}`,
    fix: {
      text: `copy ${what} from the collector and name it in receiver.ca_bundle; what is shown now`,
      commands: [onHost("openssl", "s_client", "-connect", place.split(" ")[0] ?? "", "-showcerts")],
    },
  };
}

/** It is refused, or missed. */
export function ourCertificate({ receiver: { clientCert, clientKey }, hostId, code }: Facts): Mendable {
  if (clientCert === null)
    return {
      what: "the receiver asks for a client certificate, and receiver.client_cert is not set",
      fix: {
        text: `have one issued for ${hostId} by the authority in the collector's [tls] client_ca, and name it in receiver.client_cert and client_key`,
        commands: [],
      },
    };
  const alert = /ALERT_(\w+)$/.exec(code)?.[1]?.toLowerCase().replaceAll("_", " ") ?? "it hangs up";
  return {
    what: `the receiver refuses this host's certificate ${clientCert} (${alert})`,
    fix: {
      text: `have one issued for ${hostId} by the authority in the collector's [tls] client_ca, and name it with its key ${clientKey}; this one says`,
      commands: [onHost("sudo", "openssl", "x509", "-in", clientCert, "-noout", "-subject", "-issuer", "-dates")],
    },
  };
}

function other({ place, failure }: Facts) {
  return {
    what: `no TLS connection to ${place}: ${failure.detail}`,
    fix: {
      text: "look at what it shows",
      commands: [onHost("openssl", "s_client", "-connect", place.split(" ")[0] ?? "", "-showcerts")],
    },
  };
}
