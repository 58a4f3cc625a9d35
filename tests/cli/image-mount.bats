#!/usr/bin/env bats
# users: alice bob root
# image mount and image tree (issue 4).
load lib

setup() {
  common_setup
  make_busybox_layer
  make_archive
  rbox load -q -i archive.tar
}

# No process of this user has something mounted where images go.
not_mounted() {
  ! cat /proc/[0-9]*/mountinfo 2>/dev/null | grep -q "$RBOX_BUILD/mnt"
}

teardown() {
  until_true not_mounted
  [ -z "$(ls -A "$RBOX_BUILD/mnt")" ]
  common_teardown
}

@test "image mount: the command sees the image, whiteouts and owners done, read-only, and nothing is left" {
  run rbox image mount test/layers:1 -- sh -c 'cat $RBOX_MOUNT/keep/file $RBOX_MOUNT/added; ls $RBOX_MOUNT/opaque; [ -e $RBOX_MOUNT/gone ] || echo no gone; id -u'
  [ "$status" -eq 0 ]
  [ "${lines[*]}" = "base changed new no gone 0" ]
  run rbox image mount test/layers:1 -- sh -c 'touch $RBOX_MOUNT/x || touch $RBOX_MOUNT/../x'
  [ "$status" -eq 1 ]
  [[ "$output" == *"Read-only file system"*"Read-only file system"* ]]
  is_user bob || [ "$(rbox image mount test/layers:1 -- sh -c 'stat -c %u:%g $RBOX_MOUNT/owned-file')" = 33:44 ]
  # What the copying fallback shows is the same.
  run rbox --storage-driver copy image mount test/layers:1 -- sh -c 'cat $RBOX_MOUNT/added; [ -e $RBOX_MOUNT/gone ] || echo no gone; touch $RBOX_MOUNT/x'
  [ "$status" -eq 1 ]
  [[ "$output" == "changed"*"no gone"*"Read-only file system"* ]]
}

@test "image mount: several images, the current folder, arguments and the exit status" {
  run rbox image mount busybox test/layers:1 busybox -- sh -c 'set -- $RBOX_MOUNT; [ "$1" = "$3" ] && ls -d $1/bin | sed "s,.*/,," && ls -d $2/keep | sed "s,.*/,," && pwd; echo "$0 $*" | wc -w; exit 7' -- x
  [ "$status" -eq 7 ]
  [ "${lines[*]}" = "bin keep $PWD 4" ]
  run -127 rbox image mount busybox -- ./missing
  [[ "$output" == *"cannot execute './missing'"* ]]
  echo data >plain
  run -126 rbox image mount busybox -- ./plain
  run -143 rbox image mount busybox -- sh -c 'kill -TERM $$'
  run -125 rbox image mount busybox
  [[ "$output" == *"needs images, -- and a command"*"hint: rbox image mount busybox -- "* ]]
  run -125 rbox image mount -- true
  run -125 rbox image mount missing/image -- true
  [[ "$output" == *"cannot find image"* ]]
}

@test "image mount: what the command leaves running ends with it, and with rbox when that is killed" {
  rbox image mount busybox -- sh -c 'setsid sleep 1234.5 >/dev/null 2>&1 & echo $RBOX_MOUNT' >place
  until_true sh -c '! pgrep -u "$(id -u)" -f "^sleep 1234.5"'
  "$RBOX_BUILD/rbox" image mount busybox -- sh -c 'setsid sleep 1234.5 & echo up; sleep 1234.5' >out 3>&- &
  local pid=$!
  until_true grep -q up out
  run ! not_mounted
  kill -KILL "$pid"
  wait "$pid" || true
  until_true sh -c '! pgrep -u "$(id -u)" -f "^sleep 1234.5"'
}

@test "image mount: rmi does not wait for it, and its layers stay" {
  mkfifo go
  exec 4<>go
  "$RBOX_BUILD/rbox" image mount test/layers:1 -- sh -c 'echo up; read x; cat $RBOX_MOUNT/added' <&4 >out 3>&- 4>&- &
  local pid=$!
  until_true grep -q up out
  timeout 20 "$RBOX_BUILD/rbox" rmi test/layers:1
  echo >&4
  exec 4>&-
  wait "$pid"
  [ "$(tail -1 out)" = changed ]
}

@test "image tree: layers, sizes, and which images end with them" {
  rbox import busybox.tar localhost/base:1
  rbox tag test/layers:1 test/second:2
  run rbox image tree test/layers:1
  [ "$status" -eq 0 ]
  local id
  id=$(rbox image inspect -f '{{.Id}}' test/layers:1)
  id=${id#sha256:}
  [ "${lines[0]}" = "Image ID: ${id:0:12}" ]
  [ "${lines[1]}" = "Tags:     [docker.io/test/layers:1 localhost/test/second:2]" ]
  [[ "${lines[2]}" == "Size:     "*MB ]]
  [ "${lines[3]}" = "Image Layers" ]
  [[ "${lines[4]}" == "├── ID: $(sha256sum busybox.tar | cut -c1-12) Size: "*"MB Top Layer of: [localhost/base:1]" ]]
  [[ "${lines[5]}" == "├── ID: $(sha256sum base.tar | cut -c1-12) Size: "*B ]]
  [[ "${lines[6]}" == "└── ID: $(sha256sum change.tar | cut -c1-12) Size: "*"B Top Layer of: [docker.io/test/layers:1 localhost/test/second:2]" ]]
  [ "${#lines[@]}" -eq 7 ]
  run -1 rbox image tree missing/image
  rbox rmi localhost/base:1 test/second:2
}
