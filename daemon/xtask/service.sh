#!/usr/bin/env bash
# The release build as a service under a real systemd of its own, in namespaces over an overlay of this machine:
# started, asked, watched, reloaded with a bad file, stopped. Nothing is left behind. Exit 77: not possible here.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$top/target}
release=$target/release

# Second life of this script, in the new namespaces: lay the machine out and become systemd.
if [ "${1-}" = inside ]; then
  stage=$2
  mount -t tmpfs tmpfs "$stage"
  mkdir "$stage"/{upper,work,root}
  mount -t overlay overlay -o "lowerdir=/,upperdir=$stage/upper,workdir=$stage/work" "$stage/root"
  cd "$stage/root"
  # As in the README's «as a service».
  install -D "$release/icescope" usr/bin/icescope
  install -D -t usr/lib/icescope/plugins "$release"/plugins/*.so
  install -D -m 644 "$top/config/icescope.toml" etc/icescope/icescope.toml
  install -D -m 644 "$top/config/systemd/icescope.service" etc/systemd/system/icescope.service
  # The viewer and its Python, should they lie on other file systems than this machine's root.
  mkdir -p opt/clients opt/venv
  mount --bind "$top/web/e2e/clients" opt/clients
  mount --bind "$target/venv" opt/venv
  # What a container has no use for, or what would reach for the machine's devices.
  for unit in systemd-udevd systemd-modules-load systemd-sysctl systemd-networkd systemd-resolved systemd-logind \
    systemd-random-seed systemd-timesyncd systemd-journal-flush; do
    ln -sf /dev/null "etc/systemd/system/$unit.service"
  done
  mount -t proc proc proc
  mount -t sysfs sysfs sys
  mount -t cgroup2 cgroup2 sys/fs/cgroup
  mount --rbind /dev dev
  mount -t tmpfs tmpfs run
  mount -t tmpfs tmpfs tmp
  # ICE wants an interface that is not the loopback.
  ip link set lo up
  ip link add wire0 type veth peer name wire1
  ip address add 192.0.2.10/24 dev wire0
  ip link set wire0 up
  ip link set wire1 up
  ip route add default via 192.0.2.1
  mkdir -p before
  pivot_root . before
  umount -l /before
  exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . /lib/systemd/systemd --unit=basic.target --log-target=journal
fi

namespaces=(unshare --mount --pid --fork --cgroup --uts --ipc --net --kill-child)
if [ "$(id -u)" != 0 ] || ! "${namespaces[@]}" true 2>/dev/null; then
  echo "SKIPPED: this needs root and the right to make namespaces"
  exit 77
fi
stage=$(mktemp -d)
"${namespaces[@]}" bash "${BASH_SOURCE[0]}" inside "$stage" >"$stage.log" 2>&1 &
holder=$!
trap 'kill -9 $holder 2>/dev/null || true; wait $holder 2>/dev/null || true; rmdir "$stage"; rm -f "$stage.log"' EXIT

failed() {
  echo "FAILED: $1"
  cat "$stage.log"
  enter journalctl --unit icescope --no-pager --output cat 2>/dev/null | tail -40 || true
  exit 1
}
# util-linux forks: the child of unshare is the new machine's process 1.
machine() { ps --no-headers -o pid --ppid "$holder" | head -1 | tr -d ' '; }
enter() { nsenter --target "$(machine)" --all "$@"; }
show() { enter systemctl show icescope --property "$1" --value; }
for attempt in $(seq 100); do
  enter systemctl is-active basic.target >/dev/null 2>&1 && break
  [ "$attempt" = 100 ] && failed "systemd did not come up"
  sleep 0.2
done

enter systemctl start icescope || failed "it did not start"
[ "$(show ActiveState)" = active ] || failed "it is not active"
[[ "$(show StatusText)" == "Open http://127.0.0.1:8085" ]] || failed "its status does not say where to look"
user=$(enter ps --no-headers -o user "$(show MainPID)")
[ "$user" = icescope ] || failed "it runs as $user"
plugins=$(enter python3 -c 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:8085/api/plugins").read().decode())')
[[ "$plugins" == *'"state":"ready"'* ]] || failed "systemd was told it is ready, and its plugin is not: $plugins"
viewer=$(enter /opt/venv/bin/python /opt/clients/aiortc_viewer.py http://127.0.0.1:8085 30) || failed "nobody can watch: $viewer"
echo "ready under systemd as user $user; aiortc saw $viewer"

enter sh -c 'echo "lisen = 1" >>/etc/icescope/icescope.toml'
before=$(show MainPID)
enter systemctl reload icescope || failed "the reload command failed"
for attempt in $(seq 100); do
  enter journalctl --unit icescope --no-pager --output cat | grep -q 'the old one stays in force' && break
  [ "$attempt" = 100 ] && failed "a bad file is not told in the journal"
  sleep 0.1
done
[ "$(show ActiveState)/$(show MainPID)" = "active/$before" ] || failed "a bad file stopped it"

enter systemctl stop icescope || failed "it did not stop"
[ "$(show ActiveState)/$(show Result)" = inactive/success ] || failed "it stopped badly: $(show ActiveState) $(show Result)"
if enter ps --no-headers -eo args | grep -E '^(/usr/bin/icescope|/proc/self/exe plugin-host)'; then failed "processes were left behind"; fi
echo "a bad file changed nothing; it stopped cleanly"
