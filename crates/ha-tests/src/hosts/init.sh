#!/usr/bin/env bash
# The first process of a host, in namespaces of its own: makes it a machine of its own, then runs dockerd for as long as
# the host is on, as a service manager would.
#
# init.sh NAME RUN DATA CGROUP-PARENT MACHINE-ROOT
#   RUN           the host's directory for sockets and state, also seen by the machine
#   DATA          the host's disk: docker/ or the image disk, etc-docker/, engine-options, engine-programs
#   MACHINE-ROOT  where the machine's own engine keeps its data
set -euo pipefail
name=$1 run=$2 data=$3 parent=$4 machine_root=$5

# /proc is still the machine's, so this is the process id there.
read -r outer _ </proc/self/stat

# A private copy of the machine's mounts keeps what they lead to alive: other engines' layers, other hosts' namespaces.
mount --make-rprivate /
while read -r mounted; do umount -l "$mounted" 2>/dev/null || true; done < <(
  awk -v root="$machine_root/" 'index($2, root) == 1 || $3 == "nsfs" { print $2 }' /proc/self/mounts | tac
)
mount -t proc proc /proc

# /sys shows the devices of the namespace that mounts it; the control groups stay.
aside=$data/aside
mkdir -p "$aside"
mount --rbind /sys/fs/cgroup "$aside"
mount -t sysfs sysfs /sys
mount --rbind "$aside" /sys/fs/cgroup
umount -l "$aside"

# A /run of its own, lost when the host goes off. containerd puts sockets into /run/containerd whatever it is told, and
# /run/docker.sock must be this host's engine. Only the directory that the machine looks into stays the same.
mount --bind "$run" "$aside"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p "$run" /run/lock
mount --bind "$aside" "$run"
umount -l "$aside"

mkdir -p /var/lib/docker /etc/docker
if [[ -e $data/disk ]]; then
  # The loop device goes with the last mount, and that with this namespace.
  mount -o loop "$data/disk" /var/lib/docker
else
  mount --bind "$data/docker" /var/lib/docker
fi
# The engine's id is in there, and daemon.json.
mount --bind "$data/etc-docker" /etc/docker
hostname "$name"

stopping='' engine=''
trap 'stopping=1; [[ -z $engine ]] || kill -TERM "$engine" 2>/dev/null || true' TERM
pause() {
  sleep "$1" &
  wait $! || true
}
echo "$outer" >"$run/init.pid.new"
mv "$run/init.pid.new" "$run/init.pid"

for start in {1..1000}; do
  for _ in {1..36000}; do
    [[ -e $run/engine-stopped && -z $stopping ]] || break
    pause 0.1
  done
  [[ -z $stopping ]] || break
  rm -f /run/docker.pid "$run/docker.sock"
  options=()
  [[ ! -e $data/engine-options ]] || mapfile -t options <"$data/engine-options"
  # What it starts (containerd, runc, ...) it looks for in the same folders.
  programs=$(<"$data/engine-programs")
  PATH="${programs:+$programs:}$PATH" dockerd --data-root /var/lib/docker --exec-root /run/docker --pidfile /run/docker.pid \
    --host "unix://$run/docker.sock" --host unix:///run/docker.sock \
    --cgroup-parent "$parent" --exec-opt native.cgroupdriver=cgroupfs \
    --log-level warn "${options[@]}" &
  engine=$!
  # A signal ends `wait`, and it also reaps the orphans that the first process inherits.
  for _ in {1..1000}; do
    wait "$engine" || true
    kill -0 "$engine" 2>/dev/null || break
  done
  engine=''
  [[ -z $stopping ]] || break
  [[ -e $run/engine-stopped ]] || { echo "dockerd of $name ended (start $start); again in a second" >&2; pause 1; }
done
