#!/bin/sh
# As on a machine that systemd runs: installed.sh FOLDER COMMAND ... runs a command with copies of the
# folders that install and useradd change, in the mounts of this process alone. The systemctl there only
# writes its arguments to FOLDER/systemctl.
set -eu
folder=$1
shift
mount -t tmpfs none "$folder"
for place in /etc /usr/local /var/lib; do
  layer=$folder$place
  mkdir -p "$layer/upper" "$layer/work"
  mount -t overlay overlay -o "lowerdir=$place,upperdir=$layer/upper,workdir=$layer/work" "$place"
done
mount -t tmpfs none /run
mkdir -p /run/systemd/system /usr/local/sbin
printf '#!/bin/sh\necho "$@" >>%s/systemctl\n' "$folder" >/usr/local/sbin/systemctl
chmod 755 /usr/local/sbin/systemctl
exec sh -c "$1"
