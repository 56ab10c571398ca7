// The manual pages say what --help says.

import { expect, test } from "bun:test";
import { COMMAND_LINE } from "../../lib/shipper/command-line.ts";
import { manPages } from "../../scripts/release/man.ts";

const MACRO = /^\.(TH|SH|SS|TP|B|BR|I|br)( |$)/;

test("each tool has a page, and no line of it is a request by chance", () => {
  const pages = manPages("1.2.3");
  expect([...pages.keys()].sort()).toEqual([
    ...["fleet-health.8", "heartbeat.8", "installer.8", "receiver.8", "shipper.8"],
  ]);
  for (const [name, page] of pages) {
    const requests = page.split("\n").filter((line) => /^[.']/.test(line));
    expect(
      requests.filter((line) => !MACRO.test(line)),
      name,
    ).toEqual([]);
    expect(page.endsWith("\n")).toBe(true);
  }
});

test("a page has every command and option, a minus as one that can be copied", () => {
  const page = manPages("1.2.3").get("shipper.8") ?? "";
  expect(page).toStartWith('.TH SHIPPER 8 "" "labfleet 1.2.3" "labfleet"\n.SH NAME\nshipper \\- ');
  for (const [command, { options = {} }] of Object.entries(COMMAND_LINE.commands)) {
    expect(page).toContain(`.B shipper${command === "" ? "" : ` ${command.replaceAll("-", "\\-")}`}`);
    for (const name of Object.keys(options)) expect(page).toContain(`\\fB\\-\\-${name.replaceAll("-", "\\-")}\\fR`);
  }
  expect(page).toContain("\\fB\\-v\\fR, \\fB\\-\\-verbose\\fR");
  expect(page).toContain(".I /etc/labfleet/lab\\-host.toml\n");
  expect(page).not.toContain("collector.toml");
});
