#!/usr/bin/env bats
# users: alice bob root
# Signals, and what is left when something is killed.
load lib

# Seconds that no other test sleeps: they find the container's processes among all others.
mark=$(id -u)

# Start a container in the background whose script writes to ./up when it is there. $launcher is its pid.
start() {
  start_command busybox sh -c "$1"
}

start_command() {
  # A shell ignores INT for what it starts in the background, and rbox honours that, as for nohup.
  env --default-signal=INT,QUIT "$RBOX_BUILD/rbox" run --rm --network none --name victim "$@" >up 2>err &
  launcher=$!
  until_true test -s up
}

supervisor_of() {
  cat "/proc/$1/task/$1/children" | awk '{print $1}'
}

# The container's processes carry this word in their command line.
alive() {
  pgrep -f "$1" | grep -v "^$launcher$" || true
}

is_dead() {
  [ -z "$(alive "$1")" ]
}

@test "SIGTERM and SIGINT end a command that does not handle them" {
  local signal
  for signal in TERM INT HUP; do
    start 'echo up; exec sleep 1000'
    kill -s "$signal" "$launcher"
    local status=0
    wait "$launcher" || status=$?
    [ "$status" -eq $((128 + $(kill -l "$signal"))) ]
    rm -f up
  done
}

@test "a signal right at the start is not lost" {
  "$RBOX_BUILD/rbox" run --rm --network none busybox sleep 1000 &
  launcher=$!
  # Before it has become rbox it is a shell with bats' own handlers.
  for _ in $(seq 10000); do
    [ "$(cat "/proc/$launcher/comm")" != rbox ] || break
  done
  kill -TERM "$launcher" || true
  local status=0
  wait "$launcher" || status=$?
  [ "$status" -eq 143 ]
  assert_no_leftovers
}

# The setuid helpers would not be under strace what they are: for users who need none.
@test "a signal while the container's folders are made is not lost" {
  not_for alice "newuidmap is not setuid under strace"
  local call status
  for call in symlinkat renameat2; do
    status=0
    strace -o trace -e "trace=$call" -e "inject=$call:signal=TERM" \
      "$RBOX_BUILD/rbox" run --network none busybox sleep 1000 || status=$?
    grep -q "^$call(" trace
    [ "$status" -eq 143 ]
    assert_no_leftovers
    rbox rm -a >/dev/null
  done
}

@test "a command that handles a signal gets it, and lives" {
  start 'trap "echo got; exit 7" TERM; echo up; while :; do sleep 0.1; done'
  kill -TERM "$launcher"
  local status=0
  wait "$launcher" || status=$?
  [ "$status" -eq 7 ]
  grep -q got up
}

@test "PID 1 that blocks a signal for moments only, as in a fork, is ended; one that waits for it gets it, and lives" {
  local how status way
  cp "$RBOX_BUILD/tests/blocker" blocker
  chmod 755 . blocker
  for how in "kill -TERM launcher" "rbox kill -s TERM victim" "rbox stop -t 60 victim"; do
    for way in moments:1[34][37] waits:7; do
      start_command -v "$PWD/blocker:/blocker:ro" busybox /blocker ${way%:*}
      # shellcheck disable=SC2086 # a command and its words
      ${how/launcher/$launcher} >/dev/null
      status=0
      wait "$launcher" || status=$?
      # shellcheck disable=SC2053 # a pattern
      [[ $status == ${way#*:} ]]
      rm -f up
    done
  done
}

@test "CHLD, CONT, WINCH and URG never kill" {
  start 'echo up; exec sleep 2'
  local signal
  for signal in CHLD CONT WINCH URG; do
    kill -s "$signal" "$launcher"
  done
  local status=0
  wait "$launcher" || status=$?
  [ "$status" -eq 0 ]
}

@test "what the caller ignores is not ignored inside; CHLD, as some services do, not by rbox either" {
  local script='sleep 0 & wait $! && grep SigIgn /proc/self/status; exit 3'
  run env --ignore-signal=CHLD,HUP,USR1 "$RBOX_BUILD/rbox" run --rm busybox sh -c "$script"
  [ "$status" -eq 3 ]
  [ "$output" = $'SigIgn:\t0000000000000000' ]
  echo text >file
  tar -cf root.tar file
  env --ignore-signal=CHLD "$RBOX_BUILD/rbox" import root.tar ignored
  # What make starts ignores 32 and 33, which libc keeps to itself: so does what posix_spawn(3) starts with signals reset.
  run python3 - "$RBOX_BUILD/rbox" run --rm --network none busybox sh -c "$script" <<'PY'
import os, signal, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, setsigdef=[signal.SIGUSR1])
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
  [ "$status" -eq 3 ]
  [ "$output" = $'SigIgn:\t0000000000000000' ]
}

@test "SIGKILL of the launcher ends the container and leaves nothing" {
  start "trap '' TERM INT HUP; echo up; while :; do sleep 987$mark; done"
  kill -9 "$launcher"
  wait "$launcher" 2>/dev/null || true
  until_true is_dead "sleep 987$mark"
  assert_no_containers
}

@test "SIGKILL of the supervisor ends the container; the launcher says so" {
  start "trap '' TERM INT HUP; echo up; while :; do sleep 986$mark; done"
  kill -9 "$(supervisor_of "$launcher")"
  local status=0
  wait "$launcher" || status=$?
  [ "$status" -eq 125 ]
  [ -z "$(alive "sleep 986$mark")" ]
  grep -q "supervisor died" err
  assert_no_containers
}

@test "SIGKILL of both at once ends the container, and the next run sweeps" {
  start "trap '' TERM INT HUP; echo up; while :; do sleep 985$mark; done"
  kill -9 "$launcher" "$(supervisor_of "$launcher")"
  wait "$launcher" 2>/dev/null || true
  until_true is_dead "sleep 985$mark"
  rbox run --rm --network none busybox true
  assert_no_containers
}

@test "the same when PID 1 changed its ids" {
  not_for bob "he has one id only"
  "$RBOX_BUILD/rbox" run --rm --network none busybox sh -c "exec su -s /bin/sh www-data -c 'exec sleep 984$mark'" 2>err &
  launcher=$!
  until_true pgrep -f "^sleep 984$mark"
  kill -9 "$launcher" "$(supervisor_of "$launcher")"
  wait "$launcher" 2>/dev/null || true
  until_true is_dead "sleep 984$mark"
  rbox run --rm --network none busybox true
  assert_no_containers
}

@test "a boot of another host that has the same store mounted is not swept, one of this host is (issue 3)" {
  [ -s /etc/machine-id ] || skip "this machine has no id"
  local id boot=11111111-2222-3333-4444-555555555555
  id=$(rbox create --network none busybox true)
  mkdir -p "$RBOX_STORE/run/$boot/$id"
  ln -s ffffffffffffffffffffffffffffffff "$RBOX_STORE/run/.$boot"
  rbox ps -a >/dev/null
  [ -d "$RBOX_STORE/run/$boot/$id" ]
  [ "$(rbox inspect --format '{{.State.Status}}' "$id")" = created ]
  ln -sfn "$(cat /etc/machine-id)" "$RBOX_STORE/run/.$boot"
  rbox ps -a >/dev/null
  [ "$(ls -A "$RBOX_STORE/run" | sort)" = "$(printf '%s\n' ".$(cat /proc/sys/kernel/random/boot_id)" "$(cat /proc/sys/kernel/random/boot_id)" | sort)" ]
  [ "$(rbox inspect --format '{{.State.ExitCode}}' "$id")" = 137 ]
  rbox rm "$id"
}
