// Answers to unknown senders: so many in a second, whoever asks, and for whatever; the others have their turn first, and a stop waits for none.

import { afterEach, expect, test } from "bun:test";
import { createPace } from "../../../lib/receiver/http/pace.ts";
import { bytes, cleanUp, put, rawClient, startReceiver, until } from "../support.ts";

afterEach(cleanUp);

test("a burst at once, then one each so many milliseconds, after a pause a burst again", () => {
  const pace = createPace(100, 3);
  expect([pace(0), pace(0), pace(0)]).toEqual([0, 0, 0]);
  expect([pace(0), pace(0), pace(5)]).toEqual([10, 20, 25]);
  expect([pace(1000), pace(1000), pace(1000), pace(1000)]).toEqual([0, 0, 0, 10]);
});

test("what is counted in bytes waits for as many as it has", () => {
  const pace = createPace(1000, 1000);
  expect([pace(0, 600), pace(0, 400), pace(0, 500), pace(0, 1)]).toEqual([0, 0, 500, 501]);
  expect([pace(2000, 1000), pace(2000, 1)]).toEqual([0, 1]);
});

test("nobody waits longer than five seconds, and a flood of an hour is forgotten in those", () => {
  const pace = createPace(100, 3);
  for (let i = 0; i < 10_000; i++) pace(0);
  expect(pace(0)).toBe(5000);
  expect(pace(6000)).toBe(0);
});

const EMPTY = "Host: x\r\nContent-Length: 0\r\n\r\n";

test.each([
  ["wrong tokens", `PUT /v1/episodes/lab1/x.tar.zst HTTP/1.1\r\n${EMPTY}`, 401, 2000],
  ["what is not there", `GET /nothing HTTP/1.1\r\n${EMPTY}`, 404, 2000],
  ["signs of life", `GET /healthz HTTP/1.1\r\n${EMPTY}`, 200, 4000],
])(
  "a flood of %s waits; a valid PUT among it does not, and neither does a stop",
  async (_, wrong, status, most) => {
    const receiver = await startReceiver({
      deps: { checkToken: (_, sent) => (sent === "Bearer good" ? "valid" : "unknown") },
    });
    const flood = await Promise.all(Array.from({ length: 20 }, () => rawClient(receiver.port)));
    const answered = (): number =>
      flood.reduce((sum, { text }) => sum + text().split(`HTTP/1.1 ${status}`).length - 1, 0);
    for (const client of flood) await client.send(wrong.repeat(500));
    await until(() => answered() > 60);
    const before = answered();
    expect((await put(receiver.url, "lab1", "ep1", bytes(1000), { Authorization: "Bearer good" })).status).toBe(201);
    // It took some turns of the loop, in which as good as nobody else was served.
    expect(answered() - before).toBeLessThan(most);
    expect(answered()).toBeLessThan(9000);
    receiver.listener.close();
    await receiver.listener.settled();
  },
  180_000,
);
