#!/bin/sh
# Installs what the benchmarks compare labfleet with, and what they measure with (Debian, Ubuntu; needs root).
# nginx-light has the DAV module (PUT) built in; its service is not needed: the benchmarks start their own nginx.
set -eu
apt-get -o DPkg::Lock::Timeout=300 update -qq
DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends nginx-light rclone zstd curl time tar util-linux
