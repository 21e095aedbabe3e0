#!/bin/bash
# A bucket service of Ceph from nothing, in memory, on 127.0.0.1: ceph-s3.sh PORT takes PORT to PORT+20 and prints
# `READY URL ACCESS_KEY SECRET_KEY`. It ends, with its daemons and its folder, on SIGTERM or when standard input ends.
# What tests/support/ceph.ts starts.

set -eu; exec 3<&0 </dev/null
PORT=$1; MON=$((PORT + 1)); AK=tako-access; SK=tako-secret; P=()
D=$(mktemp -d "${TMPDIR:-/tmp}/ceph-s3.XXXXXX"); K=$D/keyring; FS=$(cat /proc/sys/kernel/random/uuid); U=$(cat /proc/sys/kernel/random/uuid)
finish() {
  trap - EXIT INT TERM HUP; set +e; for p in "${P[@]}"; do kill "$p" 2>/dev/null; done
  for _ in $(seq 30); do alive=; for p in "${P[@]}"; do kill -0 "$p" 2>/dev/null && alive=1; done; [ "$alive" ] || break; sleep .1; done
  for p in "${P[@]}"; do kill -9 "$p" 2>/dev/null; wait "$p" 2>/dev/null; done; rm -rf "$D"
}
trap finish EXIT; trap 'exit 143' TERM HUP; trap 'exit 130' INT
daemon() { local log=$1; shift; setpriv --pdeathsig KILL "$@" >"$D/$log" 2>&1 & P+=($!); }
must() { "$@" >"$D/out" 2>&1 || { tail -5 "$D/out" >&2; exit 1; }; }
mkdir "$D/mon" "$D/osd"; must ceph-authtool -C "$K" -n mon. --gen-key --cap mon 'allow *'
for n in client.admin client.rgw.z osd.0; do must ceph-authtool "$K" -n $n --gen-key --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'; done
cat > "$D/ceph.conf" <<C
[global]
fsid = $FS
mon host = v2:127.0.0.1:$MON
public addr = 127.0.0.1
ms bind msgr1 = false
ms bind ipv6 = false
ms bind port min = $((PORT + 2))
ms bind port max = $((PORT + 20))
keyring = $K
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
run dir = $D
admin socket =
log file =
log to file = false
log to stderr = true
mon cluster log to file = false
debug rgw = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon data avail crit = 0
mon data avail warn = 0
mon max pg per osd = 1000
paxos propose interval = 0.01
paxos min wait = 0.01
osd objectstore = memstore
memstore device bytes = 4294967296
mon data = $D/mon
osd data = $D/osd
mon initial members = a
[client.rgw.z]
rgw frontends = beast endpoint=127.0.0.1:$PORT
rgw override bucket index max shards = 1
rgw enable usage log = false
rgw run sync thread = false
C
export CEPH_CONF="$D/ceph.conf" CEPH_ARGS=
must monmaptool --create --clobber --fsid "$FS" --addv a "[v2:127.0.0.1:$MON]" "$D/monmap"
must ceph-mon -i a --mkfs --monmap "$D/monmap" --keyring "$K"; daemon mon.log ceph-mon -f -i a
must timeout 30 ceph osd new "$U" 0; must ceph-osd -i 0 --mkfs --osd-uuid "$U"; daemon osd.log ceph-osd -f -i 0
for _ in $(seq 60); do timeout 10 ceph osd stat 2>/dev/null | grep -q '1 up' && break; sleep .2; done
must timeout 60 radosgw-admin -n client.rgw.z user create --uid=tako --display-name=tako --access-key="$AK" --secret-key="$SK"
daemon rgw.log radosgw -f -n client.rgw.z
for _ in $(seq 300); do curl -sf -o /dev/null "http://127.0.0.1:$PORT/" && break; kill -0 "${P[-1]}" 2>/dev/null || { tail -5 "$D/rgw.log" >&2; exit 1; }; sleep .1; done
must curl -sf "http://127.0.0.1:$PORT/"; echo "READY http://127.0.0.1:$PORT $AK $SK"
cat <&3 >/dev/null & P+=($!); wait $!
