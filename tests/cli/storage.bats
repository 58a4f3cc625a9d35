#!/usr/bin/env bats
# users: alice bob root
# What puts the root together: the kernel's overlay, fuse-overlayfs, a copy (issue 3).
load lib

setup() {
  common_setup
  make_busybox_layer
  make_archive
  rbox load -q -i archive.tar
  drivers=(fuse-overlayfs copy)
  # In a user namespace since Linux 5.11.
  ! kernel_is 5 11 || drivers+=(overlay)
}

teardown() {
  teardown_containers
  ! mountpoint -q served || fusermount3 -u served
}

# What a program sees of the image, and what it can do with it.
LOOK='cat /keep/hard /keep/soft /added; ls /opaque; [ -e /gone ] || echo no gone
  stat -c "%n %a %u %g" /keep/file /bin/suid /sticky /owned-file
  cd /; rm -r opaque && mkdir opaque && ls -A opaque && echo new >opaque/x && mv opaque/x keep/file && cat keep/file
  ln keep/file keep/third && stat -c %h keep/file && chmod 600 keep/soft && stat -c %a keep/third'

with_driver() {
  local driver=$1
  shift
  rbox --storage-driver "$driver" run --network none "$@"
}

needs_fuse() {
  [ -r /dev/fuse ] && [ -w /dev/fuse ] || skip "this machine has no usable /dev/fuse"
}

@test "each driver shows the same image and takes the same changes" {
  needs_fuse
  local driver
  for driver in "${drivers[@]}"; do
    with_driver "$driver" --rm test/layers:1 sh -c "$LOOK" >"$driver"
    grep -qx "no gone" "$driver"
    diff "${drivers[0]}" "$driver"
  done
}

@test "each driver keeps the changes of a container that is started again" {
  needs_fuse
  local driver
  for driver in "${drivers[@]}"; do
    with_driver "$driver" --name kept test/layers:1 sh -c 'cat /note 2>/dev/null || echo first >/note; cat /added'
    [ "$(rbox start -a kept)" = $'first\nchanged' ]
    [ "$(rbox inspect --format '{{.GraphDriver.Name}}' kept)" = "$driver" ]
    rbox rm kept
  done
}

@test "each driver in a mount namespace says so" {
  needs_fuse
  local driver
  for driver in "${drivers[@]}"; do
    with_driver "$driver" --rm test/layers:1 cat /proc/mounts >"$driver"
    case $driver in
      overlay) grep -q '^overlay / overlay rw' "$driver" ;;
      fuse-overlayfs) grep -q '^overlay / fuse.fuse-overlayfs rw' "$driver" ;;
      copy) grep -q ' / ' copy && ! grep -q '^overlay ' copy ;;
    esac
  done
}

# The server of container $1: a child of the supervisor, outside of the container.
server_of() {
  local init supervisor pid
  init=$(rbox inspect --format '{{.State.Pid}}' "$1")
  supervisor=$(awk '/^PPid:/ { print $2 }' "/proc/$init/status")
  for pid in $(cat "/proc/$supervisor/task/$supervisor/children"); do
    [ "$(cat "/proc/$pid/comm")" = fuse-overlayfs ] && echo "$pid"
  done
}

@test "fuse-overlayfs is out of the container's reach; when it dies that is said, and the container can be ended" {
  needs_fuse
  local server
  with_driver fuse-overlayfs -d --name served test/layers:1 sh -c 'while :; do read -t 1 x </added; done' >/dev/null
  server=$(server_of served)
  [ -n "$server" ]
  [ "$(rbox exec served sh -c 'ls /proc | while read p; do cat /proc/$p/comm 2>/dev/null; done' | grep -c fuse-overlay)" = 0 ]
  kill -KILL "$server"
  until_true eval 'rbox logs served 2>&1 | grep -q "fuse-overlayfs died"'
  rbox rm -f served
  [ ! -e "/proc/$server" ]
}

@test "what cannot work is refused with the fix" {
  run rbox --storage-driver vfs run --rm test/layers:1 pwd
  [ "$status" -eq 125 ]
  [[ "$output" == *"'vfs' is not overlay, fuse-overlayfs or copy"* ]]
  if ! kernel_is 5 11; then
    run with_driver overlay --rm test/layers:1 pwd
    [ "$status" -eq 125 ]
    [[ "$output" == *"cannot mount overlay"*"(RBX-101)" ]]
  fi
}

# Run a script in a mount namespace of its own, whose store is on a file system without extended
# attributes: no overlay can be there.
without_overlay() {
  mkdir -p poor
  unshare -m bash -c 'mount -t ramfs ramfs poor && export RBOX_STORE=$PWD/poor && rbox() { "$RBOX_BUILD/rbox" "$@"; } && '"$1"
}

@test "where the kernel cannot, fuse-overlayfs is taken, and info says why" {
  is_user root || skip "only root can mount a poor file system"
  needs_fuse
  run without_overlay 'rbox run --rm --network none busybox grep " / " /proc/mounts; rbox info; rbox doctor'
  [[ "$output" == *"overlay / fuse.fuse-overlayfs"* ]]
  [[ "$output" == *"graphDriverName: fuse-overlayfs"* ]]
  [[ "$output" == *"graphDriverReason: "*overlay* ]]
  [[ "$output" == *"WARN  RBX-111  storage driver"* ]]
}

@test "where that is missing too, the copy is announced; asked for by name it is an error with the fix" {
  is_user root || skip "only root can hide a program"
  run without_overlay 'touch none && mount --bind none /usr/bin/fuse-overlayfs && chmod 644 none
    rbox run --rm --network none busybox echo works
    rbox --storage-driver fuse-overlayfs run --rm --network none busybox true; echo "status $?"'
  [[ "$output" == *"the image is copied for this container"*"fuse-overlayfs"* ]]
  [[ "$output" == *$'\nworks'* ]]
  [[ "$output" == *"hint: "*"apt-get install -y fuse-overlayfs"* ]]
  [[ "$output" == *"status 125"* ]]
}

# A file system that another program serves, with no owners but the caller's: sshfs, bindfs, a synced folder.
on_fuse() {
  mkdir -p kept served
  bindfs --no-allow-other kept served
  RBOX_STORE=$PWD/served/store
}

@test "a store on a FUSE file system: fuse-overlayfs serves it, owners that it cannot hold are refused by name (issue 3)" {
  not_for root "root may give files to anybody there, too"
  needs_fuse
  on_fuse
  run rbox load -q -i archive.tar
  if is_user alice; then
    [ "$status" -eq 125 ]
    [ "${#lines[@]}" -eq 2 ]
    [[ "${lines[0]}" == *"'./owned-file' belongs to 33:44, and the store's file system gives files to no other id than yours" ]]
    [[ "${lines[1]}" == *'export RBOX_STORE=/var/tmp/rbox-$USER  (RBX-110)' ]]
    [ -z "$(ls -A "$RBOX_STORE/tmp")" ]
    [[ "$(rbox doctor || true)" == *"WARN  RBX-110  the store: '$RBOX_STORE': FUSE gives files to no other id than yours: "*"Operation not permitted"* ]]
    rbox load -q --squash-ids -i archive.tar
  else
    [ "$status" -eq 0 ]
    [[ "$(rbox doctor || true)" == *"OK    RBX-110  the store"* ]]
  fi
  run rbox info
  [[ "$output" == *"graphDriverName: fuse-overlayfs"* ]]
  rbox run --rm --network none test/layers:1 pwd 2>told
  ! is_user alice || grep -q 'FUSE gives files to no other id than yours: .*: inside, nobody but root can write, .*(RBX-110)' told
  run rbox --storage-driver overlay run --rm --network none test/layers:1 pwd
  [ "$status" -eq 125 ]
  [[ "$output" == *"cannot mount overlay"*"(RBX-$(kernel_is 5 11 && echo 111 || echo 101))" ]]
  [ "$(rbox run --rm --network none test/layers:1 sh -c 'cat /added; stat -c %u:%g /owned-file; rm -r /opaque && mkdir /opaque && ls -A /opaque')" = $'changed\n0:0' ]
  rbox run -d --name lives --network none -v data:/data test/layers:1 sh -c 'echo kept >/data/f; exec sleep 1000' >/dev/null
  until_true rbox exec lives cat /data/f
  [ "$(rbox exec lives cat /data/f)" = kept ]
  rbox rm -f -t 0 lives
  rbox volume rm data
  rbox rmi test/layers:1
}
