// Datagrams over UDP: sent in order, counted when nobody takes them, and never an exception.

import { describe, expect, test } from "bun:test";
import { UdpSender } from "../../lib/os/udp.ts";
import { closedUdpPort, udpReceiver } from "../support/datagrams.ts";

/** Waits until something is so; the test's time-out is the limit. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(setImmediate);
}

describe("a UDP sender", () => {
  test("sends in order, also what was given to it while its socket was being opened", async () => {
    const receiver = await udpReceiver();
    const udp = new UdpSender("127.0.0.1", receiver.port);
    for (const text of ["a", "b", "c"]) udp.send(text);
    expect([await receiver.next(), await receiver.next(), await receiver.next()]).toEqual(["a", "b", "c"]);
    udp.send("d");
    expect(await receiver.next()).toBe("d");
    udp.close();
    udp.send("e");
    expect(await receiver.next()).toBe("e");
    expect(udp.lost).toBe(0);
    udp.close();
  });

  test("keeps a thousand while its socket is being opened, and counts the others", () => {
    const udp = new UdpSender("127.0.0.1", 9);
    for (let i = 0; i < 1234; i++) udp.send("x");
    expect(udp.lost).toBe(234);
    udp.close();
  });

  test("counts what nobody takes, and throws nothing", async () => {
    const udp = new UdpSender("127.0.0.1", await closedUdpPort());
    for (let i = 0; i < 50; i++) {
      udp.send("x");
      await new Promise(setImmediate);
    }
    await until(() => udp.lost >= 40);
    for (let i = 0; i < 20_000; i++) udp.send("in one go");
    udp.send("x".repeat(70_000)); // more than a datagram holds
    expect(udp.lost).toBeGreaterThanOrEqual(41);
    udp.close();
  });

  for (const [what, host, port] of [
    ["an address of another family", "::1", 9],
    ["a port that is none", "127.0.0.1", 70_000],
  ] as const) {
    test(`counts what it cannot send to ${what}, and tries again`, async () => {
      const udp = new UdpSender(host, port);
      udp.send("x");
      await until(() => udp.lost === 1);
      udp.send("y");
      await until(() => udp.lost === 2);
    });
  }

  test("keeps no process alive", async () => {
    const program = `
      const { UdpSender } = await import(${JSON.stringify(`${import.meta.dir}/../../lib/os/udp.ts`)});
      new UdpSender("127.0.0.1", 9).send("x");
    `;
    const child = Bun.spawn([process.execPath, "-e", program]);
    expect(await child.exited).toBe(0);
  });
});
