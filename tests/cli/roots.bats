#!/usr/bin/env bats
# users: alice bob
# Real roots, made by other people's tools (issue 3): a Debian with its apt, layers by buildah, a program on an X
# server, rbox in rbox. $RBOX_TEST_ROOTS is the folder that tests/tools/make-images made.
load lib

setup_file() {
  [ -n "${RBOX_TEST_ROOTS:-}" ] || return 0
  rbox import "$RBOX_TEST_ROOTS/debian.tar" debian
}

setup() {
  common_setup
  [ -n "${RBOX_TEST_ROOTS:-}" ] || skip "tests/tools/make-images was not run"
}

teardown() {
  [ -z "${server:-}" ] || kill "$server" 2>/dev/null || true
  [ -z "${display:-}" ] || kill "$display" 2>/dev/null || true
  teardown_containers
}

# Serve the folder $1 on the host's loopback; $port says where.
serve() {
  python3 -u -m http.server --bind 127.0.0.1 --directory "$1" 0 >http 2>&1 3>&- &
  server=$!
  until_true grep -q 'port [0-9]' http
  port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' http)
}

@test "Debian: apt-get installs a package that brings a system user, from a feed on the host's loopback" {
  serve "$RBOX_TEST_ROOTS/feed"
  run rbox run --rm --network slirp4netns:allow_host_loopback=true -e PORT="$port" debian sh -ec '
    echo "deb [trusted=yes] http://10.0.2.2:$PORT ./" >/etc/apt/sources.list
    rm -f /etc/apt/sources.list.d/*
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Dpkg::Use-Pty=0 tcpdump >/dev/null
    id -un tcpdump
    tcpdump --version 2>&1 | head -1
    apt-get purge -y -qq -o Dpkg::Use-Pty=0 tcpdump >/dev/null
    [ ! -e /usr/bin/tcpdump ] && echo gone'
  echo "$output"
  [ "$status" -eq 0 ]
  [[ "$output" == *$'\ntcpdump\n'* ]]
  [[ "$output" == *"tcpdump version"* ]]
  [ "${lines[-1]}" = gone ]
}

@test "Debian: its files have the owners, modes and capabilities of the archive" {
  not_for bob "has one owner for all"
  run rbox run --rm --network none debian stat -c '%n %u:%g %a' /etc/shadow /usr/bin/passwd /var/mail
  [ "$output" = "/etc/shadow 0:42 640
/usr/bin/passwd 0:0 4755
/var/mail 0:8 2775" ]
}

# What image $1 has, and what folder $2 has, is the same; $2 is made by the command $3.
same_tree() {
  rbox unshare sh -ec "mkdir -p $2; $3; $RBOX_TESTS/tools/tree-list $2" >expected
  rbox "${@:4}" image mount "$1" -- sh -ec "$RBOX_TESTS/tools/tree-list \$RBOX_MOUNT" >seen
  [ -s expected ]
  diff expected seen
}

@test "every path of an image is as tar and umoci unpack it: kind, mode, owner, links, size, time, content, attributes" {
  not_for bob "has one owner for all"
  local tar="tar --numeric-owner --xattrs --xattrs-include='*' -xpf" lede=${RBOX_TEST_IMAGES:-}/lede-17.01.2-x86-64-generic-rootfs.tar.gz
  same_tree debian debian "$tar $RBOX_TEST_ROOTS/debian.tar -C debian 2>left-out || ! grep -v 'Cannot mknod\|previous errors' left-out"
  same_tree debian again "mv debian/* again" --storage-driver copy
  rbox load -i "$RBOX_TEST_ROOTS/layers.tar"
  skopeo --insecure-policy copy -q "docker-archive:$RBOX_TEST_ROOTS/layers.tar" oci:layout:3
  same_tree example.org/layers:3 bundle/rootfs "rmdir bundle/rootfs bundle; umoci --log error unpack --image layout:3 bundle"
  if [ -f "$lede" ]; then
    rbox import "$lede" lede
    same_tree lede lede "$tar $lede -C lede"
  fi
  rbox unshare rm -rf again bundle lede debian
}

@test "layers by buildah: the topmost file, its owner, the config of the last" {
  rbox load -i "$RBOX_TEST_ROOTS/layers.tar"
  [ "$(rbox run --rm --network none example.org/layers:3)" = three ]
  [ "$(rbox run --rm --network none example.org/layers:3 /bin/busybox env | grep LAYER)" = LAYER=three ]
  local owner=33:44
  if is_user bob; then
    owner=0:0
  fi
  [ "$(rbox run --rm --network none example.org/layers:3 /bin/busybox stat -c %u:%g /file)" = "$owner" ]
  [ "$(rbox history -q example.org/layers:3 | wc -l)" -eq 3 ]
}

@test "a program on the host's X server" {
  command -v Xvfb >/dev/null || skip "no Xvfb on this machine"
  local number=$((500 + $$ % 400)) colours
  Xvfb ":$number" -screen 0 320x320x24 -nolisten tcp -noreset >xvfb 2>&1 3>&- &
  display=$!
  until_true xwd -root -silent -display ":$number" -out shot.xwd # the socket is there before it listens
  rbox run -d --name clock --network none -v /tmp/.X11-unix:/tmp/.X11-unix -e "DISPLAY=:$number" debian \
    xclock -analog -geometry 300x300
  colours=0
  for _ in $(seq 100); do
    xwd -root -silent -display ":$number" -out shot.xwd
    colours=$(convert xwd:shot.xwd -format %k info:)
    [ "$colours" -le 1 ] || break
    sleep 0.1
  done
  convert xwd:shot.xwd "${RBOX_TEST_SCREENSHOT:-shot.png}"
  [ "$colours" -gt 1 ] || {
    rbox ps -a
    rbox logs clock
    cat xvfb
    return 1
  }
  # Black hands on a white face: some of the first, most of the second.
  [ "$(convert xwd:shot.xwd -threshold 50% -format '%[fx:mean > 0.5 && mean < 0.99]' info:)" = 1 ]
}

@test "rbox in rbox: --nested leaves open what the inner one needs" {
  ! rbox run --rm --network none -v "$RBOX_BUILD:/rbox:ro" debian ldd /rbox/rbox-unpack | grep "not found" ||
    skip "this rbox was built for another Debian than the image's"
  run rbox run --rm --network none --nested -v "$RBOX_BUILD:/rbox:ro" debian \
    /rbox/rbox --root /var/tmp/store run --rm --network none busybox sh -c 'echo inner $$'
  echo "$output"
  [ "$status" -eq 0 ]
  [ "${lines[-1]}" = "inner 1" ]
}

@test "rbox in rbox without --nested says what is in the way" {
  run rbox run --rm --network none -v "$RBOX_BUILD:/rbox:ro" debian \
    /rbox/rbox --root /var/tmp/store run --rm --network none busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"RBX-"* ]]
}

@test "fifty owners, and one that no range reaches" {
  python3 - <<'EOT'
import io, tarfile
with tarfile.open("owners.tar", "w") as t:
    for i in range(50):
        e = tarfile.TarInfo(f"f{i}")
        e.uid, e.gid = i * 100, i * 100 + 1
        t.addfile(e, io.BytesIO(b""))
with tarfile.open("far.tar", "w") as t:
    e = tarfile.TarInfo("home/far")
    e.uid = e.gid = 1000000
    t.addfile(e, io.BytesIO(b""))
EOT
  rbox import owners.tar owners
  rbox create --name own --network none owners /x
  rbox cp own:/f7 - >f7.tar
  local owner=700/701
  if is_user bob; then
    owner=0/0
  fi
  [[ "$(tar -tvf f7.tar --numeric-owner)" == *" $owner "* ]]
  if ! is_user bob; then
    run rbox import far.tar far
    [ "$status" -eq 125 ]
    [[ "$output" == *"'home/far' belongs to 1000000:1000000"*"--squash-ids"* ]]
    run rbox image exists far
    [ "$status" -eq 1 ]
  fi
  rbox import --squash-ids far.tar far
  rbox create --name far --network none far /x
  rbox cp far:/home/far - >far-out.tar
  [[ "$(tar -tvf far-out.tar --numeric-owner)" == *" 0/0 "* ]]
}

@test "one id: what is reduced is told at the first run, with the command that mends it, and once" {
  local store=$BATS_TEST_TMPDIR/fresh
  run rbox --root "$store" run --rm --network none busybox true
  [ "$status" -eq 0 ]
  if is_user bob; then
    [[ "$output" == *"one user id"*"sudo usermod --add-subuids "*"RBX-105"* ]]
  else
    [[ "$output" != *"one user id"* ]]
  fi
  run rbox --root "$store" run --rm --network none busybox true
  [ -z "$output" ]
  rbox rm-tree "$store"
}
