#!/usr/bin/env bats
# users: alice bob root
# What happened (events) and what runs (top) (issue 5).
load lib

setup_file() {
  rbox run --rm --network none busybox true
}

setup() {
  common_setup
  rm -f "$RBOX_STORE/events" "$RBOX_STORE/events.1"
}

teardown() {
  teardown_containers
}

past() {
  rbox events --stream=false "$@"
}

@test "events: a container's life, in order, with why it ended" {
  rbox run --rm --network none --name once --label k=v busybox true
  [ "$(past --format '{{.Type}} {{.Status}} {{.Name}}')" = "container create once
container start once
container died once
container remove once" ]
  [ "$(past --filter event=die --format '{{.Attributes.reason}} {{.Attributes.containerExitCode}} {{.Attributes.k}}')" = "exit 0 v" ]
}

@test "stop, kill, timeout and a signal of others are told apart, in events and inspect" {
  for name in stopped killed signalled; do
    rbox run -d --network none --name $name busybox sleep 1000
  done
  rbox stop -t 0 stopped
  rbox kill killed
  kill -KILL "$(rbox inspect --format '{{.State.Pid}}' signalled)"
  run rbox run --network none --timeout 1 --name late busybox sleep 1000
  [ "$status" -eq 137 ]
  [[ "$output" == *"--timeout had passed"* ]]
  run rbox run --network none --name plain busybox sh -c 'exit 9'
  for name in killed signalled; do
    rbox wait $name
  done
  [ "$(rbox inspect --format '{{.State.Reason}}' stopped killed signalled late plain | tr '\n' ' ')" = "stop kill signal timeout exit " ]
  [ "$(past -f event=died --format '{{.Name}} {{.Attributes.reason}}' | sort | tr '\n' ' ')" = "killed kill late timeout plain exit signalled signal stopped stop " ]
}

@test "a supervisor that was killed is a reason of its own" {
  rbox run -d --network none --name box busybox sleep 1000
  kill -KILL "$(supervisor_of box)"
  until_true sh -c "[ -z \"\$('$RBOX_BUILD/rbox' ps -q)\" ]"
  [ "$(rbox inspect --format '{{.State.Reason}}' box)" = supervisor ]
  [ "$(past -f event=died --format '{{.Attributes.reason}}')" = supervisor ]
}

@test "events: images, volumes, and what commands do to containers" {
  rbox tag busybox other:1
  rbox rmi other:1
  rbox volume create v
  rbox volume rm v
  rbox create --network none --name a busybox true
  rbox rename a b
  rbox commit -q b made
  rbox save -o x.tar made
  rbox rmi made
  rbox load -i x.tar
  [ "$(past --format '{{.Type}} {{.Status}}' | tr '\n' ',')" = "image tag,image untag,volume create,volume remove,container create,container rename,container commit,image save,image untag,image remove,image loadfromarchive," ]
}

@test "events: filters of several keys must all fit, of one key any" {
  rbox run --rm --network none --name one --label team=x busybox true
  rbox run --rm --network none --name two busybox true
  [ "$(past -f container=one -f event=start -f event=died --format '{{.Name}} {{.Status}}' | tr '\n' ',')" = "one start,one died," ]
  [ "$(past -f label=team=x -f event=start --format '{{.Name}}')" = one ]
  [ -z "$(past -f label=team=y)" ]
  [ "$(past -f image=busybox -f event=start --format '{{.Name}}' | tr '\n' ',')" = "one,two," ]
  [ -z "$(past -f type=volume)" ]
  run past -f colour=red
  [ "$status" -eq 125 ]
}

@test "events: --since and --until; a follower sees what comes, and ends with --until" {
  rbox run --rm --network none --name before busybox true
  sleep 0.05
  local now
  now=$(date +%s.%N)
  "$RBOX_BUILD/rbox" events --since "$now" --format '{{.Name}} {{.Status}}' >seen 3>&- &
  local pid=$!
  rbox run --rm --network none --name after busybox true
  until_true grep -q 'after remove' seen
  kill $pid
  rbox events --until "$(date -d '+0.3 seconds' +%Y-%m-%dT%H:%M:%S.%N%:z)" --format '{{.Name}}'
  [ "$(tr '\n' ',' <seen)" = "after create,after start,after died,after remove," ]
  [ "$(past --until "$now" --format '{{.Name}}' | sort -u)" = before ]
}

@test "events: the log turns over and a follower goes on; damaged lines are passed over" {
  head -c 4194400 /dev/zero | tr '\0' ' ' >"$RBOX_STORE/events"
  printf '\n{"half' >>"$RBOX_STORE/events"
  echo >>"$RBOX_STORE/events"
  "$RBOX_BUILD/rbox" events --format '{{.Name}} {{.Status}}' >seen 3>&- &
  local pid=$!
  sleep 0.2
  rbox run --rm --network none --name turn busybox true
  until_true grep -q 'turn remove' seen
  kill $pid
  [ -e "$RBOX_STORE/events.1" ]
  [ "$(past -f event=create --format '{{.Name}}')" = turn ]
}

@test "events as JSON lines: each is an object with the time as text, too" {
  rbox run --rm --network none --name j busybox true
  past --format json | python3 -c '
import json, sys
for line in sys.stdin:
    e = json.loads(line)
    assert e["Time"].endswith("Z") and e["Type"] == "container" and len(e["ID"]) == 64, e'
}

@test "top: what runs, with names and numbers of the inside; columns by name" {
  rbox run -d --network none --name box busybox sh -c 'sleep 1001 & exec sleep 1002'
  until_true sh -c "'$RBOX_BUILD/rbox' top box | grep -q 1001"
  run rbox top box
  [[ "${lines[0]}" =~ ^USER\ +PID\ +PPID\ +%CPU\ +ELAPSED\ +TTY\ +TIME\ +COMMAND ]]
  [[ "${lines[1]}" =~ ^root\ +1\ +0\ .*sleep\ 1002 ]]
  [[ "${lines[2]}" =~ ^root\ +2\ +1\ .*sleep\ 1001 ]]
  [ "${#lines[@]}" -eq 3 ]
  if [ -w /dev/fuse ]; then # a root that lets only the container's own processes look
    rbox run -d --network none --name served --storage-driver fuse-overlayfs busybox sleep 1003
    [ "$(rbox top served user,group | tail -1 | tr -s ' ')" = "root root" ]
  fi
  run rbox top box pid,hpid huser seccomp
  [ "$(awk 'NR == 2 {print $1, $2, $4}' <<<"$output")" = "1 $(rbox inspect --format '{{.State.Pid}}' box) filter" ]
  run rbox top box aux
  [ "$status" -eq 125 ]
  [[ "$output" == *"rbox exec box ps"* ]]
  rbox stop -t 0 box
  run rbox top box
  [ "$status" -eq 125 ]
}

@test "top: with the host's PID namespace only the container's own are listed; nothing upsets the table" {
  rbox run -d --pid host --network none --name box busybox sh -c 'exec sleep 1003'
  run rbox top box pid,args
  [ "${#lines[@]}" -eq 2 ]
  rbox run -d --network none --name odd busybox sh -c "$(printf 'sleep 1004 # \033[2J\n# x')"
  until_true eval '[ "$(rbox top odd args | wc -l)" = 3 ]' # its shell has started the other
  run rbox top odd args
  [[ "$output" != *$'\033'* ]]
}
