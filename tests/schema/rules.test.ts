// The rules of a configuration in an operator's words: the whole rule, with the value found.

import { describe, expect, test } from "bun:test";
import { UserError } from "../../lib/core/failure.ts";
import { parseShipperConfig } from "../../lib/shipper/config.ts";

const FILE = "lab-host.toml";

/** The lines of the refusal of a text. */
function refusal(text: string): string[] {
  try {
    parseShipperConfig(text, FILE);
  } catch (error) {
    if (error instanceof UserError && error.exitCode === 2) return error.message.split("\n");
    throw error;
  }
  throw new Error("the configuration was taken");
}

describe("a rule is told in full and in plain words:", () => {
  const HEAD = 'host_id = "lab1"\nreceiver.url = "https://x"\n';
  for (const [text, said] of [
    ["paths.data_root = 5", "paths.data_root must be a string that is not empty, found 5"],
    ['paths.data_root = ""', 'paths.data_root must be a string that is not empty, found ""'],
    ["paths.data_root = 2024-05-01", "paths.data_root must be a string that is not empty, found 2024-05-01"],
    ["receiver.verify_tls = 1", "receiver.verify_tls must be true or false, found 1"],
    ["receiver.ca_bundle = []", "receiver.ca_bundle must be a string, found an empty array"],
    [
      "shipper.scan_interval_s = inf",
      "shipper.scan_interval_s must be a number of seconds above 0, up to 86400, found inf",
    ],
    ["shipper.drain_timeout_s = nan", "shipper.drain_timeout_s must be a number of seconds from 0 to 3600, found nan"],
    [
      "shipper.quarantine_cleanup_interval_s = 0",
      "shipper.quarantine_cleanup_interval_s must be a number of seconds above 0, up to 604800, found 0",
    ],
    [
      "shipper.quarantine_cleanup_interval_s = 1e7",
      "shipper.quarantine_cleanup_interval_s must be a number of seconds above 0, up to 604800, found 10000000",
    ],
    [
      'shipper.commit_header = "Content-Length"',
      'shipper.commit_header must be a header that HTTP and labfleet do not use themselves, such as "X-Labfleet-Code-Commit", found "Content-Length"',
    ],
    ["shipper.transfers = 1.5", "shipper.transfers must be a whole number from 1 to 32, found 1.5"],
    [
      "retention.keep_local_for_days = true",
      "retention.keep_local_for_days must be a whole number, 0 or more, found true",
    ],
    [
      "shipper.backoff_seconds = []",
      "shipper.backoff_seconds must be an array of one or more numbers of seconds, found an empty array",
    ],
    [
      "shipper.disk_reserve = true",
      'shipper.disk_reserve must be a size such as "16 GiB", or bytes as a whole number, found true',
    ],
  ] as const) {
    test(text, () => expect(refusal(`${HEAD}${text}\n`)).toEqual([`${FILE}:3: ${said}`]));
  }
});

test("the name whose token reads about all hosts is no lab host's", () => {
  expect(refusal('host_id = "operator"\nreceiver.url = "https://x"\n')).toEqual([
    `${FILE}:1: host_id must be another name, such as "lab1": operator is whose token reads about all hosts, found "operator"`,
  ]);
});

describe("a table that is none", () => {
  for (const [text, said] of [
    ["[[shipper]]\ntransfers = 99", "shipper must be a table such as [shipper], found an array of tables"],
    ["shipper = []", "shipper must be a table such as [shipper], found an empty array"],
    ["shipper = 2024-05-01", "shipper must be a table such as [shipper], found 2024-05-01"],
    ["shipper = 3", "shipper must be a table such as [shipper], found 3"],
  ] as const) {
    test(`is refused: ${text.replace("\n", " ")}`, () => {
      const head = 'host_id = "lab1"\nreceiver.url = "https://x"\n';
      expect(refusal(`${head}${text}\n`)).toEqual([`${FILE}:3: ${said}`]);
    });
  }

  test("is not also told what it lacks", () => {
    expect(refusal('host_id = "lab1"\n[[receiver]]\nbearer_token = "s3cret"\n')).toEqual([
      `${FILE}:2: receiver must be a table such as [receiver] with url = "https://collector.wg:8443", found an array of tables`,
    ]);
  });
});
