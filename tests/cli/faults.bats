#!/usr/bin/env bats
# users: bob root
# Fallbacks, each forced: calls that an old kernel or an outer container's filter has not got. As bob and
# root, who need no setuid helper: the filter that makes the call fail sets no_new_privs.
load lib

deny() {
  local what=$1
  shift
  "$RBOX_BUILD/tests/deny" "$what" -- "$RBOX_BUILD/rbox" "$@"
}

@test "without openat2, names are resolved by hand, and stay inside" {
  run deny openat2=ENOSYS run --rm --network none -w /tmp --tmpfs /etc/x busybox sh -c 'pwd; mount | grep -c /etc/x'
  [ "$status" -eq 0 ]
  [ "${lines[-2]}" = /tmp ]
  [ "${lines[-1]}" = 1 ]
}

@test "without packet sockets, networks lack IPv6 to the outside only (#8)" {
  rbox network create --ipv6 six
  run deny "socket(AF_PACKET)=EPERM" run --rm --network six busybox ip -6 addr show eth0
  echo "$output"
  [ "$status" -eq 0 ]
  [[ "$output" == *"inet6 fd"* ]]
  rbox network rm six
  until_true sh -c "! [ -e '$RBOX_STORE/run/.networks' ]"
}

@test "without openat2, links of an image lead nowhere outside" {
  not_for root "the folder must belong to a mapped user"
  mkdir -p root/bin root/etc outside
  install_busybox root/bin/busybox
  ln -s "$PWD/outside" root/data
  ln -s ../../../../../../../.. root/up
  local way
  for way in none=none openat2=ENOSYS; do
    rm -rf root"$PWD"
    if [ "$way" = none=none ]; then
      run rbox run --rm --network none --rootfs "$PWD/root" --tmpfs /data/new --tmpfs /up/made /bin/busybox true
    else
      run deny "$way" run --rm --network none --rootfs "$PWD/root" --tmpfs /data/new --tmpfs /up/made /bin/busybox true
    fi
    [ "$status" -eq 0 ]
    [ -z "$(ls outside)" ]
    [ -d root/made ]
    [ -d "root$PWD/outside/new" ]
  done
}

@test "without mount_setattr, flags reach the mounts below a volume" {
  local own=-m
  is_user root || own=-rm
  mkdir -p d/"a b"
  RBOX=$RBOX_BUILD/rbox DENY=$RBOX_BUILD/tests/deny unshare $own sh -c 'mount -t tmpfs below "d/a b" &&
    "$DENY" mount_setattr=ENOSYS -- "$RBOX" run --rm --network none -v "$PWD/d:/d:ro" busybox grep " /d" /proc/self/mountinfo' >mounts
  [ "$(grep -c ' /d ro,nosuid,nodev,' mounts)" = 1 ]
  [ "$(grep -c ' /d/a.040b ro,nosuid,nodev,' mounts)" = 1 ]
}

@test "without mount_setattr, a volume may cover what rbox mounts below its place" {
  run deny mount_setattr=ENOSYS run --rm --network none -v data:/etc:nocopy busybox ls /etc
  [ "$status" -eq 0 ]
  run deny mount_setattr=ENOSYS run --rm --network none -v data:/etc:ro busybox sh -c 'ls /etc/hosts; touch /etc/x'
  [[ "$output" == *"/etc/x: Read-only file system"* ]]
}

@test "without mount_setattr, a bundle's mounts may come before its /proc" {
  not_for root "the folder must belong to a mapped user"
  mkdir -p bundle/rootfs/bin bundle/rootfs/proc bundle/rootfs/sys
  install_busybox bundle/rootfs/bin/busybox
  rbox oci spec --rootless --bundle bundle
  jq '.mounts = [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["ro", "private"]}] + (.mounts | sort_by(.destination == "/proc")) |
    .process.args = ["busybox", "grep", "-E", " /(tmp|proc) ", "/proc/mounts"] | .process.terminal = false' bundle/config.json >new
  mv new bundle/config.json
  run deny mount_setattr=ENOSYS oci run --bundle bundle one
  echo "$output"
  [ "$status" -eq 0 ]
  [[ "$output" == "tmpfs /tmp tmpfs ro,"*$'\n'"proc /proc proc rw,"* ]]
}

@test "without clone3 or close_range a container runs all the same" {
  local call
  for call in clone3=ENOSYS close_range=ENOSYS clone3=ENOSYS,close_range=ENOSYS; do
    run deny "$call" run --rm --network none busybox echo "$call"
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = "$call" ]
  done
}

@test "user namespaces refused: 125, with the cause and the fix" {
  run deny clone3=ENOSPC run --rm --network none busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *max_user_namespaces* ]]
  [[ "$output" == *RBX-102* ]]
  assert_no_containers
  # An outer container's filter without mount(2).
  run deny mount=EPERM run --rm --network none busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *RBX-125* ]]
  assert_no_containers
}

@test "the keyring's quota used up is no reason not to start" {
  run deny keyctl=EDQUOT run --rm --network none busybox echo fine
  [ "$status" -eq 0 ]
  [ "${lines[-1]}" = fine ]
}

@test "--pid host where something is mounted below the host's /proc/sys, as binfmt_misc is" {
  not_for bob "only root can mount"
  run unshare -m sh -c 'mount -t tmpfs below /proc/sys/vm && exec "$0" run --rm --pid host --network none busybox \
    sh -c "touch /proc/sys/vm/x 2>/dev/null || echo closed"' "$RBOX_BUILD/rbox"
  [ "$status" -eq 0 ]
  [ "${lines[-1]}" = closed ]
}
