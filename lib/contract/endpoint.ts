// The receiver as a lab host names it. Types only.

/** The receiver as a lab host's configuration names it ([receiver]). */
export interface ReceiverEndpoint {
  /** Without a trailing slash. */
  url: string;
  caBundle: string | null;
  clientCert: string | null;
  clientKey: string | null;
  bearerToken: string | null;
  bearerTokenFile: string | null;
  verifyTls: boolean;
  /** `python`: the fleet's own from before labfleet, which proves nothing by its answers (docs/protocol.md, “Who may judge”). */
  kind: "labfleet" | "python";
  /** Nobody on the way to it can forge answers, though TLS does not see to that: it is a VPN, say. */
  trustedNetwork: boolean;
}
