#!/bin/sh
# The first process of the machine: mounts its disk and runs one program. What begins with 'kimdb: ' is for the host.
mount -t proc proc /proc
# The host's files are there read-only; only this machine's folder of the host can be written.
mount -t tmpfs tmpfs /mnt
mkdir /mnt/disk /mnt/host /mnt/tmp
mount -t hostfs none /mnt/host -o "$KIMDB_FOLDER"
export TMPDIR=/mnt/tmp HOME=/mnt/tmp
echo 'kimdb: mounting'
if mount -t "$KIMDB_FS" /dev/ubda /mnt/disk; then
  echo 'kimdb: mounted'
  if [ -n "$KIMDB_PROGRAM" ]; then
    LD_PRELOAD="$KIMDB_PRELOAD" "$KIMDB_NODE" "$KIMDB_PROGRAM" /mnt/host/orders.json
    echo "kimdb: ended with code $?"
  fi
else
  echo 'kimdb: cannot mount the disk'
fi
# The host turns the machine off.
exec sleep 100000
