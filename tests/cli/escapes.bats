#!/usr/bin/env bats
# users: alice bob root
# Known escapes that the probe suite (isolation.bats) does not try, each with what taught it (issue 7, item 5).
# Others are in bad-input (links of an image, FIFOs), faults (fallbacks), world (ids), files (cp), landlock.
load lib

teardown() {
  teardown_containers
}

up() {
  rbox run -d --name box --network none "$@" >/dev/null
}

@test "a working folder that is a descriptor of the launcher's leads nowhere: option, image, exec (CVE-2024-21626)" {
  printf 'FROM' >file
  make_busybox_layer
  for n in 7 8 9; do
    run rbox run --rm --network none -w "/proc/self/fd/$n" busybox sh -c 'ls ../../../etc/hostname; pwd' 7</ 8</etc 9<"$PWD"
    [ "$status" -eq 125 ]
    rbox import -c "WORKDIR /proc/self/fd/$n" busybox.tar "wd$n" >/dev/null
    run rbox run --rm --network none "wd$n" pwd 7</ 8</etc 9<"$PWD"
    [ "$status" -eq 125 ]
  done
  up busybox sleep 1000
  for n in 7 8 9 10 11 12; do
    run rbox exec -w "/proc/self/fd/$n" box pwd 7</ 8</etc 9<"$PWD" 10</ 11</ 12</
    [ "$status" -eq 125 ]
    [[ $output == *"working folder"* ]]
  done
  # A link in the image to such a place is no way round.
  rbox exec box ln -s /proc/self/fd/7 /way
  run rbox exec -w /way box pwd 7</
  [ "$status" -eq 125 ]
}

@test "while exec starts a command nobody inside sees rbox's own program (CVE-2019-5736)" {
  cp "$RBOX_BUILD/tests/probe" probe
  chmod 755 . probe
  mkfifo go
  up -v "$PWD/probe:/probe:ro" busybox sleep 1000
  rbox exec -i box /probe watch /bin/busybox <go >seen 3>&- &
  watcher=$!
  exec 9>go
  until_true grep -q watching seen
  for _ in $(seq 40); do
    rbox exec box true 9>&-
  done
  exec 9>&-
  wait "$watcher"
  run ! grep -q '^saw' seen
  # It was there to be seen: processes that could not be looked at were.
  [ "$(sed -n 's/^hidden //p' seen)" -gt 0 ]
}

@test "/etc/passwd that becomes a FIFO, a folder or huge hangs no exec (CVE-2024-9676)" {
  up busybox sleep 1000
  rbox exec box sh -c 'rm /etc/passwd; mkfifo /etc/passwd'
  run timeout 20 "$RBOX_BUILD/rbox" exec -u nobody box true
  [ "$status" -eq 125 ]
  [[ $output == *"/etc/passwd"*"not a regular file"* ]]
  rbox stop -t 0 box
  run timeout 20 "$RBOX_BUILD/rbox" start -a box
  [ "$status" -eq 125 ]
  rbox rm -f box
  up busybox sleep 1000
  rbox exec box sh -c 'truncate -s 5G /etc/passwd || dd if=/dev/zero of=/etc/passwd bs=1M count=6'
  run timeout 20 "$RBOX_BUILD/rbox" exec -u nobody box true
  [ "$status" -eq 125 ]
}

@test "ids that wrap are refused wherever an id is taken" {
  up busybox sleep 1000
  for id in 4294967295 4294967296 18446744073709551616 -1; do
    for options in "-u $id" "-u 0:$id" "--group-add $id" "--userns keep-id:uid=$id" "--uidmap 0:$id:1"; do
      # shellcheck disable=SC2086
      run rbox run --rm --network none $options busybox id
      [ "$status" -eq 125 ]
    done
    run rbox exec -u "$id" box id
    [ "$status" -eq 125 ]
    run rbox exec -u "0:$id" box id
    [ "$status" -eq 125 ]
  done
  # An image may say so, too, and so may its files.
  make_busybox_layer
  rbox import -c "USER 4294967296" busybox.tar wraps >/dev/null
  run rbox run --rm --network none wraps id
  [ "$status" -eq 125 ]
  rbox exec box sh -c 'echo wrap:x:4294967296:0::/:/bin/sh >>/etc/passwd'
  run rbox exec -u wrap box id
  [ "$status" -eq 125 ]
}

@test "the caller's own groups are not the container's, unless kept (CVE-2022-2989, CVE-2018-7169)" {
  is_user root || skip "only root can give himself groups"
  with_groups() {
    setpriv --groups 4,24,27 "$RBOX_BUILD/rbox" "$@"
  }
  [ "$(with_groups run --rm --network none busybox sh -c 'grep Groups /proc/self/status | tr -d "\t "')" = "Groups:10" ] ||
    [ "$(with_groups run --rm --network none busybox sh -c 'grep Groups /proc/self/status | tr -s "\t "')" = "$(rbox run --rm --network none busybox sh -c 'grep Groups /proc/self/status | tr -s "\t "')" ]
  [ "$(with_groups run --rm --network none --group-add keep-groups busybox sh -c 'id -G | tr " " "\n" | grep -c 65534')" -ge 1 ]
  up busybox sleep 1000
  run with_groups exec box id -G
  [[ $output != *65534* ]]
}

@test "no cgroup v1 and no release_agent, even with SYS_ADMIN (CVE-2022-0492)" {
  for options in "" "--cap-add SYS_ADMIN" "--privileged"; do
    # shellcheck disable=SC2086
    run rbox run --rm --network none $options busybox sh -c 'mkdir /c
      for o in memory rdma pids cpu none,name=x; do mount -t cgroup -o $o cgroup /c 2>/dev/null ; done
      for f in $(find /c -type f); do (printf 0 >$f) 2>/dev/null && echo "wrote $f"; done; grep -q " /c cgroup " /proc/mounts && mkdir /c/sub 2>/dev/null && echo made; true'
    echo "$options: $output"
    [[ $output != *wrote* && $output != *made* ]]
  done
}

@test "characters can't be pushed into the caller's terminal, not even without the filter (CVE-2017-5226, CVE-2023-28100)" {
  cp "$RBOX_BUILD/tests/probe" probe
  chmod 755 . probe
  for filter in default unconfined; do
    option=()
    [ "$filter" = default ] || option=(--security-opt seccomp=unconfined)
    run python3 "$RBOX_TESTS/tools/terminal.py" 24x80 expect=unknown -- "$RBOX_BUILD/rbox" run --rm -i --network none \
      "${option[@]}" -v "$PWD/probe:/probe:ro" busybox /probe denied
    [[ $output == *"tiocsti E"* ]]
    [[ $output == *"tiocsti-high E"* ]]
  done
}

@test "slirp4netns is in its sandbox with its filter, and the host's loopback closed (CVE-2020-15257, CVE-2021-20199)" {
  [ -w /dev/net/tun ] || skip "/dev/net/tun cannot be opened"
  rbox run -d --name box busybox sleep 1000 >/dev/null
  pid=$(rbox inspect -f '{{.State.Pid}}' box)
  supervisor=$(awk '$1 == "PPid:" {print $2}' "/proc/$pid/status")
  slirp=
  for status in /proc/[0-9]*/status; do
    if grep -qs "^Name:.slirp4netns" "$status" && grep -qs "^PPid:.$supervisor$" "$status"; then
      slirp=${status%/status}
    fi
  done
  [ -n "$slirp" ]
  grep -q '^Seccomp:.2' "$slirp/status"
  arguments=$(tr '\0' ' ' <"$slirp/cmdline")
  [[ $arguments == *--disable-host-loopback* && $arguments == *--enable-sandbox* && $arguments == *--enable-seccomp* ]]
}

@test "the container sees its own processes only, whatever serves it" {
  [ -w /dev/net/tun ] || skip "/dev/net/tun cannot be opened"
  rbox run -d --name box -p 127.0.0.1::80 busybox sleep 1000 >/dev/null
  run rbox exec box sh -c 'for p in /proc/[0-9]*; do [ -e $p/comm ] && cat $p/comm; done | sort | tr "\n" " "'
  [[ "$output" =~ ^(cat\ )?(sh\ )+sleep\ (sort\ )?(tr\ )?$ ]]
  # What serves it can't be ended from inside.
  rbox exec box sh -c 'kill -9 -1' || true
  [ "$(rbox exec box sh -c 'ip link | grep -c tap0; echo here')" = $'1\nhere' ]
}

@test "the store is the caller's alone, whatever his umask (CVE-2021-41091)" {
  store=$PWD/store
  (
    umask 000
    RBOX_STORE=$store rbox run --rm --network none busybox true
    RBOX_STORE=$store rbox create --network none busybox true >/dev/null
  )
  [ "$(stat -c %a "$store")" = 700 ]
  [ -z "$(find "$store" -maxdepth 3 -perm /022 ! -type l ! -path '*/layers/*' ! -name fs)" ]
  rbox rm-tree "$store"
  # Somebody else's store is refused.
  if is_user root; then
    mkdir -m 700 "$store" && chown 12345 "$store"
    run env RBOX_STORE="$store" "$RBOX_BUILD/rbox" run --rm --network none busybox true
    [ "$status" -eq 125 ]
  fi
}

@test "programs of an image are executed for nobody but its command (CVE-2022-1227, CVE-2019-14271)" {
  mkdir out
  chmod 777 out
  up -v "$PWD/out:/out" busybox sleep 1000
  rbox exec box sh -c 'mkdir -p /evil /lib /usr/lib; printf "#!/bin/busybox sh\n/bin/busybox touch /out/ran-\${0##*/}\n" >/evil/x; chmod 755 /evil/x
    for p in ps tar gzip cat ls newuidmap nsenter fusermount3 slirp4netns; do for d in /bin /usr/bin /sbin; do mkdir -p $d; rm -f $d/$p; ln -s /evil/x $d/$p; done; done
    printf "passwd: evil\ngroup: evil\nhosts: evil\n" >/etc/nsswitch.conf; cp /bin/busybox /lib/libnss_evil.so.2'
  echo x >file
  rbox top box >/dev/null
  rbox cp file box:/tmp/file
  rbox cp box:/tmp/file back
  rbox diff box >/dev/null
  rbox export box >/dev/null
  rbox commit -q box committed >/dev/null
  rbox exec -u nobody box true || is_user bob
  rbox stats --no-stream box >/dev/null 2>&1 || true
  [ -z "$(ls -A out)" ]
  rbox exec box ps # what would have been left
  [ -n "$(ls -A out)" ]
}

@test "an image whose folders under /dev lead to a host path makes nothing there" {
  mkdir -p root/bin root/dev outside
  install_busybox root/bin/busybox
  chmod -R 755 . && chmod 777 outside
  for link in dev/null dev/console dev/shm dev/pts dev/fd dev/core; do
    ln -sfn "$PWD/outside/made" "root/$link"
  done
  run rbox run --rm --network none --rootfs "$PWD/root" /bin/busybox ls -l /dev/null /dev/shm
  [ -z "$(ls -A outside)" ]
  # With a /dev of the user's own nothing is made in it, either.
  run rbox run --rm --network none -v "$PWD/root/dev:/dev" busybox true
  [ -z "$(ls -A outside)" ]
}

@test "races against cp, exec, mounts, masks and export, a short run of tests/isolation/race" {
  is_user alice || skip "one user is enough"
  run "$RBOX_TESTS/isolation/race" "$RBOX_BUILD" 8
  echo "$output"
  [ "$status" -eq 0 ]
  [ "${lines[-1]}" = "6 passed, 0 failed" ]
}
