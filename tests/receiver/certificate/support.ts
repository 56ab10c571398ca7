// A collector's [tls] in a directory of its own, and `receiver certificate …` on it, as a person runs it.

import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../support/temp-dir.ts";

const RECEIVER = join(import.meta.dir, "../../../bin/receiver.ts");
export const isRoot = process.geteuid?.() === 0;
/** The group of the directory, as the service's is. */
export const GROUP = isRoot ? 12 : (process.getegid?.() ?? 0);
const AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

export interface Answer {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface CollectorTls {
  dir: string;
  config: string;
  at(name: string): string;
  text(name: string): string;
  /** `receiver certificate …`, under a umask that takes nothing away. */
  run(words: readonly string[], how?: { failpoint?: string; asNobody?: boolean }): Promise<Answer>;
  /** Every file's bytes and rights. */
  state(): Record<string, string>;
}

/** @param dir where the files are to lie; a directory as the documents make it if left out */
export function collectorTls(dir = join(tempDir(), "tls"), tls?: string): CollectorTls {
  const own = tempDir();
  chmodSync(own, 0o755);
  mkdirSync(dir, { recursive: true });
  if (isRoot) chownSync(dir, 0, GROUP);
  chmodSync(dir, 0o750);
  const config = join(own, "collector.toml");
  const named = tls ?? `[tls]\ncertificate = "${dir}/collector.crt"\nkey = "${dir}/collector.key"\n`;
  writeFileSync(config, `[paths]\ndata_root = "${own}/data"\nrun_dir = "${own}/run"\n${named}`);
  const at = (name: string): string => join(dir, name);
  return {
    ...{ dir, config, at },
    text: (name) => readFileSync(at(name), "utf8"),
    async run(words, { failpoint = "", asNobody = false } = {}) {
      const bun = [process.execPath, ...(failpoint === "" ? [] : ["--define", "LABFLEET_FAILPOINTS=true"])];
      const line = [...(asNobody ? AS_NOBODY : []), ...bun, RECEIVER, "certificate", ...words, "--config", config];
      const child = Bun.spawn(["sh", "-c", 'umask 0; exec "$@"', "sh", ...line], {
        stderr: "pipe",
        env: { ...process.env, LABFLEET_FAILPOINT: failpoint },
      });
      const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      await child.exited;
      return { code: child.exitCode, stdout, stderr };
    },
    state: () =>
      Object.fromEntries(
        readdirSync(dir).map((name) => [name, `${rightsOf(at(name))} ${readFileSync(at(name), "latin1")}`]),
      ),
  };
}

/** `640 0:12` */
export function rightsOf(path: string): string {
  const { mode, uid, gid } = statSync(path);
  return `${(mode & 0o7777).toString(8)} ${uid}:${gid}`;
}

/** @throws Error with what openssl says */
export function openssl(dir: string, ...args: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["openssl", ...args], { cwd: dir, stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}${stdout}`);
  return stdout.toString();
}

/** Whether a lab host with that ca.crt would take a server with that certificate. */
export function isTaken(dir: string, ca = "ca.crt", certificate = "collector.crt"): boolean {
  return openssl(dir, "verify", "-purpose", "sslserver", "-CAfile", ca, certificate) === `${certificate}: OK\n`;
}
