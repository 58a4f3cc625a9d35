#!/usr/bin/env bats
# users: alice bob root
# The probe suite (tests/tools/probe.c) inside: nothing it tries gets out (issue 7). tests/isolation/compare
# runs it beside podman and bubblewrap.
load lib

setup() {
  common_setup
  cp "$RBOX_BUILD/tests/probe" probe
  chmod 755 .
  export PROBE_MARKER=secret
  mkfifo go
  ./probe host "$PWD/told" <go 3>&- &
  host_side=$!
  exec 9>go
  until_true test -e told
}

teardown() {
  exec 9>&-
  wait "$host_side"
  teardown_containers
}

volume() {
  echo "-v $PWD:/probe:ro"
}

# Run the suite by a command, with a folder of the host open; nothing may fail.
assert_kept_in() {
  local failed
  "$@" 7</etc 9>&- >suite.out 2>suite.err || true
  failed=$(grep '^FAIL' suite.out) || true
  if [ -n "$failed" ] || [ "$(grep -c '^pass' suite.out)" -lt 120 ]; then
    echo "$failed" >&2
    tail -3 suite.out suite.err >&2
    return 1
  fi
}

network() {
  [ -w /dev/net/tun ] && echo slirp4netns || echo none
}

@test "run: the suite finds no way out, with a network and the defaults" {
  # shellcheck disable=SC2046
  assert_kept_in rbox run --rm --network "$(network)" $(volume) busybox /probe/probe suite /probe/told
}

@test "run: nor with --init, as another user, with a group of the image, under --explain" {
  # shellcheck disable=SC2046
  assert_kept_in rbox run --rm --network none --init $(volume) busybox /probe/probe suite /probe/told
  # shellcheck disable=SC2046
  assert_kept_in rbox run --rm --network none --explain $(volume) busybox /probe/probe suite /probe/told
  is_user bob && return
  # shellcheck disable=SC2046
  assert_kept_in rbox run --rm --network none -u 33 --group-add 7 $(volume) busybox /probe/probe suite /probe/told
}

@test "exec: nor does a second command, of root and of another user" {
  # shellcheck disable=SC2046
  rbox run -d --name box --network none $(volume) busybox sleep 1000 >/dev/null 9>&-
  assert_kept_in rbox exec box /probe/probe suite /probe/told
  is_user bob || assert_kept_in rbox exec -u 33 box /probe/probe suite /probe/told
}

@test "on a terminal of the host, without -t, that terminal stays out" {
  # shellcheck disable=SC2046
  assert_kept_in python3 "$RBOX_TESTS/tools/terminal.py" 24x80 expect=path-socket -- \
    "$RBOX_BUILD/rbox" run --rm --network none $(volume) busybox /probe/probe suite /probe/told
}

@test "the suite sees what is let in: --privileged, the host's namespaces, a filter that is off" {
  fails() {
    local options=$1
    shift
    # shellcheck disable=SC2086,SC2046
    rbox run --rm $options $(volume) busybox /probe/probe suite /probe/told 9>&- >suite.out || true
    for name in "$@"; do
      grep -q "^FAIL $name " suite.out || {
        echo "with $options it does not see $name" >&2
        return 1
      }
    done
  }
  fails "--network none --privileged" CapEff CapBnd call-mount call-keyctl hidden-/proc/interrupts
  fails "--network host" ns-net loopback-127.0.0.1 abstract-socket
  fails "--network none --pid host" ns-pid parent-outside pidfd-host
  fails "--network none --security-opt seccomp=unconfined" call-io_uring_setup call-ioctl-TIOCSTI call-add_key
  fails "--network none -v $PWD:$PWD" file-of-host
  is_user root || fails "--network none --security-opt seccomp=unconfined" key-of-host
}
