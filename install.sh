#!/bin/sh
# Installs labfleet: puts its installer together from a release, proves it, and hands over to it.
#
#   sudo sh install.sh --bundle labfleet-0.1.0.tar [--dry-run] [what the installer is told]
#   curl -fsSk https://collector.wg:8443/install.sh | sudo sh -s -- --url https://collector.wg:8443 [the same]
#
# The same in every release but for the digests of that release's installers. It runs nothing, and writes nothing, before it has been
# read to its last line.

# One group from here to the end: cut off anywhere it is none, and nothing of it is run.
{
# The executables of this release: SHA-256 of the whole, then of its three pieces.
installer_of() {
  case $1 in
  # @INSTALLERS@
  *) return 1 ;;
  esac
}

say() { printf 'install.sh: %s\n' "$*" >&2; }

# what, fix
die() {
  say "$1"
  say "fix: $2"
  exit "${3:-2}"
}

# The build for this machine: what it runs, and not what its kernel could.
target() {
  [ "$(uname -s)" = Linux ] || die "this is no Linux" "install on a lab host or a collector"
  case $(uname -m) in
  x86_64)
    loader /lib64/ld-linux-x86-64.so.2
    if grep -qw avx2 /proc/cpuinfo; then
      echo linux-x64
    elif grep -qw sse4_2 /proc/cpuinfo; then
      echo linux-x64-baseline
    else
      die "this processor has no SSE4.2" "there is no build for it"
    fi
    ;;
  aarch64)
    loader /lib/ld-linux-aarch64.so.1
    echo linux-arm64
    ;;
  *) die "there is no build for $(uname -m)" "install on x86_64 or aarch64" ;;
  esac
}

# A 64-bit kernel may run a 32-bit system, and not every system has glibc.
loader() {
  [ -e "$1" ] && return
  for musl in /lib/ld-musl-*; do
    [ -e "$musl" ] && die "this system has musl and no glibc ($musl)" "install on one with glibc, such as Debian"
  done
  die "there is no $1: this system is not of the kind of its kernel" "install a 64-bit system"
}

# Onto the disk, and no more of it than any release has: nobody knows yet who sends it. Units of 512 bytes.
MAX_BLOCKS=400000

fetch() (
  ulimit -f "$MAX_BLOCKS"
  if command -v curl >/dev/null; then
    curl -fsSk --connect-timeout 20 --speed-limit 100 --speed-time 30 -o "$2" "$1"
  else
    wget -q -T 30 --no-check-certificate -O "$2" "$1"
  fi
)

unpack() (
  ulimit -f "$MAX_BLOCKS"
  gzip -dc "$1" >>"$2" 2>/dev/null
)

# A piece of the installer, behind those that are there. Whoever it comes from, the whole is proved by its digest.
piece() {
  packed=$stage/piece.gz
  if [ -n "$bundle" ]; then
    tar -xOf "$bundle" -- "$prefix/pieces/$1.gz" >"$packed" 2>/dev/null || damaged
  else
    fetch "$url/releases/current/pieces/$1.gz" "$packed" ||
      die "$url does not give the installer of this release" \
        "see on the collector whether it runs, and what it serves: sudo receiver status; sudo receiver release list" 3
  fi
  unpack "$packed" "$stage/installer" || damaged
  rm -f "$packed"
}

damaged() {
  die "$from is damaged, or has not all of it" "take it anew, and this script with it" 3
}

# Whether a person can be asked: there is a terminal, and it listens to us. A job in the background that reads it is stopped for ever.
can_ask() {
  [ -t 1 ] && (: </dev/tty) 2>/dev/null || return 1
  stat=$(cat "/proc/$$/stat") || return 1
  # shellcheck disable=SC2086 # its fields: state ppid pgrp session tty tpgid
  set -- ${stat##*) }
  [ "$3" = "$6" ]
}

main() {
  set -eu
  umask 022
  bundle=
  url=
  dry=
  count=$#
  while [ "$count" -gt 0 ]; do
    arg=$1
    shift
    count=$((count - 1))
    case $arg in
    --bundle)
      [ "$count" -gt 0 ] || die "--bundle: a file has to follow" "--bundle labfleet-0.1.0.tar"
      bundle=$1
      shift
      count=$((count - 1))
      ;;
    --bundle=*) bundle=${arg#--bundle=} ;;
    --url)
      [ "$count" -gt 0 ] || die "--url: an address has to follow" "--url https://collector.wg:8443"
      url=$1
      shift
      count=$((count - 1))
      set -- "$@" --url "$url"
      ;;
    --url=*)
      url=${arg#--url=}
      set -- "$@" "$arg"
      ;;
    --dry-run) dry=1 ;;
    *) set -- "$@" "$arg" ;;
    esac
  done
  url=${url%/}
  from=${bundle:-$url}
  [ -n "$from" ] || die "say where the release is" "--bundle FILE: the .tar of that release, or --url: the collector"
  [ -z "$bundle" ] || [ -f "$bundle" ] || die "there is no file $bundle" "--bundle FILE: the .tar of that release"
  for tool in tar gzip sha256sum uname mktemp df grep find; do
    command -v "$tool" >/dev/null || die "there is no $tool here" "install it: nothing is taken that cannot be proved"
  done
  [ "$(id -u)" = 0 ] || [ -n "$dry" ] || die "installing is root's to do" "sudo sh install.sh ..."
  build=$(target)
  found=$(installer_of "$build") || die "this release has no installer for $build" "take one that was made for this machine"
  if [ -n "$bundle" ]; then
    case $bundle in /*) ;; *) bundle=$PWD/$bundle ;; esac
    # A name that a tar of ours never has could be an option to tar.
    list=$(tar -tf "$bundle" | grep -m 1 -x '[A-Za-z0-9][A-Za-z0-9._+-]*/release.json') ||
      die "$bundle holds no release" "take the .tar of a release"
    prefix=${list%/release.json}
    set -- "$@" --bundle "$bundle"
  else
    command -v curl >/dev/null || command -v wget >/dev/null || die "there is neither curl nor wget here" "install one of them"
  fi
  if [ -n "$dry" ]; then
    say "the installer for $build would be put together in /opt/labfleet, and be told: $*"
    return 0
  fi
  put_and_run "$@"
}

put_and_run() {
  mkdir -p /opt/labfleet
  free=$(df -Pk /opt/labfleet | { while read -r _ _ _ kib _; do last=$kib; done && echo "$last"; })
  [ "$free" -gt 200000 ] || die "/opt/labfleet has $free KiB free, and 200000 are needed to begin with" "make room there"
  # What a power cut has left.
  find /opt/labfleet -maxdepth 1 -name '.install.*' -mmin +60 -exec rm -rf {} +
  stage=$(mktemp -d /opt/labfleet/.install.XXXXXX)
  trap 'rm -rf "$stage"; rmdir /opt/labfleet 2>/dev/null || :' EXIT
  trap 'exit 130' HUP INT TERM
  # shellcheck disable=SC2086 # four digests
  put $found
  status=0
  "$stage/installer" --version >/dev/null || status=$?
  case $status in
  0) ;;
  126) die "nothing can be run in /opt/labfleet" "mount it without noexec" 3 ;;
  132) die "this processor lacks an instruction that the installer needs" "there is no build for it" 3 ;;
  *) die "the installer does not run here: it ends with $status" "say so to whoever makes your releases" 3 ;;
  esac
  if can_ask; then
    "$stage/installer" "$@" </dev/tty || status=$?
  else
    "$stage/installer" apply "$@" </dev/null || status=$?
  fi
  return "$status"
}

# whole head runtime tail
put() {
  for digest in "$2" "$3" "$4"; do piece "$digest"; done
  printf '%s  %s\n' "$1" "$stage/installer" | sha256sum -c >/dev/null 2>&1 ||
    die "the installer of $from is not the one that this script belongs to" "take both from one release" 3
  chmod 755 "$stage/installer"
}

main "$@"
exit
}
