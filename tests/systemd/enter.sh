#!/bin/sh
# Runs a command as root inside a host that host.sh has booted: enter.sh DIR NAME CMD [ARG...]. Tests do little else, and most of
# what it could cost is processes; so it starts none but nsenter, and believes what host.sh noted of the last boot.
set -eu
host=$1/host/$2 name=$2
shift 2

down() { echo "host.sh: not up: $name" >&2 && exit 1; }

read -r leader 2>/dev/null <"$host/leader" || down
# A process that is gone, or another one by now, is no first process of a namespace.
nspid=
while read -r key value; do
  if [ "$key" = NSpid: ]; then nspid=$value && break; fi
done 2>/dev/null <"/proc/$leader/status" || down
case $nspid in *[!0-9]1) ;; *) down ;; esac

# Its cgroups, as a login would. Not with nsenter's own fork: it stops itself when its child is stopped, which a shutdown does, and
# the shutdown then waits for it to reap the child.
while read -r file; do
  { echo 0 >"$file"; } 2>/dev/null || { mkdir -p "${file%/*}" && echo 0 >"$file"; }
done <"$host/cgroups"
exec nsenter -t "$leader" --all --no-fork env -i HOME=/root LANG=C.UTF-8 TERM=dumb \
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -c '"$@"; exit $?' sh "$@"
