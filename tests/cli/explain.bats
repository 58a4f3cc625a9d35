#!/usr/bin/env bats
# users: alice bob root
# run --explain: what was denied, and which option allows it (issue 7, item 4).
load lib

setup() {
  common_setup
  cp "$RBOX_BUILD/tests/probe" probe
  chmod 755 .
  from=$PWD
}

probe() {
  rbox run --rm "$@" -v "$from/probe:/probe:ro" busybox /probe denied
}

assert_said() {
  local line
  while read -r line; do
    if ! grep -qxF "rbox: $line" said; then
      echo "not said: $line" >&2
      cat said >&2
      return 1
    fi
  done
}

@test "--explain names what was denied, how often, and the option; the calls fail as they do without it" {
  probe --network none >plain
  probe --network none --explain >explained 2>said
  diff plain explained
  assert_said <<'END'
blocked 3× io_uring_setup(2) by the default seccomp profile; allow it with --security-opt seccomp=unconfined (or seccomp=FILE)
blocked 1× mount(2) by the default seccomp profile, for lack of CAP_SYS_ADMIN; allow it with --cap-add SYS_ADMIN
blocked 1× unshare(2) by the default seccomp profile; allow it with --nested
blocked 1× socket(2) of AF_VSOCK by the default seccomp profile; allow it with --security-opt seccomp=unconfined (or seccomp=FILE)
blocked 1× socket(2) of raw packets for lack of CAP_NET_RAW; allow it with --cap-add NET_RAW
blocked 2× ioctl(2) of TIOCSTI by the default seccomp profile; allow it with --security-opt seccomp=unconfined (or seccomp=FILE)
blocked 1× keyctl(2) by the default seccomp profile; allow it with --security-opt seccomp=unconfined (or seccomp=FILE)
blocked 1× '/proc/timer_list', a masked path; allow it with --security-opt unmask=/proc/timer_list
blocked 1× writing to '/proc/sys/kernel/hostname', a read-only path; allow it with --security-opt unmask=/proc/sys
blocked 1× 192.0.2.1:80, an address outside, by --network none; allow it with --network slirp4netns
blocked 1× udp:192.0.2.1:53, an address outside, by --network none; allow it with --network slirp4netns
END
  is_user bob || assert_said <<<'blocked 1× mknod(2) of a device, which no user namespace can make; allow it with --device DEVICE'
  run ! grep -E 'clone3|999|hown|setuid' said
}

@test "--explain: what is allowed is not named, and a filter that is off denies nothing" {
  probe --network none --nested --cap-add SYS_ADMIN,NET_RAW --security-opt unmask=ALL --explain >/dev/null 2>said
  run ! grep -E 'mount|unshare|raw packets|masked|read-only' said
  grep -q keyctl said
  probe --network none --security-opt seccomp=unconfined --explain >/dev/null 2>said
  run ! grep seccomp said
  grep -q 'masked path' said
  run rbox run --rm --network none --explain busybox true
  [ "$output" = "rbox: nothing was blocked that --explain can see" ]
}

@test "--explain: capabilities that were dropped, a root that is read-only" {
  probe --network none --cap-drop CHOWN,SETUID --read-only --explain >out 2>said
  is_user bob || assert_said <<'END'
blocked 1× chown(2) for lack of CAP_CHOWN; allow it with --cap-add CHOWN
blocked 1× setuid(2) for lack of CAP_SETUID; allow it with --cap-add SETUID
END
  assert_said <<<"blocked 1× writing to '/etc/new', a read-only path: the root is so; allow it with --tmpfs or -v for its folder, or without --read-only"
}

@test "--explain: addresses that --allow-net does not list, the host's closed loopback" {
  [ -w /dev/net/tun ] || skip "/dev/net/tun cannot be opened"
  probe --allow-net 198.51.100.7:80 --explain >out 2>said
  grep -qx 'tcp EACCES' out
  assert_said <<'END'
blocked 1× 192.0.2.1:80, an address that --allow-net does not list; allow it with --allow-net 192.0.2.1:80
blocked 1× udp:192.0.2.1:53, an address that --allow-net does not list; allow it with --allow-net udp:192.0.2.1:53
END
  probe --allow-net 192.0.2.1:80,10.0.2.2 --explain >out 2>said
  run ! grep '192.0.2.1:80' said
  assert_said <<<'blocked 1× 10.0.2.2:9, an address of the host, whose loopback is closed; allow it with --network slirp4netns:allow_host_loopback=true'
}

@test "--explain with --init, with no_new_privs, as another user, detached, and over a restart" {
  run rbox run --rm --network none --init --explain busybox unshare -m true
  [ "$status" -ne 0 ]
  [[ $output == *"blocked 1× unshare(2)"* ]]
  run rbox run --rm --network none --security-opt no-new-privileges --explain busybox unshare -m true
  [[ $output == *"blocked 1× unshare(2)"* ]]
  is_user bob || {
    run rbox run --rm --network none -u 33 --explain busybox unshare -m true
    [[ $output == *"blocked 1× unshare(2)"* ]]
  }
  rbox run -d --name box --network none --explain --restart on-failure:2 busybox unshare -m true >/dev/null
  rbox wait box
  rbox logs box >said 2>&1
  grep -q 'blocked 3× unshare(2)' said
  rbox rm box
}

@test "exec in such a container has the filter as it is; the listener is nobody's inside" {
  rbox run -d --name box --network none --explain busybox sleep 1000 >/dev/null
  run rbox exec box unshare -m true
  [ "$status" -ne 0 ]
  [ "$(rbox exec box sh -c 'ls -l /proc/1/fd | grep -c seccomp')" = 0 ]
  rbox rm -f box
}

@test "a profile of one's own: what it refuses is named, what it would kill for is refused; SIGSYS alone is a line" {
  echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["sync","syncfs"],"action":"SCMP_ACT_KILL_PROCESS"},{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]}' >profile.json
  run rbox run --rm --network none --security-opt seccomp="$PWD/profile.json" busybox sync
  [ "$status" -eq 159 ]
  [ "$output" = "rbox: the system call filter ended the command (SIGSYS); rbox run --explain names the call" ]
  run rbox run --rm --network none --explain --security-opt seccomp="$PWD/profile.json" busybox sh -c 'sync; mkdir /x'
  [ "$status" -eq 1 ]
  [[ $output == *"No space left on device"* ]]
  [[ $output == *"blocked 1× sync(2) by the seccomp profile '$PWD/profile.json'; allow it with another profile"* ]]
  [[ $output == *"blocked 1× mkdir(2) by the seccomp profile"* ]]
  # The child's own calls before the command are answered, too.
  echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["capset"],"action":"SCMP_ACT_ERRNO"}]}' >profile.json
  run rbox run --rm --network none --explain --security-opt seccomp="$PWD/profile.json" busybox true
  [ "$status" -eq 125 ]
  [[ $output == *"cannot set capabilities"* ]]
  echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["sendmsg"],"action":"SCMP_ACT_ERRNO"}]}' >profile.json
  run rbox run --rm --network none --explain --security-opt seccomp="$PWD/profile.json" busybox true
  [ "$status" -eq 125 ]
  [[ $output == *"--explain needs a seccomp profile that allows sendmsg"* ]]
}
