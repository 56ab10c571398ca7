// What a user would take instead of labfleet: nginx's DAV module, rclone, and a shell pipeline of tar, zstd and curl.
// Servers run as children in the foreground, on loopback, and leave nothing outside the directory they are given.
import { mkdirSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { type Timed, timed } from "./measure.ts";

export interface Daemon {
  pid: number;
  port: number;
  /** Without a slash at the end. */
  url: string;
  stop(): Promise<void>;
}

/** A loopback port that nobody listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no TCP port");
  return address.port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

const START_LIMIT_MS = 20_000;

/** Starts a server and waits until it takes connections; what it prints goes to our stderr. */
export async function startDaemon(argv: string[], port: number, env: Record<string, string> = {}): Promise<Daemon> {
  const child = Bun.spawn(argv, {
    stdout: Bun.file("/dev/stderr"),
    stderr: "inherit",
    env: { ...process.env, ...env },
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    const hard = setTimeout(() => child.kill("SIGKILL"), START_LIMIT_MS);
    await child.exited;
    clearTimeout(hard);
  };
  const deadline = Date.now() + START_LIMIT_MS;
  while (!(await answers(port))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`${argv[0]} does not answer on port ${port}`);
    }
    await Bun.sleep(20);
  }
  return { pid: child.pid, port, url: `http://127.0.0.1:${port}`, stop };
}

/**
 * nginx with PUT into `<home>/root`. Bodies are first written to `<home>/body`, on the same filesystem, then renamed.
 * It neither hashes nor fsyncs. Started by root its workers stay root, so that they may write where we may.
 */
export async function startNginx(home: string): Promise<Daemon & { root: string }> {
  const root = join(home, "root");
  for (const dir of [root, join(home, "body")]) mkdirSync(dir, { recursive: true });
  const port = await freePort();
  const scratch = ["fastcgi", "uwsgi", "scgi", "proxy"].map((kind) => `${kind}_temp_path ${home}/${kind};`).join(" ");
  const config = `
    daemon off; worker_processes 2; pid ${home}/nginx.pid; error_log stderr warn;
    ${process.getuid?.() === 0 ? "user root;" : ""}
    events { worker_connections 1024; }
    http {
      access_log off; sendfile on; keepalive_requests 1000000; ${scratch}
      client_max_body_size 0; client_body_temp_path ${home}/body;
      server {
        listen 127.0.0.1:${port}; root ${root};
        location / { dav_methods PUT; create_full_put_path on; dav_access user:rw group:r all:r; }
      }
    }`;
  const file = join(home, "nginx.conf");
  writeFileSync(file, config);
  const daemon = await startDaemon(["nginx", "-p", home, "-c", file, "-e", "stderr"], port);
  return { ...daemon, root };
}

/** rclone without anybody's configuration file. */
const RCLONE = ["rclone", "--config", "", "--log-level", "ERROR"];

/** The flags of a webdav remote. Where rclone can (from 1.63), its wait of 10 ms a request is turned off. */
function davRemote(url: string): string[] {
  const paced = Bun.spawnSync(["rclone", "help", "flags"]).stdout.includes("--webdav-pacer-min-sleep");
  return [
    ":webdav:",
    "--webdav-url",
    url,
    "--webdav-vendor",
    "other",
    ...(paced ? ["--webdav-pacer-min-sleep=0"] : []),
  ];
}

export async function startRcloneDav(home: string): Promise<Daemon & { root: string }> {
  const root = join(home, "root");
  mkdirSync(root, { recursive: true });
  const port = await freePort();
  const daemon = await startDaemon([...RCLONE, "serve", "webdav", "--addr", `127.0.0.1:${port}`, root], port);
  return { ...daemon, root };
}

/** Moves the directory's content, file by file and not compressed, with rclone's default of four transfers at once. */
export function rcloneMove(dir: string, url: string): Promise<Timed> {
  return timed([...RCLONE, "move", "--delete-empty-src-dirs", dir, ...davRemote(url)]);
}

/** The sender's shell line. `-T -` is chunked: curl cannot know the length of a pipe. */
const PIPELINE = `
set -eu -o pipefail
cd "$1"
for episode in */; do
  id=\${episode%/}
  tar -cf - -- "$id" | zstd -3 -T0 -q -c | curl -sS -f -o /dev/null -T - "$2/$id.tar.zst"
done`;

/** Sends each directory under `dir` as `<url>/<id>.tar.zst`, one after another, like a cron job's loop. */
export function tarZstdCurl(dir: string, url: string): Promise<Timed> {
  return timed(["bash", "-c", PIPELINE, "pipeline", dir, url]);
}

const PACK_AND_MOVE = `
set -eu -o pipefail
cd "$1"
outbox=$2
shift 2
for episode in */; do
  id=\${episode%/}
  tar -cf - -- "$id" | zstd -3 -T0 -q -c > "$outbox/$id.tar.zst"
done
"$@"`;

/** Packs each directory under `dir` into `outbox`, then moves the archives: for a user who wants rclone's retries. */
export function tarZstdRclone(dir: string, outbox: string, url: string): Promise<Timed> {
  return timed(["bash", "-c", PACK_AND_MOVE, "pack", dir, outbox, ...RCLONE, "move", outbox, ...davRemote(url)]);
}
