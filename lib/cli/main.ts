// Runs a tool: command line in, exit code out. The only place where a tool's failure becomes text, and the only one
// that ends the process.

import { EXIT } from "../core/exit.ts";
import { errorCode, errorText, UserError } from "../core/failure.ts";
import { fixText, type Place } from "../core/finding.ts";
import { thenStarted } from "../core/linux/unit-fix.ts";
import { printable } from "../core/text/printable.ts";
import { readerOf, TOOL_NAMES } from "../core/tools.ts";
import { complain, print } from "../os/answer.ts";
import { ownUnit } from "../os/process/own-unit.ts";
import { type CommandLine, parseCommandLine } from "./options.ts";
import type { ToolSpec } from "./table.ts";

/** Parses `argv`, runs the tool and ends the process with its exit code. */
export async function main(
  spec: ToolSpec,
  argv: readonly string[],
  run: (line: CommandLine) => Promise<number>,
): Promise<never> {
  // What nobody awaited is a bug like any other: said, and with the same exit code.
  const onBug = (error: unknown): never => process.exit(reportFailure(spec.name, error, complain));
  process.on("uncaughtException", onBug);
  process.on("unhandledRejection", onBug);
  let code: number;
  try {
    const parsed = parseCommandLine(spec, argv);
    if (parsed.kind === "print") {
      await print(`${parsed.text}\n`);
      code = EXIT.ok;
    } else {
      code = await run(parsed.line);
    }
  } catch (error) {
    code = reportFailure(spec.name, error, complain, ownUnit());
  }
  // Ends even if a keep-alive socket or a timer is still open.
  process.exit(code);
}

/** Where the person is who runs a tool: commands for there are shown without their place. */
function placeOf(name: string): Place {
  const tool = TOOL_NAMES.find((one) => one === name);
  return tool === undefined ? "host" : readerOf(tool);
}

/**
 * Writes what went wrong and returns the exit code: a sentence for a mistake or a refusal, a stack for a bug.
 * @param unit the unit of ours that this process is; null: a person has started it
 */
export function reportFailure(
  tool: string,
  error: unknown,
  write: (text: string) => void,
  unit: string | null = null,
): number {
  if (error instanceof UserError) {
    for (const line of error.message.split("\n"))
      write(`${line.startsWith(tool) ? "" : `${tool}: `}${printable(line)}\n`);
    const { fix, exitCode } = error;
    if (fix === null) return exitCode;
    const whole = unit !== null && exitCode === EXIT.usage ? thenStarted(fix, unit) : fix;
    write(`${tool}: fix: ${printable(fixText(whole, placeOf(tool)))}\n`);
    return exitCode;
  }
  // The machine refused something that nobody expected: no bug, and a restart may find it mended.
  if (/^E[A-Z0-9]+$/.test(errorCode(error) ?? "")) {
    write(`${tool}: cannot go on: ${printable(errorText(error))}\n`);
    return EXIT.undelivered;
  }
  write(`${tool}: this is a bug in labfleet: ${errorText(error)}\n`);
  if (error instanceof Error && error.stack !== undefined) write(`${error.stack}\n`);
  return EXIT.bug;
}
