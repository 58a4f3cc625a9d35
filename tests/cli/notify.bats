#!/usr/bin/env bats
# users: alice bob root
# What a service manager is told (--sdnotify, issue 5); with a real systemd in cgroup-scope.bats.
load lib

setup() {
  common_setup
  export NOTIFY_SOCKET=$BATS_TEST_TMPDIR/manager
  python3 -c '
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("ready", flush=True)
while True:
    print(s.recv(65536).decode(), end="", flush=True)' "$NOTIFY_SOCKET" >"$BATS_TEST_TMPDIR/told" 3>&- &
  manager=$!
  until_true told ready
  probe=(-v "$RBOX_BUILD/tests/netprobe:/netprobe:ro")
}

teardown() {
  kill "$manager"
  wait "$manager" || true
  unset NOTIFY_SOCKET
  teardown_containers
}

told() {
  grep -qx "$1" "$BATS_TEST_TMPDIR/told"
}

@test "a container says that it is ready; what is not its own to say is dropped" {
  local user=33
  ! is_user bob || user=0 # he has one id
  # shellcheck disable=SC2016 # for the shell inside
  rbox run --rm --network none "${probe[@]}" --user "$user" busybox sh -ec '
    [ "$NOTIFY_SOCKET" = /run/notify/notify.sock ]
    /netprobe notify "MAINPID=1
READY=1
FDSTORE=1
STATUS=all is well"'
  until_true told "STATUS=all is well"
  [ "$(tr '\n' ' ' <told)" = "ready READY=1 STATUS=all is well " ]
}

@test "a detached container's supervisor becomes the main process; again after a restart it may speak" {
  rbox run -d --name web --network none "${probe[@]}" --read-only busybox sh -c '/netprobe notify READY=1; exec sleep 1000'
  until_true told READY=1
  until_true told "MAINPID=$(supervisor_of web)"
  rbox restart -t 0 web
  until_true eval '[ "$(grep -cx READY=1 told)" -eq 2 ]'
  until_true told "MAINPID=$(supervisor_of web)"
  run rbox inspect web
  [[ "$output" != *notify.sock* ]]
}

@test "what a container says last is told, though its supervisor sees its end at once" {
  local pid first
  mkdir -p go
  rbox run -d --name web --network none "${probe[@]}" -v "$PWD/go:/go:ro" busybox \
    sh -c 'until [ -e /go/now ]; do sleep 0.05; done; /netprobe notify "STATUS=goodbye"'
  pid=$(supervisor_of web)
  first=$(rbox inspect -f '{{.State.Pid}}' web)
  kill -STOP "$pid"
  touch go/now
  until_true eval 'grep -q "^State:.*Z" "/proc/$first/status"'
  kill -CONT "$pid"
  until_true told "STATUS=goodbye"
  [ "$(rbox wait web)" = 0 ]
}

@test "conmon: rbox says it once the command runs, and not of one that cannot" {
  run -127 rbox run -d --network none --sdnotify conmon busybox no-such-command
  run ! told READY=1
  rbox run -d --name web --network none --sdnotify=conmon busybox sh -c 'echo "[$NOTIFY_SOCKET]"; exec sleep 1000'
  until_true told READY=1
  until_true eval '[ "$(rbox logs web)" = "[]" ]'
}

@test "healthy: rbox says it when the first check passes" {
  rbox run -d --name web --network none --sdnotify healthy --health-cmd 'test -e /ok' --health-interval 50ms busybox sleep 1000
  until_true eval '[ "$(rbox inspect --format "{{.State.Health.FailingStreak}}" web)" -gt 1 ]'
  run ! told READY=1
  rbox exec web touch /ok
  until_true told READY=1
  run -125 rbox run -d --network none --sdnotify healthy busybox true
  [[ "$output" == *"--sdnotify healthy needs a health check"* ]]
}

@test "ignore, no manager, one that is gone, and words that are none" {
  [ "$(rbox run --rm --network none --sdnotify ignore busybox sh -c 'echo "[$NOTIFY_SOCKET]"; ls /run/notify 2>&1 | wc -l')" = "[]
1" ]
  [ "$(NOTIFY_SOCKET='' rbox run --rm --network none busybox sh -c 'echo "[$NOTIFY_SOCKET]"')" = "[]" ]
  NOTIFY_SOCKET=$PWD/gone run -125 rbox run --rm --network none busybox true
  [[ "$output" == *"cannot reach the service manager at NOTIFY_SOCKET '$PWD/gone'"*"--sdnotify ignore"* ]]
  NOTIFY_SOCKET=vsock:1:2 run -125 rbox run --rm --network none busybox true
  run -125 rbox run --rm --network none --sdnotify maybe busybox true
  [[ "$output" == *"'maybe' is not container, conmon, healthy or ignore"* ]]
  [ -z "$(rbox ps -aq)" ]
}

@test "a unit is of type notify when it was said who tells, not by a word of the command's" {
  rbox create --name plain --network none busybox prog --sdnotify=container
  rbox generate systemd plain | grep -qx Type=simple
  local mode
  for mode in container conmon; do
    rbox create --name "said-$mode" --network none --sdnotify "$mode" busybox true
    rbox generate systemd "said-$mode" | grep -qx Type=notify
  done
  rbox create --name silent --network none --sdnotify ignore busybox true
  rbox generate systemd silent | grep -qx Type=simple
}
