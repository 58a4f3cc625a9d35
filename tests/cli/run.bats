#!/usr/bin/env bats
# users: alice bob root
# The first run, exit codes, streams.
load lib

@test "run busybox echo hello" {
  run rbox run busybox echo hello
  [ "$status" -eq 0 ]
  [ "${lines[-1]}" = hello ]
}

@test "--rm leaves nothing in the store but the image" {
  run rbox run --rm --network none busybox true
  [ "$status" -eq 0 ]
  assert_no_containers
}

@test "the command's exit status passes through" {
  run rbox run --rm --network none busybox sh -c 'exit 42'
  [ "$status" -eq 42 ]
}

@test "a signal that ends the command gives 128 + its number" {
  run rbox run --rm --network none busybox sh -c 'sh -c "kill -9 \$\$"; exit $?'
  [ "$status" -eq 137 ]
}

@test "a command that is not there gives 127, one that is not executable 126" {
  run -127 rbox run --rm --network none busybox no-such-command
  [[ "$output" == *"cannot execute 'no-such-command'"* ]]
  run -127 rbox run --rm --network none busybox /no/such/path
  run rbox run --rm --network none busybox /etc
  [ "$status" -eq 126 ]
  run rbox run --rm --network none busybox /etc/passwd
  [ "$status" -eq 126 ]
  assert_no_containers
}

@test "rbox's own failures give 125" {
  run rbox run --no-such-option busybox true
  [ "$status" -eq 125 ]
  run rbox run --rm no/such/image:at-all true
  [ "$status" -eq 125 ]
  [[ "$output" == *hint:* ]]
}

@test "without -i standard input is empty, with -i it comes through, to its end" {
  run bash -c 'echo secret | "$RBOX_BUILD/rbox" run --rm --network none busybox cat'
  [ "$status" -eq 0 ]
  [[ "$output" != *secret* ]]
  run bash -c 'echo secret | "$RBOX_BUILD/rbox" run -i --rm --network none busybox cat'
  [ "$status" -eq 0 ]
  [ "${lines[-1]}" = secret ]
}

@test "standard output and error stay apart" {
  rbox run --rm --network none busybox sh -c 'echo out; echo err >&2' >out 2>err
  [ "$(cat out)" = out ]
  grep -qx err err
}

@test "1 GB through a pipe arrives whole" {
  local sum bytes=${RBOX_TEST_BIG_BYTES:-1073741824} # less where the machine is emulated
  sum=$(rbox run --rm --network none busybox head -c "$bytes" /dev/zero | sha256sum)
  [ "$sum" = "$(head -c "$bytes" /dev/zero | sha256sum)" ]
}

@test "options stop at the image" {
  run rbox run --rm --network none busybox echo --rm -it --help
  [ "$status" -eq 0 ]
  [ "${lines[-1]}" = "--rm -it --help" ]
}

@test "a name is taken once, and free again afterwards" {
  rbox run --name one --network none busybox true
  run rbox run --name one --network none busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"'one' is in use"* ]]
}

@test "--cidfile gets the id, and must not exist" {
  rbox run --rm --network none --cidfile id busybox true
  [[ "$(cat id)" =~ ^[0-9a-f]{64}$ ]]
  run rbox run --rm --network none --cidfile id busybox true
  [ "$status" -eq 125 ]
}

@test "runs side by side do not disturb each other" {
  local i
  for i in 1 2 3 4 5 6 7 8; do
    rbox run --rm --network none busybox sh -c "exit $i" &
    pids[i]=$!
  done
  for i in 1 2 3 4 5 6 7 8; do
    local result=0
    wait "${pids[i]}" || result=$?
    [ "$result" -eq "$i" ]
  done
}

@test "--timeout ends the container" {
  run timeout 20 "$RBOX_BUILD/rbox" run --rm --network none --timeout 1 busybox sleep 100
  [ "$status" -eq 137 ]
}

@test "an entrypoint, a user, a folder and variables of the command line" {
  run rbox run --rm --network none --entrypoint /bin/echo busybox a b
  [ "${lines[-1]}" = "a b" ]
  run rbox run --rm --network none -w /tmp -e A=1 busybox sh -c 'pwd; echo $A'
  [ "${lines[-2]}" = /tmp ]
  [ "${lines[-1]}" = 1 ]
}

@test "--rootfs runs a folder" {
  not_for root "the folder must belong to a mapped user"
  mkdir -p root/bin root/proc root/dev root/sys root/etc
  install_busybox root/bin/busybox
  run rbox run --rm --network none --rootfs "$PWD/root" /bin/busybox echo from-a-folder
  [ "$status" -eq 0 ]
  [ "${lines[-1]}" = from-a-folder ]
}

@test "--replace takes the name over, from a running container too" {
  rbox run --rm --network none --name taken busybox sleep 100 &
  local first=$!
  until_true eval '[ -n "$(rbox ps -q --filter name=taken)" ]'
  run rbox run --rm --network none --name taken --replace busybox echo second
  [ "$status" -eq 0 ]
  [ "${lines[-1]}" = second ]
  ! wait "$first"
}

@test "an image can be removed by name while a container of it runs, and the run goes on" {
  rbox tag busybox spare
  "$RBOX_BUILD/rbox" run -i --rm --network none spare cat </dev/zero >/dev/null 3>&- &
  local pid=$!
  sleep 0.5
  timeout 10 "$RBOX_BUILD/rbox" rmi spare || [ "$?" -ne 124 ]
  kill "$pid"
  wait "$pid" || true
}
