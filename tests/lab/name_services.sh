#!/usr/bin/env bash
# Unpacks systemd-resolved, polkitd, openresolv and Debian's resolvconf for the lab tests of DNS and of
# services, without installing them: their packages would change this machine's own DNS, and start
# services. Each has a folder of its own, as two have a resolvconf; libraries are with what needs them.
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

# unpack NAME PACKAGE ...: into the folder NAME
unpack() {
  local name=$1 package
  shift
  (cd "$packages" && apt-get download -qq "$@")
  mkdir -p "$folder/$name"
  for package; do
    dpkg-deb --extract "$packages/${package}"_*.deb "$folder/$name"
  done
}

unpack systemd-resolved systemd-resolved
unpack libsystemd-shared libsystemd-shared
unpack polkitd polkitd libpolkit-gobject-1-0 libpolkit-agent-1-0 libduktape207 libglib2.0-0 libffi8
unpack openresolv openresolv
unpack resolvconf resolvconf
