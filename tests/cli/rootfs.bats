#!/usr/bin/env bats
# users: alice bob root
# The root file system: layers, the writable one, what of it reaches the disk.
load lib

@test "a start writes nothing into the container's own layer" {
  rbox run --cidfile cid --network none busybox true
  upper=$RBOX_STORE/containers/$(cat cid)/fs/upper
  [ -d "$upper" ]
  [ -z "$(ls -A "$upper")" ]
}

@test "only what --rm takes away is kept from the disk (overlay option volatile)" {
  kernel_is 5 11 || skip "before Linux 5.11 the root is fuse-overlayfs's, whose options are not to be seen"
  run rbox run --rm --network none busybox grep '^overlay / ' /proc/mounts
  [[ "$output" == *volatile* ]]
  run rbox run --network none busybox grep '^overlay / ' /proc/mounts
  [[ "$output" == *upperdir* && "$output" != *volatile* ]]
}
