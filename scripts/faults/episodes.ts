// Faults of episodes: their stamp, their files, their names, their owners.

import { type Bed, DATA } from "./bed.ts";
import { type Fault, shipperLog, shipperStatus } from "./fault.ts";

const EPISODES = `${DATA}/episodes`;
const VERSION = "/opt/labfleet/VERSION";

/** What a name in a directory of its own makes an episode: a file, and the marker. */
const finish = (path: string): string => `mkdir -p "${path}"; echo hi >"${path}/notes.txt"; : >"${path}/done.marker"`;

/** A path of more bytes than an archive can hold. */
const DEEP = `mkdir deep; (cd deep; n=$(printf 'd%.0s' $(seq 200)); i=0
  while [ $i -lt 20 ]; do mkdir $n; cd -P $n; i=$((i + 1)); done; echo hi >notes.txt)`;

const gate = (line: string) => (bed: Bed) => bed.collect((toml) => `${toml}\n[gate]\n${line}\n`);

const requeue = (bed: Bed): Promise<string> => bed.sh("lab1", `shipper requeue ${bed.latest}`);

/** The words are about the files; the printed line queues it again. */
const mendAndRun =
  (script: (id: string) => string): NonNullable<Fault["words"]> =>
  async (bed, { steps }) => {
    await bed.sh("lab1", script(bed.latest));
    await bed.paste(steps.filter(({ line }) => line.includes("requeue")));
  };

export const EPISODE: readonly Fault[] = [
  {
    name: "the collector requires a stamp, and the episode has none",
    seen: shipperLog,
    make: async (bed) => {
      await gate("require_commit = true")(bed);
      await bed.record();
    },
    says: /held: the collector wants the commit/,
    words: (bed) => bed.sh("lab1", `echo abc123 >${VERSION}`),
  },
  {
    name: "the collector does not accept the commit",
    seen: shipperStatus,
    make: async (bed) => {
      await bed.write("collector", "/etc/labfleet/accepted", "abc123\n");
      await gate('accepted_commits_file = "/etc/labfleet/accepted"')(bed);
      await bed.record(`echo '{"code_commit": "def456"}' >meta.json`);
    },
    says: /episode-\d+: commit-not-accepted/,
    words: async (bed) => {
      await bed.sh("collector", "echo def456 >>/etc/labfleet/accepted");
      await requeue(bed);
    },
  },
  {
    name: "the episode is larger than the collector takes",
    seen: shipperStatus,
    make: async (bed) => {
      await bed.collect((toml) => toml.replace("[limits]\n", '[limits]\nmax_episode_bytes = "10 KiB"\n'));
      await bed.record();
    },
    says: /episode-\d+: too-large/,
    words: async (bed) => {
      await bed.collect((toml) => toml.replace(/max_episode_bytes.*\n/, ""));
      await requeue(bed);
    },
  },
  {
    name: "the collector has another episode of the same name",
    seen: shipperStatus,
    make: async (bed) => {
      const id = await bed.record();
      const shipped = `${DATA}/shipped/${id}`;
      await bed.sh("lab1", `until [ -e ${shipped}/receipt.json ]; do sleep 0.2; done; rm -rf ${shipped}`);
      await bed.sh("lab1", finish(`${EPISODES}/${id}`));
    },
    says: /episode-\d+: conflict/,
    mended: (bed) => bed.arrived(`${bed.latest}-2`),
  },
  {
    name: "files do not fit the episode's manifest",
    seen: shipperStatus,
    make: async (bed) => {
      await bed.record("sha256sum data.bin >.m; echo torn >>data.bin; mv .m done.marker");
    },
    says: /episode-\d+: incomplete/,
    words: mendAndRun((id) => `cd ${DATA}/quarantine/${id}; sha256sum data.bin >.m; mv .m done.marker`),
  },
  {
    name: "a power cut tore the marker",
    seen: shipperLog,
    make: async (bed) => {
      await bed.record("head -c 200 /dev/zero >.m; mv .m done.marker");
    },
    says: /quarantined.*done\.marker|quarantined/,
    words: mendAndRun((id) => `: >${DATA}/quarantine/${id}/done.marker`),
  },
  {
    name: "the marker is a manifest of sums that are not checked (sha1sum)",
    seen: shipperStatus,
    make: async (bed) => {
      await bed.record("sha1sum data.bin >.m; mv .m done.marker");
    },
    says: /episode-\d+: incomplete/,
    words: mendAndRun((id) => `cd ${DATA}/quarantine/${id}; sha256sum data.bin >.m; mv .m done.marker`),
  },
  {
    name: "the marker is a manifest of sums that are not checked, as the log tells it",
    seen: shipperLog,
    make: async (bed) => {
      await bed.record("sha1sum data.bin >.m; mv .m done.marker");
    },
    says: /quarantined.*SHA-1/,
    words: mendAndRun((id) => `cd ${DATA}/quarantine/${id}; sha256sum data.bin >.m; mv .m done.marker`),
  },
  {
    name: "a tree that no archive can hold",
    seen: shipperLog,
    make: async (bed) => {
      await bed.record(DEEP);
    },
    says: /quarantined.*unpackable/,
    words: mendAndRun((id) => `rm -r ${DATA}/quarantine/${id}/deep`),
  },
  {
    name: "meta.json has a comma too much",
    seen: shipperLog,
    make: async (bed) => {
      await bed.record(`echo '{"code_commit": "abc",}' >meta.json`);
    },
    says: /held episode=episode-\d+ because its meta.json is no JSON/,
  },
  {
    name: "a hidden directory with a marker in it",
    seen: shipperStatus,
    make: (bed) => bed.sh("lab1", finish(`${EPISODES}/.hidden`)),
    says: /^held +\.hidden/,
    mended: (bed) => bed.arrived("hidden"),
  },
  {
    name: "a directory without a marker, and its recorder is done",
    seen: shipperStatus,
    make: async (bed) => {
      await bed.record("mkdir ../never; echo hi >../never/notes.txt");
    },
    says: /^to ship .*being recorded/,
    byItself: true,
  },
  {
    name: "a symbolic link in episodes/",
    seen: shipperStatus,
    make: (bed) => bed.sh("lab1", `${finish("/srv/linked")}; ln -s /srv/linked ${EPISODES}/linked`),
    says: /^held +linked/,
    mended: (bed) => bed.arrived("linked"),
  },
  {
    name: "a name that no URL can carry",
    seen: shipperStatus,
    make: (bed) => bed.sh("lab1", finish(`${EPISODES}/my run #1`)),
    says: /^held +my run/,
    mended: (bed) => bed.arrived("my_run__1"),
  },
  {
    name: "a name that is no UTF-8",
    seen: shipperStatus,
    make: (bed) => bed.sh("lab1", `d=$(printf '${EPISODES}/run\\377'); ${finish("$d")}`),
    says: /^held +run/,
    mended: (bed) => bed.arrived("run_xff"),
  },
  {
    name: "a file in episodes/",
    seen: shipperStatus,
    make: (bed) => bed.sh("lab1", `echo hi >${EPISODES}/notes.txt`),
    says: /^held +notes\.txt/,
    mended: async (bed) => !/^held/m.test(await bed.look("lab1", "shipper status")),
  },
  {
    name: "an episode of root, mode 0700, and a unit without the capability",
    seen: shipperLog,
    make: async (bed) => {
      await bed.dropIn("lab1", "labfleet-shipper", "[Service]\nAmbientCapabilities=\nCapabilityBoundingSet=\n");
      await bed.record("chown -R root:root .; chmod 0700 .");
    },
    says: /(?:held|not shipped) episode=episode-\d+ because .* belongs to root/,
  },
  {
    name: "a file that only its owner may read, and a unit without the capability",
    seen: shipperLog,
    make: async (bed) => {
      await bed.dropIn("lab1", "labfleet-shipper", "[Service]\nAmbientCapabilities=\nCapabilityBoundingSet=\n");
      await bed.record("chown -R labfleet .; chown root data.bin; chmod 0600 data.bin");
    },
    says: /(?:held|not shipped) episode=episode-\d+ because .*data\.bin/,
  },
  {
    name: "an episode with a directory that shuts its owner out, and a unit without the capability",
    seen: shipperLog,
    make: async (bed) => {
      await bed.dropIn("lab1", "labfleet-shipper", "[Service]\nAmbientCapabilities=\nCapabilityBoundingSet=\n");
      await bed.record("mkdir sub; echo hi >sub/notes.txt; chown -R labfleet .; chmod 0000 sub");
    },
    says: /(?:held|not shipped) episode=episode-\d+ because .*sub/,
  },
  {
    name: "an immutable episode (chattr +i)",
    seen: shipperLog,
    make: async (bed) => {
      await bed.record("touch done.marker; chattr +i .");
    },
    says: /held episode=episode-\d+ because .* immutable/,
  },
  {
    name: "something is mounted on the episode",
    seen: shipperLog,
    make: async (bed) => {
      await bed.sh(
        "lab1",
        `mkdir ${EPISODES}/mounted; mount -t tmpfs tmpfs ${EPISODES}/mounted; ${finish(`${EPISODES}/mounted`)}`,
      );
      await bed.sh("lab1", "systemctl restart labfleet-shipper");
    },
    says: /held episode=mounted because/,
    mended: (bed) => bed.arrived("mounted"),
  },
];
