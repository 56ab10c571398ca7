// A table of lab-host.toml that no plugin reads is named.

import { expect, test } from "bun:test";
import { unreadTables } from "../../../lib/heartbeat/collect/plugin-tables.ts";
import { inText } from "../../support/in-text.ts";

const names = { builtIn: ["load", "disks"], own: ["camera", "lidar"], brokenFiles: [] as string[] };

test.each<[string, string[], string[]]>([
  ["a plugin's own table", ["camera", "nagios_runner"], []],
  ["a typo", ["camrea"], ["[plugins.camrea] configures no plugin; fix: write [plugins.camera]"]],
  [
    "a typo in the checks' own table",
    ["nagios_runer"],
    ["[plugins.nagios_runer] configures no plugin; fix: write [nagios_runner]"],
  ],
  [
    "a name like no other",
    ["zebra"],
    ["[plugins.zebra] configures no plugin: none has that name; fix: see which there are: sudo heartbeat plugins"],
  ],
  [
    "a built-in plugin",
    ["disks"],
    ["[plugins.disks] is ignored: this plugin takes no settings; fix: remove the table"],
  ],
  [
    "a name that could forge a line",
    ["a\nb"],
    ['[plugins."a\\nb"] configures no plugin: none has that name; fix: see which there are: sudo heartbeat plugins'],
  ],
])("%s", (_, tables, said) => {
  expect(unreadTables(tables, names).map((one) => inText(one))).toEqual(said);
});

test("a file that cannot be loaded may have been the one: its own name is not held against the table", () => {
  const broken = { ...names, brokenFiles: ["scanner.ts", "x.js"] };
  expect(unreadTables(["scanner", "scaner", "zebra"], broken).map((one) => inText(one))).toEqual([
    "[plugins.scaner] configures no plugin; fix: write [plugins.scanner]",
    "[plugins.zebra] configures no plugin: none has that name, unless it is in scanner.ts or x.js, which failed to load; fix: see which there are: sudo heartbeat plugins",
  ]);
});
