// Faults of certificates and keys, on both sides.

import type { Bed } from "./bed.ts";
import { stores } from "./collector.ts";
import { type Fault, receiverLog, shipperLog } from "./fault.ts";
import { recorded } from "./network.ts";
import type { Said } from "./remedy.ts";

const TLS = "/etc/labfleet/tls";

const inReceiver = (line: string) => (bed: Bed) =>
  bed.host((toml) => toml.replace("[receiver]\n", `[receiver]\n${line}\n`));

/** A new certificate for the collector, by its own authority, and the receiver has read it. */
function certify(bed: Bed, from: string, to: string, name = "collector.wg"): Promise<string> {
  return bed.sh(
    "collector",
    `cd ${TLS}
    d=database=/root/ca.index; : >/root/ca.index; echo 1234 >/root/ca.serial
    printf '[ca]\\ndefault_ca=d\\n[d]\\n%s\\nnew_certs_dir=/root\\nserial=/root/ca.serial\\ndefault_md=sha256\\npolicy=p\\nunique_subject=no\\n[p]\\ncommonName=supplied\\n' "$d" >/root/ca.cnf
    echo 'subjectAltName=DNS:${name}' >/root/ca.ext
    openssl req -new -key collector.key -subj /CN=collector.wg -out /root/collector.csr
    openssl ca -config /root/ca.cnf -batch -notext -in /root/collector.csr -cert ca.crt -keyfile ca.key -out collector.crt \
      -startdate ${from} -enddate ${to} -extfile /root/ca.ext`,
  );
}
const NOW = ["20200101000000Z", "20451231000000Z"] as const;
// Not a reload: a connection that is open goes on with the certificate that it has seen.
const reread = (bed: Bed): Promise<string> => bed.sh("collector", "systemctl restart labfleet-receiver");

const certified = (from: string, to: string, name?: string): ((bed: Bed) => Promise<void>) =>
  recorded(async (bed) => {
    await certify(bed, from, to, name);
    await reread(bed);
  });

/** Renews it, and runs what is printed for the collector. */
async function renew(bed: Bed, { steps }: Said): Promise<void> {
  await certify(bed, ...NOW);
  await bed.paste(steps.filter(({ on }) => on === "collector"));
}

/** A certificate for lab1 by the collector's authority, on lab1, under a name; a key of its own with it. */
async function clientPair(bed: Bed, name: string): Promise<void> {
  const pair = await bed.sh(
    "collector",
    `cd /root; openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=lab1 -keyout c.key -out c.csr 2>/dev/null
    openssl x509 -req -in c.csr -days 30 -CA ${TLS}/ca.crt -CAkey ${TLS}/ca.key -CAcreateserial -out c.crt 2>/dev/null
    tar -c c.crt c.key | base64`,
  );
  await bed.sh(
    "lab1",
    `base64 -d | tar -x; for kind in crt key; do install -m 0640 -g labfleet c.$kind ${TLS}/${name}.$kind; done`,
    pair,
  );
}

const clients = (name: string, key = name): string =>
  `client_cert = "${TLS}/${name}.crt"\nclient_key = "${TLS}/${key}.key"`;

const wantClients = (bed: Bed): Promise<void> =>
  bed.collect((toml) => toml.replace("[tls]\n", `[tls]\nclient_ca = "${TLS}/ca.crt"\n`));

export const CERTIFICATES: readonly Fault[] = [
  {
    name: "the receiver's certificate has expired",
    seen: shipperLog,
    make: certified("20200101000000Z", "20240101000000Z"),
    says: /the receiver's certificate was valid until/,
    words: renew,
  },
  {
    name: "the receiver's certificate is not valid yet: it was made while the collector's clock was ahead",
    seen: shipperLog,
    make: certified("20400101000000Z", "20450101000000Z"),
    says: /the receiver's certificate is valid from/,
    words: async (bed) => {
      await certify(bed, ...NOW);
      await reread(bed);
    },
  },
  {
    name: "the receiver's certificate has another name",
    seen: shipperLog,
    make: certified(...NOW, "collector.lan"),
    says: /the receiver's certificate is not for collector.wg/,
    words: async (bed, { remedy }) => {
      const [, url = ""] = /set receiver\.url to (\S+)/.exec(remedy) ?? [];
      await bed.sh("lab1", `echo "${bed.collector.ip} collector.lan" >>/etc/hosts`);
      await bed.host((toml) => toml.replace(/^url = .*$/m, `url = "${url}"`));
    },
  },
  {
    name: "the receiver's certificate is of an unknown authority",
    seen: shipperLog,
    make: recorded(async (bed) => {
      const make = `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj '/CN=other'`;
      await bed.sh(
        "lab1",
        `${make} -keyout /root/other.key -out ${TLS}/ca.crt 2>/dev/null; systemctl restart labfleet-shipper`,
      );
    }),
    says: /the receiver's certificate was issued by/,
    words: async (bed) => {
      await bed.write("lab1", `${TLS}/ca.crt`, await bed.sh("collector", `cat ${TLS}/ca.crt`));
    },
  },
  {
    name: "ca_bundle is not there",
    seen: shipperLog,
    make: recorded((bed) => bed.sh("lab1", `rm ${TLS}/ca.crt`)),
    says: /queue paused: receiver.ca_bundle .* is not there/,
    words: async (bed) => {
      await bed.write("lab1", `${TLS}/ca.crt`, await bed.sh("collector", `cat ${TLS}/ca.crt`));
    },
  },
  {
    name: "the receiver wants a client certificate",
    seen: shipperLog,
    make: recorded(wantClients),
    says: /asks for a client certificate/,
    words: async (bed) => {
      await clientPair(bed, "client");
      await inReceiver(clients("client"))(bed);
    },
  },
  {
    name: "the client key is of another certificate",
    seen: shipperLog,
    make: recorded(async (bed) => {
      await wantClients(bed);
      await clientPair(bed, "client");
      await clientPair(bed, "other");
      await inReceiver(clients("client", "other"))(bed);
    }),
    says: /do not belong together/,
    words: async (bed, { steps }) => {
      await bed.paste(steps);
      await bed.host((toml) => toml.replace(`${TLS}/other.key`, `${TLS}/client.key`));
    },
  },
  {
    name: "the client key has a password",
    seen: shipperLog,
    make: recorded(async (bed) => {
      await wantClients(bed);
      await clientPair(bed, "client");
      await bed.sh(
        "lab1",
        `cd ${TLS}; openssl pkey -in client.key -aes256 -passout pass:secret -out k; cat k >client.key`,
      );
      await inReceiver(clients("client"))(bed);
    }),
    says: /queue paused: receiver.client_key .* is encrypted/,
    typed: "secret\n",
  },
  {
    name: "ca_bundle is DER",
    seen: shipperLog,
    make: recorded((bed) =>
      bed.sh("lab1", `cd ${TLS}; openssl x509 -in ca.crt -outform DER -out ca.der; cat ca.der >ca.crt`),
    ),
    says: /queue paused: receiver.ca_bundle .* is DER/,
  },
  {
    name: "ca_bundle is damaged",
    seen: shipperLog,
    make: recorded((bed) => bed.sh("lab1", `sed -i '3s/^..../!!!!/' ${TLS}/ca.crt`)),
    says: /queue paused: receiver.ca_bundle .* is damaged/,
    words: async (bed) => {
      await bed.write("lab1", `${TLS}/ca.crt`, await bed.sh("collector", `cat ${TLS}/ca.crt`));
    },
  },
  {
    name: "the receiver's key cannot be read by it",
    seen: receiverLog,
    make: (bed) => bed.look("collector", `chgrp root ${TLS}/collector.key; systemctl restart labfleet-receiver`),
    says: /tls\.key/,
    mended: stores,
  },
  {
    name: "the receiver's certificate is not there",
    seen: receiverLog,
    make: (bed) => bed.look("collector", `mv ${TLS}/collector.crt /root/; systemctl restart labfleet-receiver`),
    says: /tls\.certificate/,
    words: (bed) => bed.sh("collector", `mv /root/collector.crt ${TLS}/; systemctl start labfleet-receiver`),
    mended: stores,
  },
  {
    name: "the receiver's certificate is DER",
    seen: receiverLog,
    make: (bed) =>
      bed.look(
        "collector",
        `cd ${TLS}; openssl x509 -in collector.crt -outform DER -out c.der; cat c.der >collector.crt; rm c.der
        systemctl restart labfleet-receiver`,
      ),
    says: /tls\.certificate/,
    mended: stores,
  },
  {
    name: "the receiver's key has a password",
    seen: receiverLog,
    make: (bed) =>
      bed.look(
        "collector",
        `cd ${TLS}; openssl pkey -in collector.key -aes256 -passout pass:secret -out k; cat k >collector.key; rm k
        systemctl restart labfleet-receiver`,
      ),
    says: /tls\.key/,
    typed: "secret\n",
    mended: stores,
  },
  {
    name: "the receiver's key is of another certificate",
    seen: receiverLog,
    make: (bed) =>
      bed.look(
        "collector",
        `cd ${TLS}; openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out k; cat k >collector.key; rm k
        systemctl restart labfleet-receiver`,
      ),
    says: /tls\.key/,
    words: (bed) => bed.sh("collector", `cp -p kept/tls/collector.key ${TLS}/; systemctl start labfleet-receiver`),
    mended: stores,
  },
];
