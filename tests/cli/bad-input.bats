#!/usr/bin/env bats
# users: alice bob root
# Images, stores and hosts that are odd or broken: the right result, or one line with cause and hint.
load lib

# An image NAME of a root with busybox, changed by the script $2 in its folder.
odd_image() {
  rm -rf odd
  mkdir -p odd/bin odd/etc
  install_busybox odd/bin/busybox
  local applet
  for applet in sh cat id echo true; do
    ln -sf busybox odd/bin/$applet
  done
  (cd odd && eval "$2")
  tar -C odd --owner=0 --group=0 -cf odd.tar .
  rbox import odd.tar "$1" >/dev/null
}

quick() {
  run timeout 20 "$RBOX_BUILD/rbox" run --rm --network none "$@"
}

@test "an image's /etc/passwd that is a FIFO, a folder, a link outward, or huge" {
  odd_image fifo 'mkfifo etc/passwd'
  quick -u someone fifo id
  [ "$status" -eq 125 ]
  [[ "$output" == */etc/passwd* ]]
  odd_image folder 'mkdir etc/passwd'
  quick -u someone folder id
  [ "$status" -eq 125 ]
  odd_image link 'ln -s /proc/self/environ etc/passwd'
  quick -u someone link id
  [ "$status" -eq 125 ]
  odd_image huge "truncate -s ${RBOX_TEST_BIG_BYTES:-1073741824} etc/passwd"
  quick -u someone huge id
  [ "$status" -eq 125 ]
  [[ "$output" == *"larger than"* ]]
  assert_no_containers
}

@test "an image with no /etc, no /proc, nothing but a program" {
  odd_image bare 'rm -rf etc'
  quick bare /bin/sh -c 'cat /etc/hosts >/dev/null && [ -d /proc/self ] && echo fine'
  [ "$status" -eq 0 ]
  [ "${lines[-1]}" = fine ]
}

@test "an image with no command, and none given" {
  odd_image silent true
  quick silent
  [ "$status" -eq 125 ]
  [[ "$output" == *command* ]]
}

@test "an image whose /proc, /sys or /dev is a link is refused, and nothing is made where it leads" {
  local name
  for name in proc sys dev; do
    mkdir -p target
    odd_image "link-$name" "ln -s $PWD/target $name"
    quick "link-$name" /bin/true
    [ "$status" -eq 125 ]
    [[ "$output" == *"/$name"* ]]
    [ -z "$(ls target)" ]
  done
}

@test "an empty layer, a root that is read-only for its owner" {
  odd_image plain true
  tar -cf empty-layer.tar -T /dev/null
  run rbox import empty-layer.tar nothing
  [ "$status" -eq 0 ]
  run -127 timeout 20 "$RBOX_BUILD/rbox" run --rm --network none nothing /bin/true
  odd_image closed 'chmod 555 .'
  chmod 755 odd
  quick closed /bin/sh -c 'echo x >/file && cat /file'
  [ "$status" -eq 0 ]
}

@test "a program without its interpreter, and one of another kind" {
  odd_image broken 'printf "#!/no/such/interpreter\n" >bin/script; chmod 755 bin/script; printf "garbage" >bin/garbage; chmod 755 bin/garbage'
  run -127 timeout 20 "$RBOX_BUILD/rbox" run --rm --network none broken /bin/script
  [[ "$output" == *interpreter* ]]
  run -126 timeout 20 "$RBOX_BUILD/rbox" run --rm --network none broken /bin/garbage
}

@test "a folder left in run/ by a supervisor that was killed is swept" {
  local id=0000000000000000000000000000000000000000000000000000000000000001
  rbox run --rm --network none busybox true
  mkdir -p "$RBOX_STORE/run/$(cat /proc/sys/kernel/random/boot_id)/$id" "$RBOX_STORE/containers/$id/fs"
  mkdir -p "$RBOX_STORE/run/11111111-1111-1111-1111-111111111111/$id"
  rbox run --rm --network none busybox true
  [ ! -e "$RBOX_STORE/containers/$id" ]
  [ ! -e "$RBOX_STORE/run/11111111-1111-1111-1111-111111111111" ]
}

@test "HOME unset, PATH without sbin or newuidmap, LANG odd" {
  run env -u HOME PATH=/bin LANG=xx_YY.broken "$RBOX_BUILD/rbox" run --rm --network none busybox echo fine
  [ "$status" -eq 0 ]
  [ "${lines[-1]}" = fine ]
}

@test "descriptors and folders of the host do not leak in" {
  exec 7</etc 8<"$RBOX_BUILD/rbox"
  run inside 'ls /proc/self/fd; cd /proc/self/fd/7 2>/dev/null && echo leaked'
  exec 7<&- 8<&-
  [[ "$output" != *leaked* ]]
  [[ "$output" != *7* ]]
  exec 9</
  run rbox run --rm --network none -w /proc/self/fd/9 busybox pwd
  exec 9<&-
  [ "$status" -eq 125 ]
}

@test "a store that is full" {
  is_user root || skip "only root can mount a small file system, in a namespace of its own"
  run unshare -m --propagation private bash -c 'mount -t tmpfs -o size=1m none /mnt && mkdir -m 700 /mnt/s &&
    RBOX_STORE=/mnt/s "$RBOX_BUILD/rbox" run --rm --network none busybox true; echo "status $?"; ls /mnt/s/tmp 2>/dev/null'
  [[ "$output" == *"status 125"* ]]
  [[ "$output" == *"No space left"* ]]
  [[ "${lines[-1]}" == "status 125" ]]
}

@test "what would take nearly all that is free is refused, before the disk is full (issue 4)" {
  is_user root || skip "only root can mount a small file system, in a namespace of its own"
  mkdir -p zeros
  head -c 20M /dev/zero >zeros/zeros
  tar -C zeros --owner=0 --group=0 -czf zeros.tar.gz zeros
  run unshare -m --propagation private bash -c 'mount -t tmpfs -o size=20m none /mnt && mkdir -m 700 /mnt/s && export RBOX_STORE=/mnt/s
    "$RBOX_BUILD/rbox" import zeros.tar.gz bomb; echo "status $?"; ls /mnt/s/tmp; df --output=used /mnt | tail -1'
  [[ "${lines[0]}" == *"more than nine tenths of what is free, in bytes or in files, on the disk of the store '/mnt/s'" ]]
  [[ "${lines[1]}" == "  hint: rbox system prune, or --root DIR"*"--max-size"* ]]
  [ "${lines[2]}" = "status 125" ]
  [ "${lines[3]}" -lt 1000 ]
}

@test "a store that is read-only" {
  is_user root || skip "only root can mount, in a namespace of its own"
  rbox run --rm --network none busybox true
  run unshare -m --propagation private bash -c 'mount --bind "$RBOX_STORE" "$RBOX_STORE" && mount -o remount,ro,bind "$RBOX_STORE" &&
    "$RBOX_BUILD/rbox" run --rm --network none busybox true; echo "status $?"'
  [[ "$output" == *"status 125"* ]]
  [[ "$output" == *"Read-only file system"* ]]
}

@test "a folder of the store that is closed, or mounted read-only, is named with what opens it (issue 4)" {
  local folder
  tar -cf empty.tar -T /dev/null
  if is_user root; then
    run unshare -m --propagation private bash -c 'RBOX_STORE=$PWD/store; export RBOX_STORE; "$RBOX_BUILD/rbox" import -q empty.tar one &&
      mount --bind store/layers store/layers && mount -o remount,ro,bind store/layers && touch file && tar -cf more.tar file &&
      "$RBOX_BUILD/rbox" import more.tar two'
    [[ "${lines[-2]}" == "rbox: '$PWD/store/layers' is mounted read-only: "*": cannot put layer "* ]]
    [ "${lines[-1]}" = "  hint: mount -o remount,rw $PWD/store/layers, or --root DIR" ]
    run unshare -m --propagation private bash -c 'mount --bind store/layers store/layers && echo >file && tar -cf more.tar file &&
      RBOX_STORE=$PWD/store "$RBOX_BUILD/rbox" import more.tar two'
    [ "${lines[-1]}" = "  hint: umount what is mounted below $PWD/store: a store is one file system" ]
    return
  fi
  export RBOX_STORE=$BATS_TEST_TMPDIR/store
  rbox import -q empty.tar one
  for folder in layers images blobs/sha256 tmp; do
    echo "$folder" >file
    tar -cf more.tar file
    chmod u-w "store/$folder"
    run -125 rbox import more.tar two
    [[ "${lines[0]}" == "rbox: you may not write to '$RBOX_STORE/$folder': "*": Permission denied" ]]
    [ "${lines[1]}" = "  hint: chmod u+rwx $RBOX_STORE/$folder" ]
    run rbox doctor
    [[ "$output" == *"you may not write to '$RBOX_STORE/$folder': chmod u+rwx $RBOX_STORE/$folder"* ]]
    chmod u+w "store/$folder"
  done
  for folder in layers containers run; do
    chmod 0 "store/$folder"
    run -125 rbox images
    [ "${lines[1]}" = "  hint: chmod u+rwx $RBOX_STORE/$folder" ]
    chmod 711 "store/$folder"
  done
  rbox import more.tar two
}
