// TLS on a port: certificates, and the names that a client's certificate speaks for. Which connections are served is listen.ts's.

import { createServer, type SecureContextOptions, type Server, type TLSSocket } from "node:tls";
import { errorText, UserError } from "../../core/failure.ts";
import { quoted } from "../../core/text/fields.ts";
import { peerNames } from "./peer.ts";

export interface TlsMaterial {
  /** PEM texts. */
  certificate: string;
  key: string;
  /** Null: no client certificate is asked for. */
  clientCa: string | null;
}

/** A server that is not bound yet. @throws UserError when the certificate cannot be used */
export function openTls(tls: TlsMaterial, handshakeTimeout: number): Server {
  try {
    return createServer({
      ...secureContext(tls),
      handshakeTimeout,
      allowHalfOpen: true,
      ...(tls.clientCa !== null && { requestCert: true, rejectUnauthorized: true }),
    });
  } catch (error) {
    throw new UserError(
      `the files of [tls] cannot be used: ${quoted(errorText(error))}`,
      "name in [tls] a certificate and a key that OpenSSL takes: RSA of 2048 bits or more, or EC",
    );
  }
}

export function secureContext(tls: TlsMaterial): SecureContextOptions {
  const { certificate, key, clientCa } = tls;
  return { cert: certificate, key, minVersion: "TLSv1.2", ...(clientCa !== null && { ca: clientCa }) };
}

export function namesOf(socket: TLSSocket): readonly string[] {
  const certificate = socket.getPeerCertificate();
  return Object.keys(certificate).length === 0 ? [] : peerNames(certificate);
}
