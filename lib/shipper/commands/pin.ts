// `shipper pin`: whom this host trusts to judge its episodes, who answers now, and a person's word about it.

import type { CommandLine } from "../../cli/options.ts";
import { openClient } from "../../client/client.ts";
import { isReceiverId } from "../../contract/judgement.ts";
import { episodePath } from "../../contract/names.ts";
import { EXIT } from "../../core/exit.ts";
import { errorCode, errorText, UserError } from "../../core/failure.ts";
import { byCommands, type Finding, type Fix, findingText, fixOrNull, onHost } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { print } from "../../os/answer.ts";
import { refusedFix } from "../../os/process/as-typed.ts";
import type { ShipperConfig } from "../settings.ts";
import { type Pin, pinPath, readPin, writePin } from "../trust/pin.ts";
import { isVerifiedTls, receiverIdOf, standingOf } from "../trust/trust.ts";
import { acceptFix } from "../words/remedies.ts";

/** No episode is asked for: any answer of a receiver names its store. */
const ANY_EPISODE = "labfleet-pin";

/** Who answers at the configured address. */
interface Answering {
  receiver_id: string | null;
  /** It says, where that counts, that it took over the trusted one's store: this host follows it by itself. */
  is_successor: boolean;
  /** Why that cannot be told; null when it can. */
  trouble: Finding | null;
}

const NOBODY = { receiver_id: null, is_successor: false };

/** @returns exit code: 0 the trusted one answers, 1 another one does, 3 nobody could be asked */
export async function pinCommand(config: ShipperConfig, line: CommandLine): Promise<number> {
  const accepted = line.options.accept;
  if (typeof accepted === "string") return accept(config, accepted);
  const pin = await readPin(config.dataRoot);
  const answering = await whoAnswers(config, pin);
  const { trouble } = answering;
  const told = { trouble: trouble?.what ?? null, fix: fixOrNull(trouble?.fix ?? null) };
  const report = { url: config.receiver.url, trusted: pin, answering: { ...answering, ...told } };
  await print(`${line.options.json === true ? JSON.stringify(report, null, 2) : pinText(config, pin, answering)}\n`);
  if (answering.receiver_id === null) return EXIT.undelivered;
  return pin === null || answering.receiver_id === pin.receiver_id ? EXIT.ok : EXIT.no;
}

async function accept(config: ShipperConfig, id: string): Promise<number> {
  if (!isReceiverId(id)) {
    throw new UserError(
      `--accept ${quoted(id)}: a receiver's id is 32 digits from 0-9 a-f`,
      "on the collector, `receiver identity` prints it",
    );
  }
  const before = await readPin(config.dataRoot).catch(() => "unreadable" as const);
  try {
    await writePin(config.dataRoot, id, "operator", config.receiver.url, new Date());
  } catch (error) {
    if (errorCode(error) === null) throw error;
    const why = `cannot write ${pinPath(config.dataRoot)}: ${quoted(errorText(error))}`;
    throw new UserError(why, pinFix(config.dataRoot, errorCode(error)), EXIT.undelivered);
  }
  await print(`${acceptedText(id, before)}\n`);
  return EXIT.ok;
}

/** What a person's word has changed. Pure. */
export function acceptedText(id: string, before: Pin | null | "unreadable"): string {
  if (before !== null && before !== "unreadable" && before.receiver_id === id)
    return `this host trusts ${id}, as it did before: nothing has changed`;
  const who =
    before === null
      ? "trusted nobody before"
      : before === "unreadable"
        ? "whom it trusted before cannot be read"
        : `trusted ${before.receiver_id} before`;
  return `this host now trusts ${id}, ${who}: only that receiver may refuse its episodes from now on; a shipper that runs needs no restart`;
}

function pinFix(dataRoot: string, code: string | null): Fix {
  const path = pinPath(dataRoot);
  // Something else has its name.
  if (code === "EISDIR") return byCommands(onHost("sudo", "mv", "-T", path, `${path}.aside`));
  return refusedFix(code);
}

async function whoAnswers(config: ShipperConfig, pin: Pin | null): Promise<Answering> {
  const client = openClient({ hostId: config.hostId, timeoutKey: "shipper.request_timeout_s" });
  const limitMs = config.requestTimeoutS * 1000;
  const { signal } = new AbortController();
  const path = episodePath({ host: config.hostId, id: ANY_EPISODE });
  const limits = { stallMs: limitMs, answerMs: limitMs, totalMs: limitMs, signal };
  const reply = await client.send(config.receiver, { method: "HEAD", path, headers: {}, body: null, ...limits });
  client.close();
  if (reply.kind === "failed") return { ...NOBODY, trouble: reply.why };
  if (reply.kind === "stopped") return { ...NOBODY, trouble: { what: "stopped", fix: null } };
  const id = receiverIdOf(reply.headers);
  const what = `status ${reply.status}, and no receiver's id: an older release, or no labfleet receiver`;
  if (id === null) return { ...NOBODY, trouble: { what, fix: null } };
  const { receiver } = config;
  const trust = { pinned: pin?.receiver_id ?? null, kind: receiver.kind, isVerifiedTls: isVerifiedTls(receiver) };
  return { receiver_id: id, is_successor: standingOf(id, reply.headers, trust) === "successor", trouble: null };
}

/** What a person reads. Pure. */
export function pinText(config: Pick<ShipperConfig, "receiver">, pin: Pin | null, answering: Answering): string {
  const trusted =
    pin === null
      ? "nobody yet: the first receiver that accepts this host's token"
      : `${pin.receiver_id}, since ${pin.pinned_at} (${SOURCES[pin.source] ?? pin.source})`;
  const { what, fix } = answering.trouble ?? { what: String(answering.receiver_id), fix: null };
  // A remedy ends its line: what stood behind it would be pasted with it.
  const lines = [
    `trusts     ${trusted}`,
    `answers    ${findingText({ what: `${what}, at ${config.receiver.url}`, fix })}`,
  ];
  if (pin !== null && answering.receiver_id !== null && answering.receiver_id !== pin.receiver_id) {
    lines.push(
      answering.is_successor
        ? "it has taken over the trusted one's store, and says so over verified TLS: a shipper that runs follows it by itself at its next try, and there is nothing to do"
        : findingText({ what: "another collector answers", fix: acceptFix(answering.receiver_id) }),
    );
  }
  return lines.join("\n");
}

const SOURCES: Readonly<Record<string, string>> = {
  receipt: "it gave the first receipt",
  judge: "it judged first",
  successor: "it follows the one before, over verified TLS",
  operator: "a person said so",
  installer: "the installer said so",
};
