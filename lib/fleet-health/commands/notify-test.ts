// `fleet-health notify-test`: whether the channels take a notice, tried with one that says that it is a test.

import { hostname } from "node:os";
import { isoWall } from "../../core/clock.ts";
import { EXIT } from "../../core/exit.ts";
import { UserError } from "../../core/failure.ts";
import { findingText } from "../../core/finding.ts";
import { labelled } from "../../core/text/columns.ts";
import { quoted } from "../../core/text/fields.ts";
import { nearest } from "../../core/text/nearest.ts";
import { print } from "../../os/answer.ts";
import type { Call } from "../../runtime/tool.ts";
import { COLLECTOR } from "../incidents/incident.ts";
import { testAlert } from "../notify/alerts.ts";
import type { Channel } from "../notify/channel.ts";
import { postAlerts } from "../notify/delivery/alertmanager.ts";
import { guarded, send } from "../notify/delivery/send.ts";
import type { Notice, Outcome } from "../notify/mailbox.ts";
import type { FleetHealthConfig } from "../settings.ts";
import { becomeUnitUser } from "./unit-user.ts";

/** @returns exit code 0: all have taken it; 3: one has not @throws UserError (exit 2) where there is none of that name, or none at all */
export async function notifyTestCommand(
  { channels, stateDir }: FleetHealthConfig,
  { line, log }: Call,
  nowMs: number,
): Promise<number> {
  const [name] = line.operands;
  const names = channels.map((channel) => channel.name);
  if (channels.length === 0)
    throw new UserError(
      "nobody is to be told: there is no [[notify]] in the configuration",
      "write one, as in /opt/labfleet/current/units/collector.example.toml",
    );
  if (name !== undefined && !names.includes(name)) {
    const guess = nearest(name, names);
    const meant = guess === null ? "" : `; did you mean ${guess}?`;
    throw new UserError(`there is no channel ${quoted(name)}${meant}`, `one of: ${names.join(", ")}`);
  }
  const asked = channels.filter((channel) => name === undefined || channel.name === name);
  becomeUnitUser(stateDir ?? "", log);
  const outcomes = await Promise.all(asked.map(async (channel) => ({ channel, ...(await tryIt(channel, nowMs)) })));
  const lines = labelled(
    outcomes.map(({ channel, sent, why }) => {
      const text =
        why === null
          ? `${sent}${sent === "taken" && channel.type === "command" ? LESS_THAN_A_RUN : ""}`
          : findingText({ what: `${sent}: ${why.what}`, fix: why.fix }, "collector");
      return [channel.name, text] as const;
    }),
  );
  await print(`${lines.join("\n")}\n`);
  return outcomes.every(({ sent }) => sent === "taken") ? EXIT.ok : EXIT.undelivered;
}

/** What keeps a program from its work in a run alone cannot be seen here. */
const LESS_THAN_A_RUN = ", but a run may do less: its unit has ProtectSystem=strict and NoNewPrivileges=yes";

function tryIt(channel: Channel, nowMs: number): Promise<Outcome> {
  return guarded(
    () => tryOne(channel, nowMs),
    (why) => ({ sent: "unsure", why }),
  );
}

async function tryOne(channel: Channel, nowMs: number): Promise<Outcome> {
  if (channel.type !== "alertmanager") return send(channel, testNotice(nowMs));
  const { why } = await postAlerts(channel, [testAlert(hostname(), nowMs)]);
  return { sent: why === null ? "taken" : "refused", why };
}

function testNotice(nowMs: number): Notice {
  const at = isoWall(nowMs);
  const what = "fleet-health notify-test was run: nothing is wrong";
  return {
    id: `test-${nowMs}`,
    isRetried: false,
    collector: hostname(),
    rows: [
      {
        ...{ sequence: 0, at, host: COLLECTOR, hosts: [], symptom: "test", cause: "", change: "test", told: true },
        ...{ since: at, fired_at: null, what, fix: null },
      },
    ],
  };
}
