#!/bin/bash
# Boots a real systemd as PID 1 of its own namespaces, for machine.ts. Nothing of the host changes: ROOT, its own root say, is the
# read-only lower layer of an overlay in memory; /proc/sys and /sys are read-only; /dev is a small one of its own.
#
#   machine.sh outside FOLDER ROOT [HOST_PATH MACHINE_PATH]...    prints the PID; ends, and takes the machine along, when stdin ends
#   machine.sh inside FOLDER ROOT [HOST_PATH MACHINE_PATH]...     becomes that systemd

set -euo pipefail

bind() { # bind FROM TO: TO shows FROM
  if [ -d "$1" ]; then mkdir -p "$2"; else mkdir -p "$(dirname "$2")"; touch "$2"; fi
  mount --bind "$1" "$2"
}

read_only() { # read_only PATH: PATH itself, or what is mounted there, can no longer be written
  [ -e "$1" ] || return 0
  mountpoint -q "$1" || mount --bind "$1" "$1"
  mount -o remount,bind,ro "$1"
}

outside() {
  trap '' INT TERM HUP # Ctrl-C ends the test run, and with it stdin
  mount -t tmpfs -o mode=0755 tmpfs "$1"
  mkdir "$1"/{cgroup,upper,work,root}

  # A cgroup of its own to be the root of the machine's cgroup namespace: two machines never meet.
  mount -t cgroup2 cgroup2 "$1/cgroup"
  cgroup=$1/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/$(basename "$1")
  mkdir "$cgroup"

  (
    echo "$BASHPID" >"$cgroup/cgroup.procs"
    exec setpriv --pdeathsig KILL unshare --pid --fork --kill-child --mount --cgroup --uts --ipc --mount-proc \
      "$BASH" "$0" inside "$@" </dev/null >/dev/null
  ) &
  unshare=$!
  systemd=
  until [ -n "$systemd" ] && [ "$(cat "/proc/$systemd/comm" 2>/dev/null)" = systemd ]; do
    systemd=$(cat "/proc/$unshare/task/$unshare/children" 2>/dev/null) || exit 1 # its message says why
    systemd=${systemd% }
    sleep 0.02
  done
  echo "$systemd"

  cat >/dev/null # until the test run closes the pipe or is dead
  kill -KILL "$systemd" 2>/dev/null || true
  wait "$unshare" 2>/dev/null || true
  while read -r directory; do
    for _ in {1..100}; do rmdir "$directory" 2>/dev/null && break || sleep 0.02; done
  done < <(find "$cgroup" -depth -type d)
  cd /
  umount --lazy "$1"
  rmdir "$1"
}

inside() {
  root=$1/root
  mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$root"
  mount --bind /proc "$root/proc"
  read_only "$root/proc/sys"
  read_only "$root/proc/sysrq-trigger"
  mount --bind /sys "$root/sys"
  read_only "$root/sys"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
  mount -t tmpfs -o mode=0755 tmpfs "$root/run"
  mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
  mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
  for device in /dev/{null,zero,full,random,urandom,tty,fuse,loop-control,loop[0-9]*}; do
    [ -c "$device" ] || [ -b "$device" ] && bind "$device" "$root$device"
  done
  mkdir "$root/dev/pts" "$root/dev/shm"
  mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
  mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
  ln -s pts/ptmx "$root/dev/ptmx"

  folder=$1
  shift 2
  while [ $# -gt 0 ]; do
    bind "$1" "$root$2"
    shift 2
  done
  rm -rf "$root"/etc/systemd/system/*.{wants,requires} # what this host starts at boot
  : >"$root/etc/fstab"
  cat /etc/hosts >"$root/etc/hosts" # in a container a mount of its own, so not in the lower layer

  cd "$root"
  mkdir -p "$root$folder"
  pivot_root . ".$folder"
  umount --lazy "$folder"
  mount --make-rshared / # as on any host: what systemd mounts for a unit, LoadCredential= say, must reach the unit
  # Time and kernel modules are the host's: no namespace keeps them apart. `container` tells systemd so.
  exec env -i container=tako PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    setpriv --bounding-set -sys_time,-sys_module /lib/systemd/systemd --system --unit=basic.target
}

"$@"
