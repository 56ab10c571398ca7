#!/bin/bash
# Installs what tests/systemd/host.sh needs on a Debian or Ubuntu machine; returns at once when everything is there.
set -euo pipefail

packages=(
  systemd           # what boots inside the throwaway hosts
  systemd-container # systemd-nspawn
  dbus              # systemctl inside a host talks to its own message bus
  iproute2          # the lab network: bridge and veth pairs
  util-linux        # unshare, nsenter, flock, setsid, mount, logger
  procps            # pgrep, pkill
  libpam-systemd    # login sessions and users' managers inside the hosts
  login bsdutils    # login(1) and script(1), for a login shell in a test
)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=""
  if [ "$status" != installed ]; then missing+=("$package"); fi
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
  echo "install-packages: run as root to install: ${missing[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=300 update -q
apt-get -o DPkg::Lock::Timeout=300 install -q -y --no-install-recommends "${missing[@]}"
