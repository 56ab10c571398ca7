// The collector's own certificate while it runs: what is wrong with it is said at the start, at each reload, and once a day.

import type { Log } from "../../runtime/log/log.ts";
import { createHourly } from "../refusals/hourly.ts";
import { type CertificateLife, certificateTrouble, lifeOf, readLife } from "./certificate-life.ts";
import { renewal } from "./own-authority.ts";
import type { TlsMaterial } from "./tls-server.ts";

const DAY_MS = 86_400_000;

export interface CertificateWatch {
  /** That of the certificate in use. */
  readonly life: CertificateLife | null;
  /** Says what is wrong, unless that was said within a day. */
  look(): void;
  /** Another one is in use: what is wrong with that one is said at once. */
  renewed(material: TlsMaterial): void;
}

/** @param file where the certificate lies; null: there is none @param material what is in use */
export function watchCertificate(
  file: string | null,
  material: TlsMaterial | null,
  { log, nowMs }: { log: Pick<Log, "warn">; nowMs: () => number },
): CertificateWatch {
  const daily = createHourly(nowMs, DAY_MS);
  let life = file === null || material === null ? null : lifeOf(file, material.certificate);
  const look = (): void => {
    const found = life === null ? null : certificateTrouble(life, readLife(life.file), nowMs(), renewal);
    if (found === null) daily.isOver();
    else if (daily.isDue(found.reason)) log.warn(found);
  };
  return {
    get life() {
      return life;
    },
    look,
    renewed({ certificate }) {
      if (life !== null) life = lifeOf(life.file, certificate);
      daily.isOver();
      look();
    },
  };
}
