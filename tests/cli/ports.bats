#!/usr/bin/env bats
# users: alice root
# Published ports.
load lib

setup() {
  common_setup
  base=$((20000 + $(id -u) % 100 * 100)) # users' tests run side by side
  probe=(-v "$RBOX_BUILD/tests/netprobe:/netprobe:ro")
  host_ip=$(ip -4 -o addr show scope global | sed -n 's|.* inet \([0-9.]*\)/.*|\1|p' | head -1)
  name=web-$BATS_TEST_NUMBER
  container=
}

teardown() {
  if [ -n "$container" ]; then
    kill -TERM "$container" 2>/dev/null
    wait "$container" || true
  fi
  common_teardown
}

# start ADDRESS [OPTION…]: a service inside on port 80 of ADDRESS, and wait until it is there.
start() {
  local address=$1 protocol=${protocol:-tcp}
  shift
  "$RBOX_BUILD/rbox" run --rm --name "$name" "$@" "${probe[@]}" busybox \
    /netprobe serve "$protocol" "$address" 80 >out 2>&1 3>&- &
  container=$!
  for _ in $(seq 200); do
    ! grep -q ready out || return 0
    sleep 0.02
  done
  cat out >&2
  return 1
}

# host_port [WHICH]: the port on the host that was chosen.
host_port() {
  rbox port "$name" "${1:-80}" | head -1 | sed 's/.*://'
}

ask() {
  "$RBOX_BUILD/tests/netprobe" ask "$@"
}

@test "a TCP service sees the address of its caller (#8)" {
  start 0.0.0.0 -p 80
  run ask tcp "$host_ip" "$(host_port)"
  [ "${lines[0]}" = "from $host_ip" ]
}

@test "callers on the host's loopback look like the gateway, not like the container (#8)" {
  start 0.0.0.0 -p 80
  run ask tcp 127.0.0.1 "$(host_port)"
  [ "${lines[0]}" = "from 10.0.2.2" ]
  run ask tcp ::1 "$(host_port)"
  [ "${lines[0]}" = "from 10.0.2.2" ]
}

@test "services that listen on the loopback only are reached (#8)" {
  start 127.0.0.1 -p 80
  run ask tcp "$host_ip" "$(host_port)"
  [ "${lines[0]}" = "from $host_ip" ]
}

@test "services on ::1 only are reached (#8)" {
  start ::1 -p 80
  run ask tcp "$host_ip" "$(host_port)"
  [ "${lines[0]}" = "from fd00::2" ]
  run rbox port "$name"
  [[ "$output" == *"without their client's address"* ]]
}

@test "a service on the interface's address only is reached, and port says what it can't see (#8)" {
  start 10.0.2.100 -p 80
  run ask tcp "$host_ip" "$(host_port)"
  [ "${lines[0]}" = "from 10.0.2.100" ]
  run rbox port "$name"
  [[ "$output" == *"80/tcp: 1 connections came without their client's address"* ]]
}

@test "UDP goes in and comes back, by IPv4 and IPv6 (#8)" {
  protocol=udp start 0.0.0.0 -p 80/udp
  run ask udp "$host_ip" "$(host_port 80/udp)"
  [[ "$output" == "from "* ]]
  run ask udp ::1 "$(host_port 80/udp)"
  [[ "$output" == "from "* ]]
}

@test "-p 127.0.0.1: listens there only (#8)" {
  start 0.0.0.0 -p 127.0.0.1::80
  run ask tcp 127.0.0.1 "$(host_port)"
  [ "$status" -eq 0 ]
  run ask tcp "$host_ip" "$(host_port)"
  [ "$status" -eq 1 ]
  [[ "$output" == *refused* ]]
}

@test "-P publishes what is exposed, on ports of its choice (#8)" {
  start 0.0.0.0 -P --expose 80 --expose 53/udp
  run rbox port "$name"
  [[ "$output" == *"53/udp -> 0.0.0.0:"* ]]
  [[ "$output" == *"80/tcp -> 0.0.0.0:"* ]]
  run ask tcp 127.0.0.1 "$(host_port)"
  [ "$status" -eq 0 ]
}

@test "ranges keep their order (#8)" {
  start 0.0.0.0 -p $((base + 10))-$((base + 12)):79-81
  run ask tcp 127.0.0.1 $((base + 11))
  [ "${lines[0]}" = "from 10.0.2.2" ]
  run ask tcp 127.0.0.1 $((base + 10))
  [ "$status" -eq 1 ]
}

@test "ports come and go while the container runs (#8)" {
  start 0.0.0.0 -p 80
  run rbox port add "$name" 127.0.0.1:$((base + 20)):80
  [ "$output" = "80/tcp -> 127.0.0.1:$((base + 20))" ]
  run ask tcp 127.0.0.1 $((base + 20))
  [ "$status" -eq 0 ]
  rbox port rm "$name" 127.0.0.1:$((base + 20))
  run ask tcp 127.0.0.1 $((base + 20))
  [ "$status" -eq 1 ]
  run rbox port rm "$name" $((base + 20))
  [ "$status" -ne 0 ]
  [[ "$output" == *$((base + 20))* ]]
}

@test "a taken port is refused with its owner, before anything is made (#8)" {
  "$RBOX_BUILD/tests/netprobe" serve tcp 127.0.0.1 $((base + 30)) >server 3>&- &
  local server=$!
  for _ in $(seq 100); do ! grep -q ready server || break; sleep 0.02; done
  run rbox run --rm -p $((base + 30)):80 busybox true
  kill "$server"
  wait "$server" || true
  [ "$status" -eq 125 ]
  [[ "$output" == *"$((base + 30))/tcp: the port is taken by 'netprobe' (pid $server)"* ]]
  assert_no_containers
}

@test "a reserved port names the setting (#8)" {
  not_for root "it may"
  run rbox run --rm -p 80:80 busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"ip_unprivileged_port_start is "* ]]
  [[ "$output" == *"sysctl -w net.ipv4.ip_unprivileged_port_start=80"* ]]
}

@test "nonsense is refused (#8)" {
  local wrong
  for wrong in 0:80 80:0 70000:80 80:x 8080-8081:80 1.2.3:80:80 80/sctp 203.0.113.9:$((base + 99)):80; do
    run rbox run --rm -p "$wrong" busybox true
    [ "$status" -eq 125 ]
  done
  run rbox run --rm -p $((base + 40))-$((base + 45)):80-85 -p $((base + 45)):90 busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"$((base + 45))/tcp is published twice"* ]]
  assert_no_containers
}

@test "with host or none a warning says that nothing is published (#8)" {
  run rbox run --rm --network none -p $((base + 50)):80 busybox true
  [ "$status" -eq 0 ]
  [[ "$output" == *"no effect"* ]]
}

@test "the end of the container frees its ports (#8)" {
  start 0.0.0.0 -p $((base + 60)):80
  kill -9 "$container"
  wait "$container" || true
  container=
  for _ in $(seq 100); do
    "$RBOX_BUILD/tests/netprobe" ask tcp 127.0.0.1 $((base + 60)) >/dev/null || break
    sleep 0.02
  done
  rbox run --rm -p $((base + 60)):80 busybox true
}
