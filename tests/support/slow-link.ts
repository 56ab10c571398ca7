// A slow link as a program of its own, for hosts of the systemd bed: slow-link.ts LISTEN_PORT TARGET_PORT BYTES_PER_S

import { startFaultProxy } from "./fault-proxy.ts";

const [listenPort, targetPort, bytesPerSecond] = process.argv.slice(2).map(Number);
if (listenPort === undefined || targetPort === undefined || bytesPerSecond === undefined) process.exit(2);
const proxy = await startFaultProxy({
  port: listenPort,
  target: { host: "127.0.0.1", port: targetPort },
  fault: { kind: "throttle", bytesPerSecond },
});
console.log(`slow link ${proxy.port} -> ${targetPort}`);
