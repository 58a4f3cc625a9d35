#!/usr/bin/env bats
# users: alice bob root
# Labels of SELinux: set on hosts that have it, refused with the reason on others (issue 7, item 6).
load lib

teardown() {
  teardown_containers
}

@test "without SELinux z, Z, relabel= and label= are refused with the reason; label=disable asks for nothing" {
  [ ! -e /sys/fs/selinux/enforce ] || skip "this host has SELinux"
  mkdir d
  for options in "-v $PWD/d:/d:z" "-v $PWD/d:/d:ro,Z" "--mount type=bind,src=$PWD/d,dst=/d,relabel=shared" "-v vol:/v:Z"; do
    # shellcheck disable=SC2086
    run rbox run --rm --network none $options busybox true
    [ "$status" -eq 125 ]
    [[ $output == *"sets labels of SELinux, which this host does not have"*"leave it out"* ]]
  done
  assert_no_containers
  run rbox run --rm --network none --security-opt label=type:container_t busybox true
  [ "$status" -eq 125 ]
  [[ $output == *"only disable or unconfined can be asked for"* ]]
  rbox run --rm --network none --security-opt label=disable --security-opt apparmor=unconfined busybox true
}

@test "with SELinux z gives a folder and all below it the label of containers, Z the container's own categories" {
  is_user root || skip "only root can make a host look as if it had SELinux"
  mkdir -p shared/sub private outside
  touch shared/sub/file private/file outside/file
  ln -s "$PWD/outside" shared/link
  cat >script <<'END'
set -e
mount -t tmpfs below /sys/fs
mkdir /sys/fs/selinux
echo 0 >/sys/fs/selinux/enforce
"$RBOX_BUILD/rbox" create --name one --network none -v "$PWD/shared:/s:z" -v "$PWD/private:/p:Z" busybox true
END
  unshare -m sh script
  label() {
    getfattr -h --only-values -n security.selinux "$1" 2>/dev/null | tr -d '\0'
  }
  for path in shared shared/sub shared/sub/file shared/link; do
    [ "$(label "$path")" = system_u:object_r:container_file_t:s0 ]
  done
  [[ $(label private/file) =~ ^system_u:object_r:container_file_t:s0:c[0-9]+,c[0-9]+$ ]]
  [ "$(label private)" = "$(label private/file)" ]
  [ -z "$(label outside)" ]
  [ -z "$(label outside/file)" ]
}
