#!/usr/bin/env bash
# Unpacks systemd-resolved, openresolv and Debian's resolvconf for tests/lab/dns_test.ts, without installing them: their
# packages would change this machine's own DNS. Each has a folder of its own, as each has a resolvconf.
# Debian or Ubuntu, with apt-get.
#
#   name_services.sh [FOLDER]      default /opt/simplevpn-lab
set -euo pipefail
folder=${1:-/opt/simplevpn-lab}
packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
# As the user "_apt", which apt-get has do its downloads.
chmod 755 "$packages"
chown _apt "$packages" 2>/dev/null || true
(cd "$packages" && apt-get download -qq systemd-resolved libsystemd-shared openresolv resolvconf)
for name in systemd-resolved libsystemd-shared openresolv resolvconf; do
  mkdir -p "$folder/$name"
  dpkg-deb --extract "$packages/$name"_*.deb "$folder/$name"
done
