#!/bin/sh
# A machine that systemd runs, in the network namespace that this is started in:
#
#   systemd_machine.sh FOLDER NAME PACKAGES PROGRAMS
#
# FOLDER is where its files are, NAME its own and its cgroup's. Its root is this machine's, below a layer
# that nobody else sees, with what name_services.sh unpacked into PACKAGES, and the folder PROGRAMS as
# /opt/simplevpn. When its process 1 ends it starts anew, as a machine does whose power comes back; each
# time this prints "Booting as PID". What it writes stays, but for /run, /tmp and /dev. Kernel settings
# other than the network's are read-only to it.
set -eu

folder=$1 name=$2
root=$folder/root
# scripts/lab_guard.ts removes what systemd makes below it.
cgroup=$folder/cgroups/$name

make_root() {
  packages=$1 programs=$2
  mount -t tmpfs -o mode=755 tmpfs "$folder"
  mkdir "$root" "$folder/upper" "$folder/work" "$folder/cgroups"
  mount -t cgroup2 cgroup2 "$folder/cgroups"
  mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$root"
  for package in systemd-resolved libsystemd-shared polkitd; do
    tar -C "$packages/$package" -c . | tar -C "$root" -x --keep-directory-symlink
  done
  systemd-sysusers --root="$root" systemd-resolve.conf polkitd.conf
  ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
  : >"$root/etc/fstab"
  echo "$name" >"$root/etc/hostname"
  # Without one, systemd takes this for the first boot, and enables every service that there is.
  tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
  enable_services
  mkdir -p "$root/opt/simplevpn"
  mount --bind "$programs" "$root/opt/simplevpn"
}

# Nothing runs but what is named here, and what that needs.
enable_services() {
  vendor=/lib/systemd/system
  own=$root/etc/systemd/system
  rm -rf "$own" "$root/lib/systemd/system-generators" "$root$vendor"/*.target.wants
  mkdir -p "$own/sysinit.target.wants"
  for unit in systemd-journald.service systemd-tmpfiles-setup.service systemd-resolved.service dbus.socket; do
    ln -s "$vendor/$unit" "$own/sysinit.target.wants"
  done
  ln -s "$vendor/systemd-resolved.service" "$own/dbus-org.freedesktop.resolve1.service"
  ln -s "$vendor/multi-user.target" "$own/default.target"
}

# In namespaces of its own, as the process that becomes systemd.
boot() {
  # The number that it has outside, of which this /proc is.
  read -r pid _ </proc/self/stat
  mount -t proc proc "$root/proc"
  mount --bind "$root/proc/sys" "$root/proc/sys"
  mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
  mount -o remount,bind,ro "$root/proc/sys"
  mount -t sysfs sysfs "$root/sys"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
  mount -t tmpfs -o mode=755 tmpfs "$root/run"
  mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
  make_devices "$root/dev"
  cd "$root"
  pivot_root . mnt
  echo "Booting as $pid" >&2
  exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 container=simplevpn-lab \
    chroot . sh -c 'umount -l /mnt && exec /lib/systemd/systemd --log-target=journal'
}

make_devices() {
  mount -t tmpfs -o mode=755 tmpfs "$1"
  mkdir "$1/net" "$1/pts" "$1/shm"
  mknod -m 666 "$1/net/tun" c 10 200
  for device in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "$1/${device%:*}" c 1 "${device#*:}"
  done
  mknod -m 666 "$1/tty" c 5 0
  mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/pts"
  ln -s pts/ptmx "$1/ptmx"
  ln -s /proc/self/fd "$1/fd"
}

if [ $# -eq 2 ]; then
  boot
fi
make_root "$3" "$4"
mkdir "$cgroup"
trap 'kill -9 $machine; exit' TERM
while :; do
  sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$cgroup" \
    unshare --cgroup --mount --pid --uts --ipc --fork --kill-child sh "$0" "$folder" "$name" &
  machine=$!
  wait "$machine" || true
done
