#!/bin/sh
# labfleet's installer is not written yet: this says so, and what to do until then. Everything is inside main(), so that
# a download that was cut off does nothing.
set -eu

main() {
  cat >&2 <<'TEXT'
labfleet: the installer is still to come; it will install the executables under /opt/labfleet, ask for what it needs,
and write the systemd units. Until then: docs/operating.md, "Installing by hand".
TEXT
  exit 2
}

main "$@"
