#!/usr/bin/env bats
# users: alice bob root
# One more command in a running container (issue 5).
load lib

setup_file() {
  rbox run --rm --network none busybox true
}

teardown() {
  teardown_containers
}

up() {
  rbox run -d --network none --name box "$@" busybox sleep 1000 >/dev/null
}

@test "exec is in every namespace of the container, with its ids, cgroup and host name" {
  up
  run rbox exec box sh -c 'for n in user mnt pid ipc uts net cgroup; do [ "$(readlink /proc/1/ns/$n)" = "$(readlink /proc/self/ns/$n)" ] || echo "other $n"; done; hostname; id -u; pwd'
  [ "$status" -eq 0 ]
  [ "$output" = "$(rbox ps --format '{{.ID}}')"$'\n0\n/' ]
}

@test "exec has the container's capabilities and filter, and nothing of the host is open" {
  up
  same='grep -E "^(Cap|Seccomp:|NoNewPrivs)" /proc/self/status; umask; ulimit -n'
  run rbox exec box sh -c "$same"
  [ "$output" = "$(inside "$same")" ]
  exec 7</etc
  run rbox exec box sh -c 'ls /proc/self/fd | tr "\n" " "'
  exec 7<&-
  [ "$output" = "0 1 2 3 " ]
  run rbox exec --privileged box grep CapEff /proc/self/status
  [ "$output" = $'CapEff:\t000001ffffffffff' ]
}

@test "statuses: the command's, 126, 127, a signal's; a container that is not there or does not run" {
  up
  run rbox exec box sh -c 'exit 9'
  [ "$status" -eq 9 ]
  run -127 rbox exec box nosuch
  run rbox exec box /etc/passwd
  [ "$status" -eq 126 ]
  run rbox exec box sh -c 'kill -TERM $$'
  [ "$status" -eq 143 ]
  rbox stop -t 0 box
  run rbox exec box true
  [ "$status" -eq 125 ]
  run rbox exec nobody true
  [ "$status" -eq 125 ]
}

@test "-i, -e, --env-file, -w, HOME; without -i standard input is empty" {
  up -e A=1 -w /tmp
  [ "$(echo word | rbox exec -i box cat)" = word ]
  [ "$(echo word | rbox exec box cat)" = "" ]
  printf 'B=2\n' >file
  run rbox exec -e C=3 --env-file file box sh -c 'echo $A $B $C $HOME; pwd'
  [ "$output" = $'1 2 3 /root\n/tmp' ]
  run rbox exec -w /etc box pwd
  [ "$output" = /etc ]
  run -125 rbox exec -w /nowhere/new box pwd # a typing error makes no folder
  [[ "$output" == *"hint: rbox exec box mkdir -p /nowhere/new"* ]]
  [[ "$output" == *"working folder '/nowhere/new'"*"No such file"* ]]
  run -0 rbox exec box sh -c '[ ! -e /nowhere ]'
}

@test "-u: by name and number, with the right groups and no capabilities" {
  not_for bob "he has one id only"
  up
  run rbox exec -u daemon box sh -c 'id -u; id -g; grep CapEff /proc/self/status'
  [ "$output" = $'1\n1\nCapEff:\t0000000000000000' ]
  run rbox exec -u 4294967296 box true
  [ "$status" -eq 125 ]
}

@test "-t: a terminal of its own, of the right size from the first instruction" {
  up
  run python3 "$RBOX_TESTS/tools/terminal.py" 43x132 -- "$RBOX_BUILD/rbox" exec -it box sh -c 'stty size; tty; echo $TERM'
  [ "$status" -eq 0 ]
  [[ "$output" == *"43 132"*/dev/pts/*xterm* ]]
}

@test "-d returns at once, the command goes on and dies with the container" {
  up
  local out
  out=$(rbox exec -d box sleep 4321)
  [ -z "$out" ]
  rbox exec box ps | grep -q 'sleep 4321'
  rbox stop -t 0 box
  ! pgrep -u "$(id -u)" -f 'sleep 4321'
}

@test "a killed exec takes its command along, and not the container" {
  up
  "$RBOX_BUILD/rbox" exec box sleep 4322 3>&- &
  local pid=$!
  for _ in $(seq 100); do rbox exec box ps | grep -q 'sleep 4322' && break; sleep 0.05; done
  kill -KILL "$pid"
  for _ in $(seq 100); do rbox exec box ps | grep -q 'sleep 4322' || break; sleep 0.05; done
  run rbox exec box ps
  [ "$status" -eq 0 ]
  [[ "$output" != *"sleep 4322"* ]]
}

@test "signals of exec go to its command; the end of the container ends it" {
  up
  "$RBOX_BUILD/rbox" exec box sh -c 'trap "exit 5" TERM; echo ready; while :; do sleep 0.1; done' >ready 3>&- &
  local pid=$! status=0
  until grep -q ready ready; do sleep 0.05; done
  kill -TERM "$pid"
  wait "$pid" || status=$?
  [ "$status" -eq 5 ]
  "$RBOX_BUILD/rbox" exec box sleep 1001 3>&- &
  pid=$! status=0
  until_true eval 'rbox top box | grep -q "sleep 1001"'
  rbox stop -t 0 box
  wait "$pid" || status=$?
  [ "$status" -eq 137 ]
}

@test "its supervisor and program can't be traced, signalled or read from inside" {
  up --cap-add SYS_PTRACE
  run rbox exec box sh -c 'set -- /proc/[0-9]*; echo $#; for p; do readlink $p/exe; done'
  [ "$output" = $'2\n/bin/busybox\n/bin/busybox' ] # PID 1 and sh
}

@test "exec with two user namespaces, keep-id, the host's PID namespace, --nested" {
  is_user root || {
    rbox run -d --network none --name two --security-opt no-nested-userns busybox sleep 1000
    [ "$(rbox exec two id -u)" = 0 ]
    run rbox exec two unshare -U true
    [ "$status" -ne 0 ]
    rbox run -d --network none --name keep --userns keep-id busybox sleep 1000
    [ "$(rbox exec keep id -u)" = "$(id -u)" ]
  }
  rbox run -d --network none --name pid --pid host busybox sleep 1000
  [ "$(rbox exec pid readlink /proc/self/ns/pid)" = "$(readlink /proc/self/ns/pid)" ]
  rbox run -d --network none --name nest --nested busybox sleep 1000
  [ "$(rbox exec nest echo in)" = in ]
}

@test "--privileged can't go around --allow-net" {
  rbox run -d --allow-net example.com --name shut busybox sleep 1000
  run rbox exec --privileged shut true
  [ "$status" -eq 125 ]
  [[ "$output" == *"--allow-net"* ]]
  run rbox exec shut grep CapEff /proc/self/status
  [ "$output" = $'CapEff:\t00000000800405fb' ]
}
