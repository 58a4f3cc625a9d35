#!/usr/bin/env bats
# users: alice bob root
# Labels of SELinux: refused with the reason on hosts that have none; what is chosen and written, on one that only looks as if it had
# it. A real one is `tests/vm/run TREE selinux` (issue 7, item 6).
load lib

teardown() {
  teardown_containers
}

# as_if [POLICY] COMMAND…: run it where there seems to be SELinux whose policy knows all labels; POLICY is its list for containers.
as_if() {
  cat >script <<'END'
set -e
mount -t tmpfs below /sys/fs
mkdir /sys/fs/selinux
echo 0 >/sys/fs/selinux/enforce
: >/sys/fs/selinux/context
mount -t tmpfs below /usr/share/containers
mkdir /usr/share/containers/selinux
printf '%s' "$1" >/usr/share/containers/selinux/contexts
shift
exec "$RBOX_BUILD/rbox" "$@"
END
  unshare -m sh script "$@"
}

readonly POLICY='# a comment
process = "system_u:system_r:container_t:s0"
file = "system_u:object_r:container_file_t:s0"
ro_file="system_u:object_r:container_ro_file_t:s0"
init_process = "system_u:system_r:container_init_t:s0"
'

label() {
  getfattr -h --only-values -n security.selinux "$1" 2>/dev/null | tr -d '\0'
}

# labels CONTAINER: of its processes, and of its files.
labels() {
  rbox inspect --format '{{.ProcessLabel}} {{.MountLabel}}' "$1"
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
  for option in user:u role:r type:container_t level:s0:c1,c2 filetype:container_file_t nested; do
    run rbox run --rm --network none --security-opt "label=$option" busybox true
    [ "$status" -eq 125 ]
    [[ $output == *"--security-opt label=$option is for SELinux, which this host does not have" ]]
  done
  assert_no_containers
  run rbox run --rm --network none --security-opt label=type busybox true
  [ "$status" -eq 125 ]
  [[ $output == *"label: 'type' is not disable, nested, user:U, role:R, type:T, level:L or filetype:T" ]]
  rbox run --rm --network none --security-opt label=disable --security-opt apparmor=unconfined busybox true
  [ "$(rbox run -d --name plain --network none busybox true | wc -l)" -eq 1 ]
  [ "$(labels plain)" = " " ]
}

@test "with SELinux z gives a folder and all below it the label of containers, Z the container's own categories" {
  is_user root || skip "only root can make a host look as if it had SELinux"
  mkdir -p shared/sub private outside
  touch shared/sub/file private/file outside/file
  ln -s "$PWD/outside" shared/link
  as_if "$POLICY" create --name one --network none -v "$PWD/shared:/s:z" -v "$PWD/private:/p:Z" -v open:/o -v shut:/v:Z busybox true
  for path in shared shared/sub shared/sub/file shared/link "$RBOX_STORE/volumes/open/_data"; do
    [ "$(label "$path")" = system_u:object_r:container_file_t:s0 ]
  done
  [[ $(label private/file) =~ ^system_u:object_r:container_file_t:s0:c[0-9]+,c[0-9]+$ ]]
  for path in private "$RBOX_STORE/volumes/shut/_data"; do
    [ "$(label "$path")" = "$(label private/file)" ]
  done
  [[ $(labels one) == *" $(label private/file)" ]]
  [ -z "$(label outside)" ]
  [ -z "$(label outside/file)" ]
  for place in /etc "$HOME"; do
    run as_if "$POLICY" create --network none -v "$place:/x:z" busybox true
    [ "$status" -eq 125 ]
    [[ $output == *"option z: '$place': '$place' is not the containers' alone: its label stays" ]]
  done
}

@test "a container's labels are the policy's own with two categories, as label= changes them; and they are kept" {
  is_user root || skip "only root can make a host look as if it had SELinux"
  [ ! -e /sys/fs/selinux/enforce ] || skip "this host has SELinux"
  local n=0 options process files
  while IFS='|' read -r options process files; do
    n=$((n + 1))
    # shellcheck disable=SC2086
    as_if "$POLICY" create --name "c$n" --network none $options busybox true
    echo "$options: $(labels "c$n")"
    [[ $(labels "c$n") =~ ^$process\ $files$ ]]
  done <<'TABLE'
|system_u:system_r:container_t:(s0:c[0-9]+,c[0-9]+)|system_u:object_r:container_file_t:(s0:c[0-9]+,c[0-9]+)
--security-opt label=type:spc_t --security-opt label=level:s0:c7,c8|system_u:system_r:spc_t:s0:c7,c8|system_u:object_r:container_file_t:s0:c7,c8
--security-opt label=user:x_u --security-opt label=role:y_r|x_u:y_r:container_t:s0:c.*|x_u:object_r:container_file_t:s0:c.*
--security-opt label=filetype:usr_t|system_u:system_r:container_t:s0:c.*|system_u:object_r:usr_t:s0:c.*
--systemd=always|system_u:system_r:container_init_t:s0:c.*|system_u:object_r:container_file_t:s0:c.*
--security-opt label=disable||
--privileged||
--pid host||
--ipc host||
--pid host --security-opt label=type:spc_t|system_u:system_r:spc_t:s0:c.*|system_u:object_r:container_file_t:s0:c.*
--pid container:c2|system_u:system_r:spc_t:s0:c7,c8|system_u:object_r:container_file_t:s0:c7,c8
--ipc container:c6||
TABLE
  [ "$n" -eq 12 ]
  [ "$(labels c1)" != "$(labels c3)" ]
  run rbox start -a c1
  [ "$status" -eq 125 ]
  [[ $output == *"this host has no SELinux, and the container has the label 'system_u:system_r:container_t:s0:c"* ]]
  rbox export c1 | tar -t bin/busybox # what it has can be looked at
  # Nor does a label that was asked for become none: the kernel is asked for it.
  run as_if "$POLICY" run --network none --security-opt label=type:spc_t busybox echo ran
  [ "$status" -eq 125 ]
  [[ $output != *ran* ]]
}

@test "a policy that knows no containers: no label, unless it is asked for" {
  is_user root || skip "only root can make a host look as if it had SELinux"
  [ ! -e /sys/fs/selinux/enforce ] || skip "this host has SELinux"
  mkdir d
  as_if "" create --name plain --network none busybox true
  [ "$(labels plain)" = " " ]
  for options in "--security-opt label=type:container_t" "-v $PWD/d:/d:z"; do
    # shellcheck disable=SC2086
    run as_if "" create --network none $options busybox true
    [ "$status" -eq 125 ]
    [[ $output == *"the SELinux policy of this host has no labels for containers"*"container-selinux"* ]]
  done
}

@test "labels of SELinux are the host's: no archive has them, and no diff" {
  is_user root || skip "only root can set them where there is no SELinux"
  rbox run --name one --network none busybox sh -c 'echo x >/file'
  local id
  id=$(rbox inspect --format '{{.Id}}' one)
  setfattr -n security.selinux -v a:b:c:s0 "$RBOX_STORE/containers/$id/fs/upper/file"
  setfattr -n user.kept -v y "$RBOX_STORE/containers/$id/fs/upper/file"
  rbox export one >export.tar
  rbox commit -q one made
  rbox save made >image.tar
  for archive in export.tar image.tar; do
    grep -q SCHILY.xattr.user.kept "$archive" # what is looked for could be found
    run ! grep -q security.selinux "$archive"
  done
}
