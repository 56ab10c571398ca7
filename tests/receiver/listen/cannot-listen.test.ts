// Why the receiver cannot have its port: what is said, what mends it, and whether systemd tries again.

import { expect, test } from "bun:test";
import { createServer } from "node:net";
import { EXIT } from "../../../lib/core/exit.ts";
import { UserError } from "../../../lib/core/failure.ts";
import { withSudo } from "../../../lib/os/process/as-typed.ts";
import { cannotListen, type ListenFault } from "../../../lib/receiver/listen/cannot-listen.ts";
import { listen } from "../../../lib/receiver/listen/listen.ts";

const FAULT: ListenFault = {
  host: "10.0.0.1",
  port: 443,
  code: "EINVAL",
  text: "no",
  service: null,
  asRoot: withSudo(["receiver"]),
};
const UNIT = "labfleet-receiver.service";

for (const [change, message, fix, exitCode] of [
  [
    { code: "EADDRINUSE" },
    "cannot listen on 10.0.0.1:443: the port is in use",
    "end what has it, or set another port in `listen`; this shows what has it: sudo ss -ltnp 'sport = :443'",
    EXIT.undelivered,
  ],
  [
    { code: "EADDRNOTAVAIL", host: "fd00::1" },
    "cannot listen on [fd00::1]:443: this machine does not have that address, or not yet",
    "bring up the network or the tunnel that has it, or set `listen` to an address of this machine; it has these: ip -brief address",
    EXIT.undelivered,
  ],
  [
    { code: "EACCES", service: UNIT },
    "cannot listen on 10.0.0.1:443: a port below 1024 takes a right of its own",
    "set a port above 1023 in `listen`, or give it that right: printf '%s\\n' '[Service]' " +
      "'AmbientCapabilities=CAP_NET_BIND_SERVICE' 'CapabilityBoundingSet=CAP_NET_BIND_SERVICE' | " +
      `sudo install -D -m 0644 /dev/stdin /etc/systemd/system/${UNIT}.d/port.conf && ` +
      `sudo systemctl daemon-reload && sudo systemctl restart ${UNIT}`,
    EXIT.usage,
  ],
  [
    { code: "EACCES" },
    "cannot listen on 10.0.0.1:443: a port below 1024 takes a right of its own",
    "set a port above 1023 in `listen`, or run this as root: sudo receiver",
    EXIT.usage,
  ],
  [
    { code: null, host: "collector.lan" },
    'cannot listen on collector.lan:443: "no"',
    "set `listen` to an address, or let the name service know the name",
    EXIT.undelivered,
  ],
  [
    {},
    'cannot listen on 10.0.0.1:443: "no"',
    'set `listen = "<address>:<port>"` to an address of this machine',
    EXIT.usage,
  ],
] as const)
  test(message, () => {
    const error = cannotListen({ ...FAULT, ...change });
    expect(error.message).toBe(message);
    expect(error.hint).toBe(fix);
    expect(error.exitCode).toBe(exitCode);
  });

test("a port that is taken, and an address that is not here, are told by what the machine says", async () => {
  const taker = createServer();
  await new Promise<void>((resolve) => taker.listen(0, "127.0.0.1", resolve));
  const taken = taker.address();
  const port = typeof taken === "object" && taken !== null ? taken.port : 0;
  const refused = async (host: string): Promise<unknown> => {
    const options = { host, port, tls: null, rate: { minBytesPerS: 1, graceS: 1 }, headerTimeoutS: 1 };
    const never = () => new Response();
    const rest = { keepAliveTimeoutS: 1, connectionsTotal: 1, onBadConnection: () => undefined, refusalAnswer: never };
    return listen(async () => new Response(), { ...options, ...rest } as never).catch((error: unknown) => error);
  };
  try {
    for (const [host, said] of [
      ["127.0.0.1", `cannot listen on 127.0.0.1:${port}: the port is in use`],
      ["192.0.2.1", `cannot listen on 192.0.2.1:${port}: this machine does not have that address, or not yet`],
    ] as const) {
      const error = await refused(host);
      expect(error).toBeInstanceOf(UserError);
      expect(error).toMatchObject({ message: said, exitCode: EXIT.undelivered });
    }
  } finally {
    taker.close();
  }
});
