// The line that enrols a host: it fetches the script, compares it with the digest that stands in the line, and runs it. Who made the line
// is whom the host trusts: not the network, and not whoever answers there. Pure.

import { BUILD } from "../../core/build-info.ts";
import { shellLine, shellWord } from "../../core/text/shell-quote.ts";

export interface Line {
  url: string;
  /** SHA-256 of the authority's certificate, in hex; null: its certificate is one that everybody can check. */
  authority: string | null;
  /** SHA-256 of install.sh, in hex; null: no release is served, so that it comes with its bundle. */
  script: string | null;
  /** Null: the host says it. */
  host: string | null;
  code: string;
}

/** For any shell, with curl or wget. */
export function enrolLine({ url, authority, script, host, code }: Line): string {
  const told = [
    ...["--url", url],
    ...(authority === null ? [] : ["--ca-sha256", authority]),
    ...(host === null ? [] : ["--host", host]),
    ...(/^http:/i.test(url) ? ["--trusted-network", "yes"] : []),
    ...["--code", code],
  ];
  if (script === null)
    return shellLine(["sudo", "sh", "install.sh", "--bundle", `labfleet-${BUILD.version}.tar`, ...told]);
  const from = shellWord(`${url}/install.sh`);
  // Nobody waits for a collector that says nothing, and nothing stays in /tmp.
  const get = `{ curl -fsSkm 60 ${from} || wget -T 60 -O- --no-check-certificate ${from}; } >"$f"`;
  const prove = `echo "${script}  $f" | sha256sum -c >/dev/null`;
  return `(f=$(mktemp) && trap 'rm -f "$f"' EXIT && ${get} && ${prove} && sudo sh "$f" ${shellLine(told)})`;
}
