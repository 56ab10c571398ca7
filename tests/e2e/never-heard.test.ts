// A host that was given a token and whose heartbeats do not get through: the collector knows of it, and says why.

import { expect, setDefaultTimeout, test } from "bun:test";
import { Fleet, HOST } from "../support/fleet.ts";

setDefaultTimeout(180_000);

test("it is in the list from the start; what is refused of it is counted, with what mends it", async () => {
  await using fleet = new Fleet();
  const command = (...args: string[]) => fleet.runNow("receiver", [...args, "--config", fleet.collectorConfig]);
  const operator = command("token", "add", "operator").stdout.trim().split("\n").at(-1) ?? "";
  const receiver = await fleet.startReceiver();
  const answer = await fetch(`${receiver.url}/v1/hosts`, {
    headers: { Authorization: `Bearer ${operator}` },
    proxy: "",
  });
  expect(await answer.json()).toMatchObject({ hosts: [{ host: HOST, never: true, refused: null, worst: "unknown" }] });
  const refused = await fetch(`${receiver.url}/v1/heartbeats/${HOST}`, {
    method: "PUT",
    body: "{}",
    headers: { Authorization: "Bearer of-nobody" },
    proxy: "",
  });
  expect(refused.status).toBe(401);
  receiver.process.kill("SIGTERM");
  expect(await receiver.ended()).toBe(0);
  const { hosts } = JSON.parse(command("hosts", "--json").stdout);
  expect(hosts).toMatchObject([{ host: HOST, never: true, refused: { count: 1, reason: "unauthorized" } }]);
  expect(command("hosts").stdout).toMatch(
    /^lab1 +never +unknown +no heartbeat has ever come; refused once since yesterday/m,
  );
  expect(command("hosts", HOST)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(
      /the newest unauthorized from 127\.0\.0\.1\nreceiver: fix: make lab1 a token, .*: sudo receiver token add lab1; then on the lab host: sudo install -D -m 0640 -g labfleet \/dev\/stdin \/etc\/labfleet\/token\n$/,
    ),
  });
});
