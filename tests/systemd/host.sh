#!/bin/bash
# Throwaway hosts for tests: a real systemd as PID 1 with journald, /dev/log and a network, booted by systemd-nspawn
# from this machine's /usr under a generated /etc and an empty /var. The machine itself may run any init, or none.
#
#   host.sh -s DIR up NAME [NSPAWN_OPTION...]   boot, for example with --bind-ro=/SRC:/DST; prints NAME STATE IP
#   host.sh -s DIR exec NAME CMD [ARG...]       run as root inside; stdin, stdout and the exit code pass through
#   host.sh -s DIR net CMD [ARG...]             run on this machine, but on the lab network, where host names resolve
#   host.sh -s DIR reboot [-f] NAME             next boot from the same disk; -f pulls the power plug
#   host.sh -s DIR down NAME... | down -a       kill hosts, remove every trace; the last one takes the network along
#   host.sh -s DIR list                         NAME IP PID, one host a line; PID is its PID 1 seen from here, - if off
#
# DIR keeps a few small files; the disks are in memory and vanish with their host. Paths in NSPAWN_OPTION are absolute.
# shellcheck disable=SC2016,SC2064 # single quotes are for other shells, double ones in "trap" for the values of now
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
SELF=$(realpath "${BASH_SOURCE[0]}")
NET=10.77.0 # seen only on the lab network, so it cannot clash with the machine's own addresses
WAIT=30     # seconds for a boot, and for an orderly shutdown

die() { echo "host.sh: $*" >&2 && exit 1; }
lock() { exec 9<"$STATE" && flock 9; } # the directory itself, so that no lock file stays behind
hosts() { cd "$STATE/host" 2>/dev/null && ls; }
cgroup_roots() { # the hierarchies in which every host gets a cgroup: one on a pure v2 machine, several on a hybrid one
  awk '$3 == "cgroup2" || $3 == "cgroup" && $4 ~ /(^|,)(memory|pids|cpu|cpuacct|blkio|devices|name=systemd)(,|$)/ {
    if (!seen[$2]++) print $2 }' /proc/self/mounts
}
running() { # prints the pid in file $1 if that process still has $2 in its command line: pids get used again
  local pid args=()
  { read -r pid <"$1"; } 2>/dev/null || return 1
  while [ ${#args[@]} = 0 ] && [ -e "/proc/$pid/exe" ]; do # it reads empty for a moment amid an exec
    { mapfile -d '' -t args <"/proc/$pid/cmdline"; } 2>/dev/null || return 1
  done
  [[ "${args[*]} " = *"$2"* ]] && echo "$pid"
}
switch() { running "$STATE/switch" " $STATE _switch "; }
keeper() { running "$STATE/host/$1/pid" " $STATE _boot $1 "; } # the unshare whose only child is systemd-nspawn
leader() {                                                     # the host's PID 1, seen from here
  local pid
  for pid in $(keeper "$1" | xargs -r pgrep -P | xargs -r pgrep -P); do
    if grep -qs '^NSpid:.*[[:space:]]1$' "/proc/$pid/status"; then echo "$pid" && return; fi
  done
  return 1
}

note_way_in() { # what enter.sh needs to know of host $1
  local leader
  leader=$(leader "$1") && cgroup_files "$1" exec >"$STATE/host/$1/cgroups" && echo "$leader" >"$STATE/host/$1/leader"
}
inside() { sh "$(dirname "$SELF")/enter.sh" "$STATE" "$@"; }

# --- booting ---
_switch() { # A sleeping process holds the lab network, a bridge, in its network namespace, and a tmpfs for the disks in
  # its mount namespace. Neither shows on the machine, and both end with it and the hosts.
  mount -t tmpfs -o mode=755 tmpfs "$STATE/disk" && mount --bind "$STATE/hosts" /etc/hosts
  ip link set dev lo up && ip link add br0 type bridge && ip addr add "$NET.1/24" dev br0 && ip link set dev br0 up
  exec -a "labfleet $STATE _switch" sleep infinity >/dev/null 2>&1 9>&- &
  echo $! >"$STATE/switch"
}
write_hosts() { # in place, because it is bind-mounted into every host and into the switch
  local name
  printf '%s\n' "127.0.0.1 localhost" "$NET.1 runner" >"$STATE/hosts"
  for name in $(hosts); do echo "$(cat "$STATE/host/$name/ip") $name" >>"$STATE/hosts"; done
}
make_disk() { # $1 root directory, $2 host name. Nothing enabled, no secrets, nothing of /home, /root, /opt or /srv.
  local file
  mkdir -p "$1"/{usr,etc/systemd/system,var/{lib,log/journal,tmp},run,tmp,root,proc,sys,dev,home,opt,srv}
  chmod 1777 "$1/tmp" "$1/var/tmp" && chmod 700 "$1/root" && cd /
  for file in {bin,sbin,lib,lib32,lib64,libx32} etc/{passwd,group,nsswitch.conf,login.defs,shells,services,protocols} \
    etc/{ld.so.cache,ld.so.conf,ld.so.conf.d,alternatives,pam.d,pam.conf,security,dbus-1,localtime,profile} \
    etc/{ssl/openssl.cnf,ssl/certs/ca-certificates.crt,pki/ca-trust,pki/tls,crypto-policies,iproute2,terminfo}; do
    if [ -e "$file" ]; then cp -a --parents "$file" "$1/"; fi
  done
  cp -L etc/os-release "$1/etc/os-release" # not a link into /usr: nspawn reads it before /usr is mounted
  sed 's/:.*/:*:19000:0:99999:7:::/' etc/passwd >"$1/etc/shadow" && chmod 600 "$1/etc/shadow"
  tr -d - <proc/sys/kernel/random/uuid >"$1/etc/machine-id" # empty means "first boot": all units would get enabled
  echo "$2" >"$1/etc/hostname" && touch "$1/etc/hosts" "$1/etc/fstab"
  ln -s /lib/systemd/system/multi-user.target "$1/etc/systemd/system/default.target"
}
cgroup_files() { # who writes 0 into them enters host $1's cgroups, $2 below them
  local dir
  for dir in $(cgroup_roots); do
    dir=$dir/$TAG-$1 && if [ -d "$dir/payload" ]; then dir=$dir/payload; fi # where nspawn puts the host itself
    mkdir -p "$dir/$2" && echo "$dir/$2/cgroup.procs"
  done
}
_boot() { # runs in the switch's network namespace, and in mount and PID namespaces of its own
  local name=$1 disk=$STATE/disk/$1 file
  if [ ! -d "$disk" ]; then mkdir -p "$disk/up" && make_disk "$disk/root" "$name"; fi
  cd "$disk" # for relative paths from here on: overlayfs and nspawn would trip over a comma or colon
  rm -rf work && mkdir work && mount -t overlay -o lowerdir=/usr,upperdir=up,workdir=work overlay root/usr
  mount --bind "$STATE/hosts" root/etc/hosts
  mount -t tmpfs tmpfs /run                      # nspawn's own runtime files, seen here only
  ip link del dev "vb-$name" 2>/dev/null || true # the last boot's cable may not be gone yet
  for file in $(cgroup_files "$name" ""); do echo 0 >"$file"; done # --keep-unit's, which two hosts must not share
  exec env -i PATH="$PATH" UNIFIED_CGROUP_HIERARCHY=1 systemd-nspawn --quiet --settings=no --register=no --keep-unit \
    -D root -M "$name" --hostname="$name" --network-bridge=br0 --kill-signal=SIGRTMIN+3 --system-call-filter=bpf \
    --console=pipe --link-journal=no --resolv-conf=off --timezone=off "${@:2}" \
    /bin/sh -c "$INIT" init "$(cat "$STATE/host/$name/ip")/24" "$NET.1" "$(grep -c ' cgroup ' /proc/self/mounts)"
}
# A host's first process. nspawn leaves v1 controllers read-only, so on a machine that uses some they are mounted again:
# in the cgroup namespace they show this host's part only. The tmpfs goes read-only to keep systemd off the others.
INIT='set -e
ip addr add "$1" dev host0 && ip link set dev host0 up && ip route add default via "$2"
if [ "$3" != 0 ]; then
  umount /sys/fs/cgroup && mount -t tmpfs -o mode=755,nosuid,nodev,noexec tmpfs /sys/fs/cgroup && cd /sys/fs/cgroup
  while IFS=: read -r _ name _; do
    case $name in
      "") mkdir unified && mount -t cgroup2 cgroup2 unified ;;
      name=systemd | memory | pids | cpu | cpuacct | cpu,cpuacct | blkio | devices)
        mkdir "${name#name=}" && mount -t cgroup -o "$name" cgroup "${name#name=}" ;;
    esac
  done </proc/self/cgroup
  mount -o remount,ro "$PWD" && cd /
fi
exec /lib/systemd/systemd'
start() { # boot a host whose files are there; let go of the lock; wait until systemd has started everything
  local name=$1 dir=$STATE/host/$1 deadline=$((SECONDS + WAIT)) pid state=""
  mapfile -d '' options <"$dir/options"
  # A PID namespace makes an end certain: its first process takes all others along. The child notes its pid itself,
  # before it lets go of the lock: "down" finds it even if this process is killed in between.
  setsid "$BASH" -c 'echo $$ >"$0"; exec 9>&-; exec "$@"' "$dir/pid" nsenter -t "$(switch)" -n -m \
    unshare --mount --pid --fork --kill-child --mount-proc "$BASH" "$SELF" -s "$STATE" _boot "$name" "${options[@]}" \
    </dev/null >>"$dir/console.log" 2>&1 &
  pid=$! && exec 9>&-
  until [[ $state =~ ^(running|degraded)$ ]]; do
    if ! kill -0 "$pid" 2>/dev/null || [ $SECONDS -ge $deadline ]; then die "no boot: $(tail "$dir/console.log")"; fi
    sleep 0.02
    note_way_in "$name" || continue
    state=$(inside "$name" timeout "$WAIT" systemctl is-system-running --wait 2>/dev/null) || true
  done
  note_way_in "$name" # by now its cgroups are where they stay
  echo "$name $state $(cat "$dir/ip")"
}

# --- ending ---
# What a test has made immutable goes too: the disk would stay, and with it the network.
WIPE='rm -rf "$1" 2>/dev/null || { find "$1" -type f,d -exec chattr -f -i -a {} + || true; rm -rf "$1"; }'
stop() { # kill whatever runs, then remove the cgroups, deepest first
  local pid root try
  while pid=$(keeper "$1"); do pkill -KILL -P "$pid" || sleep 0.01; done
  for root in $(cgroup_roots); do
    for try in {1..100}; do # a cgroup can stay busy for a moment after its last process
      if [ ! -d "$root/$TAG-$1" ]; then continue 2; fi
      find "$root/$TAG-$1" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.01
    done
    echo "host.sh: left behind after $try tries: $root/$TAG-$1" >&2
  done
}
remove() { # hosts, all at once; without a host left, the network too: then nothing remains but DIR itself
  local name pid all
  if [ "${1:-}" = -a ]; then mapfile -t all < <(hosts) && set -- "${all[@]}"; fi
  for name; do stop "$name" & done && wait
  for name; do
    if pid=$(switch); then nsenter -t "$pid" -m "$BASH" -c "$WIPE" wipe "$STATE/disk/$name"; fi
    rm -rf "${STATE:?}/host/$name"
  done
  if [ -n "$(hosts)" ]; then write_hosts && return; fi
  while pid=$(switch); do kill -KILL "$pid" && sleep 0.01; done
  rm -rf --one-file-system "$STATE"/{host,disk,hosts,switch}
}

up() {
  [[ ${1:-} =~ ^[a-z][a-z0-9-]{0,11}$ ]] || die "NAME is 1 to 12 of a-z 0-9 -, a letter first"
  local name=$1 dir=$STATE/host/$1 i
  shift && lock
  ! keeper "$name" >/dev/null || die "$name is up already"
  trap "trap '' INT TERM HUP; lock; remove $name" EXIT
  trap 'exit 130' INT && trap 'exit 143' TERM HUP
  if [ -d "$dir" ]; then remove "$name"; fi # it powered itself off, or an "up" was killed half-way
  for i in {11..250}; do if ! grep -qsx "$NET.$i" "$STATE"/host/*/ip; then break; fi; done
  mkdir -p "$dir" "$STATE/disk" && echo "$NET.$i" >"$dir/ip"
  if [ $# -gt 0 ]; then printf '%s\0' "$@"; fi >"$dir/options"
  write_hosts
  switch >/dev/null || setsid --wait unshare --net --mount "$BASH" "$SELF" -s "$STATE" _switch
  start "$name"
  trap - EXIT
}
reboot() {
  lock
  if [ "${1:-}" = -f ]; then shift; else # the sleep lasts as long as the host does
    (inside "${1:-}" timeout "$WAIT" sh -c 'systemctl poweroff; sleep infinity') >/dev/null 2>&1 || true
  fi
  stop "${1:?NAME}"
  start "$1"
}

if [ "${1:-}" != -s ] || [ $# -lt 3 ]; then sed -n '2,/^set /{/^#/p}' "$SELF" >&2 && exit 2; fi
if [ "$(id -u)" != 0 ]; then die "needs root"; fi
mkdir -p "$2" && STATE=$(realpath "$2")
TAG=labfleet-$(cksum <<<"$STATE" | cut -d' ' -f1) # tells two DIRs apart in the cgroup trees
case $STATE/ in /run/*) die "DIR cannot be below /run, which is hidden from systemd-nspawn" ;; esac
case $3 in
  up | reboot | _switch | _boot) "${@:3}" ;;
  down) lock && remove "${@:4}" ;;
  exec) inside "${4:-}" "${@:5}" ;;
  net) pid=$(switch || die "no host is up, so no network") && exec nsenter -t "$pid" -n -m env -C "$PWD" "${@:4}" ;;
  list) for name in $(hosts); do echo "$name $(cat "$STATE/host/$name/ip") $(leader "$name" || echo -)"; done ;;
  *) die "no such verb: $3" ;;
esac
