// Every setting of the agent: what a reload changes is seen in what uses it, and everything else waits for a restart and is named.

import { expect, onTestFinished, test } from "bun:test";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buildAgent } from "../../lib/heartbeat/build.ts";
import { parseHeartbeatConfig } from "../../lib/heartbeat/config.ts";
import { Spool } from "../../lib/heartbeat/send/spool.ts";
import { FIXED_SETTINGS, type HeartbeatConfig } from "../../lib/heartbeat/settings.ts";
import { createProgress } from "../../lib/runtime/progress.ts";
import { quietLog } from "../support/quiet-log.ts";
import { expectAllSettings, reloadable } from "../support/reloadable.ts";
import { tempDir } from "../support/temp-dir.ts";
import { agentWith, beat, CONFIG, LATER } from "./agent-support.ts";
import { directoryOf } from "./plugins-dir/support.ts";

/** A plugin that never answers. */
const SLOW = `export default {
  name: "slow",
  initialise: () => true,
  collect: () => new Promise(() => {}),
};`;

/** Counts what it is asked. */
async function collector(answer: RequestListener): Promise<{ url: string; seen: { asked: number } }> {
  const seen = { asked: 0 };
  const server = createServer((request, response) => {
    seen.asked++;
    answer(request, response);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

/** The agent with its plugins and its connections. */
async function agentAt(url: string, more = "") {
  const root = tempDir();
  const places = `state_dir = "${root}/state"\nrun_dir = "${root}/run"\n`;
  const paths = `[paths]\ndata_root = "${root}/data"\nrun_dir = "${root}/shipper"\n`;
  const toml = `host_id = "lab1"\n${paths}[receiver]\nurl = "${url}"\n[heartbeat]\n${places}${more}`;
  const { settings, reload } = reloadable(parseHeartbeatConfig(toml, "f").config, FIXED_SETTINGS);
  const spool = new Spool(join(root, "state"), () => settings.current().spoolMax, join(root, "run"));
  const built = await buildAgent(
    settings,
    quietLog,
    createProgress(() => performance.now()),
    spool,
    null,
  );
  onTestFinished(async () => {
    await built.agent.stop();
    await built.close();
  });
  return { agent: built.agent, reload, settings };
}

const PROOFS: Partial<Record<keyof HeartbeatConfig, () => Promise<void>>> = {
  async receiver() {
    const refuses: RequestListener = (_, response) => response.writeHead(503).end();
    const [first, second] = [await collector(refuses), await collector(refuses)];
    const { agent, reload, settings } = await agentAt(first.url);
    await beat(agent);
    expect([first.seen.asked, second.seen.asked]).toEqual([1, 0]);
    reload({ receiver: { ...settings.current().receiver, url: second.url } });
    await beat(agent);
    expect([first.seen.asked, second.seen.asked]).toEqual([1, 1]);
  },
  async requestTimeoutS() {
    const { url } = await collector(() => undefined);
    const { agent, reload } = await agentAt(url, "request_timeout_s = 3600\n");
    reload({ requestTimeoutS: 0.05 });
    // The test's own time limit ends it where the hour still holds.
    await beat(agent);
    expect(agent.failing).not.toBeNull();
  },
  async collectTimeoutS() {
    const plugins = directoryOf({ "slow.js": SLOW });
    const more = `interval_s = 3600\ncollect_timeout_s = 3600\nplugins_dir = "${plugins}"\n`;
    const { agent, reload } = await agentAt("http://127.0.0.1:9", more);
    reload({ collectTimeoutS: 2 });
    const { results } = await agent.collect();
    expect(results.find(({ plugin }) => plugin === "slow")?.message).toContain("it did not answer within 2 s");
  },
  async spoolMax() {
    const { settings, reload } = reloadable({ ...CONFIG, spoolMax: 10 });
    const spool = new Spool(tempDir(), () => settings.current().spoolMax);
    const keep = (sequence: number): void => spool.keep(sequence, true, `{"sequence":${sequence}}`);
    for (let i = 1; i <= 5; i++) keep(i);
    expect(spool.size).toBe(5);
    reload({ spoolMax: 2 });
    keep(6);
    expect(spool.size).toBe(2);
  },
  async backoffSeconds() {
    const { settings, reload } = reloadable(CONFIG);
    const { agent, sent } = agentWith([LATER, LATER]);
    Object.assign(agent.deps, { settings });
    await beat(agent);
    expect(sent.length).toBe(1);
    reload({ backoffSeconds: [0.01] });
    agent.tryNow();
    // The second try fails, too; the third comes by the new schedule.
    while (sent.length < 3) await Bun.sleep(1);
    await agent.stop();
  },
};

test("no setting is in neither list", () => {
  const { config } = parseHeartbeatConfig('host_id = "lab1"\n[receiver]\nurl = "http://127.0.0.1:9"\n', "f");
  expectAllSettings(config, FIXED_SETTINGS, Object.keys(PROOFS));
});

test.each(Object.entries(PROOFS))("a reload changes %s in what uses it", (_, prove) => prove?.());
