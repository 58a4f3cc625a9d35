#!/usr/bin/env bats
# users: alice root
# What each backend can: the table of docs/NETWORK.md, row by row.
load lib

pasta=$(command -v pasta >/dev/null && echo pasta) || true # Debian 11 has none
backends="slirp4netns slirp4netns:port_handler=slirp4netns $pasta host none container"

setup() {
  common_setup
  base=$((30000 + $(id -u) % 100 * 100))
  servers=()
  probe=(-v "$RBOX_BUILD/tests/netprobe:/netprobe:ro")
  host_ip=$(ip -4 -o addr show scope global | sed -n 's|.* inet \([0-9.]*\)/.*|\1|p' | head -1)
}

teardown() {
  local pid
  for pid in "${servers[@]}"; do
    kill "$pid" && wait "$pid" || true
  done
  teardown_containers
}

# serve FILE PROBE-ARGUMENT…: on the host; ready when this returns.
serve() {
  local file=$1
  shift
  "$RBOX_BUILD/tests/netprobe" "$@" >"$file" 3>&- &
  servers+=($!)
  until_true grep -q ready "$file"
}

ask() {
  "$RBOX_BUILD/tests/netprobe" ask "$@" | head -1
}

# network BACKEND: the options; for "container" there is one to be joined.
network() {
  if [ "$1" = container ]; then
    rbox container exists joined || rbox run -d --name joined busybox sleep 1000 >/dev/null
    echo --network container:joined
  else
    echo --network "$1"
  fi
}

# expect BACKEND WHAT EXPECTED ACTUAL
expect() {
  if [ "$3" != "$4" ]; then
    echo "$1: $2: expected '$3', got '$4'"
    failed=1
  fi
}

# outside PROTOCOL PORT WHAT
outside() {
  local backend expected
  failed=0
  for backend in $backends; do
    expected="from $host_ip"
    [ "$backend" != none ] || expected="connect: Network is unreachable"
    # shellcheck disable=SC2046 # words
    expect "$backend" "$1 out" "$expected" "$(rbox run --rm $(network "$backend") "${probe[@]}" \
      busybox /netprobe ask "$1" "$host_ip" "$2" | head -1)"
  done
  [ "$failed" = 0 ]
}

@test "TCP and UDP out, by each backend (#8)" {
  serve tcp serve tcp "$host_ip" $((base + 1))
  serve udp serve udp "$host_ip" $((base + 2))
  outside tcp $((base + 1))
  outside udp $((base + 2))
}

@test "the host's loopback is closed, by each backend but host (#8)" {
  local backend
  failed=0
  serve tcp serve tcp 127.0.0.1 $((base + 3))
  for backend in slirp4netns $pasta container; do
    # shellcheck disable=SC2046 # words
    run rbox run --rm $(network $backend) "${probe[@]}" busybox /netprobe ask tcp 10.0.2.2 $((base + 3))
    expect $backend "loopback by the gateway" "" "$(grep -o '^from 127.*' <<<"$output")"
  done
  for backend in slirp4netns:allow_host_loopback=true ${pasta:+pasta:--map-gw}; do
    run rbox run --rm --network $backend "${probe[@]}" busybox /netprobe ask tcp 10.0.2.2 $((base + 3))
    expect $backend "loopback, asked for" "from 127.0.0.1" "${lines[0]}"
  done
  [ "$failed" = 0 ]
}

@test "names by the host's resolver, by each backend (#8)" {
  is_user root || skip "only root can give the host another resolv.conf, in a namespace of its own"
  local backend expected
  failed=0
  echo "nameserver 127.0.0.89" >resolv.conf
  serve names dns 127.0.0.89 "known.example=192.0.2.77"
  unshare -m sh -c 'mount --bind resolv.conf /etc/resolv.conf && exec "$@"' sh \
    "$RBOX_BUILD/rbox" run -d --name joined busybox sleep 1000
  for backend in $backends; do
    expected=192.0.2.77
    [ "$backend" != none ] || expected=
    # shellcheck disable=SC2046 # words
    expect "$backend" dns "$expected" "$(unshare -m sh -c \
      'mount --bind resolv.conf /etc/resolv.conf && exec "$@"' sh "$RBOX_BUILD/rbox" run --rm \
      $(network "$backend") busybox timeout 5 nslookup -type=a known.example 2>/dev/null |
      sed -n '/^Name/,$s/Address: *//p')"
  done
  [ "$failed" = 0 ]
}

@test "ping without a capability, by each backend (#8)" {
  local backend
  failed=0
  for backend in slirp4netns $pasta none container; do
    # shellcheck disable=SC2046 # words
    expect $backend ping pong "$(rbox run --rm -u 7 $(network $backend) "${probe[@]}" busybox \
      /netprobe ping 127.0.0.1)"
  done
  [ "$failed" = 0 ]
}

# published BACKEND LISTEN PORT WHO PROTOCOL ADDRESS EXPECTED: what a service that listens on LISTEN says of a
# caller of ADDRESS.
published() {
  local backend=$1 listen=$2 protocol=$3 address=$4 expected=$5 port=$((base + 10))
  rbox run -d --name web --network "$backend" -p $port:80/"$protocol" "${probe[@]}" busybox \
    /netprobe serve "$protocol" "$listen" 80 >/dev/null
  until_true eval 'rbox logs web | grep -q ready'
  expect "$backend" "$protocol from $address to $listen" "$expected" "$(ask "$protocol" "$address" $port | sed 's/^receive: Connection reset.*/closed/')"
  rbox rm -f web >/dev/null
}

@test "published ports: TCP, UDP, IPv4, IPv6, who the service sees, a service on the loopback (#8)" {
  local backend
  failed=0
  for backend in slirp4netns $pasta; do
    published $backend 0.0.0.0 tcp "$host_ip" "from $host_ip"
    published $backend 0.0.0.0 tcp 127.0.0.1 "from 10.0.2.2"
    published $backend 127.0.0.1 tcp "$host_ip" "from $host_ip"
    published $backend 0.0.0.0 tcp ::1 "from 10.0.2.2"
    published $backend :: tcp ::1 "from fd00::2"
    published $backend 0.0.0.0 udp "$host_ip" "from 10.0.2.100"
    published $backend 0.0.0.0 udp ::1 "from 10.0.2.100"
  done
  backend=slirp4netns:port_handler=slirp4netns
  published $backend 0.0.0.0 tcp "$host_ip" "from $host_ip"
  published $backend 0.0.0.0 udp "$host_ip" "from $host_ip"
  published $backend 127.0.0.1 tcp "$host_ip" "closed"
  published $backend 0.0.0.0 tcp ::1 "connect: Connection refused"
  [ "$failed" = 0 ]
}

@test "pasta: a dead one is replaced, an allowlist holds (#8)" {
  local old
  [ -n "$pasta" ] || skip "passt is not installed"
  serve good serve tcp "$host_ip" $((base + 4))
  serve bad serve tcp "$host_ip" $((base + 5))
  rbox run -d --name web --network pasta "${probe[@]}" --allow-net "$host_ip:$((base + 4))" busybox sleep 1000
  helper() { pgrep -P "$(supervisor_of web)" pas; }
  old=$(helper)
  until_true eval '[ "$(ps -o etimes= -p '"$old"')" -ge 2 ]'
  kill -9 "$old"
  until_true eval 'now=$(helper) && [ "$now" != '"$old"' ]'
  until_true rbox exec web /netprobe ask tcp "$host_ip" $((base + 4))
  run rbox exec web /netprobe ask tcp "$host_ip" $((base + 5))
  [ "${lines[0]}" = "connect: Permission denied" ]
}

@test "pasta's options take effect, and wrong ones are refused (#8)" {
  local option
  [ -n "$pasta" ] || skip "passt is not installed"
  run rbox run --rm --network pasta:--mtu,1400,-4,--address=10.9.0.7,-g,10.9.0.1 busybox sh -c \
    'cat /sys/class/net/tap0/mtu; ip -o -4 addr; ip route; ip -6 route; cat /etc/hosts'
  [[ "$output" == *"10.9.0.7/24"*"default via 10.9.0.1"*"10.9.0.7"* ]]
  [ "${lines[0]}" = 1400 ]
  [[ "$output" != *"fd00::"* ]]
  for option in --netns,/x -t,80 --mtu --address,x --nonsense; do
    run rbox run --rm --network "pasta:$option" busybox true
    [ "$status" -eq 125 ]
    [[ "$output" == *"${option%%,*}"* ]]
  done
}

@test "pasta may close all that it is given but its standard descriptors, as Debian 13's does (#8)" {
  [ -n "$pasta" ] || skip "passt is not installed"
  # shellcheck disable=SC2016 # for the shell of the script
  printf '#!/bin/bash\neval exec $(printf "%%s>&- " {3..99})\nexec %s "$@"\n' "$(command -v pasta)" >pasta
  chmod 755 pasta
  PATH=$PWD:$PATH rbox run --rm --network pasta busybox grep -q tap0 /proc/net/route
}

@test "slirp4netns' options need a version that has them (#8)" {
  printf '#!/bin/sh\necho "--cidr --mtu"\n' >slirp4netns
  chmod 755 slirp4netns
  run env PATH="$PWD:$PATH" "$RBOX_BUILD/rbox" run --rm --network slirp4netns:outbound_addr="$host_ip" busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"too old for 'outbound_addr'"* ]]
  if ! slirp4netns --help | grep -q outbound-addr; then
    run rbox run --rm --network slirp4netns:outbound_addr="$host_ip" busybox true
    [ "$status" -eq 125 ]
    [[ "$output" == *"too old for 'outbound_addr'"* ]]
    return 0
  fi
  rbox run --rm --network slirp4netns:outbound_addr="$host_ip" busybox true
  # An interface that has an address will do, whatever the version.
  printf '#!/bin/sh\necho "$@" >>"%s/arguments"\nexec %s "$@"\n' "$PWD" "$(command -v slirp4netns)" >slirp4netns
  PATH=$PWD:$PATH rbox run --rm --network slirp4netns:outbound_addr="$(ip -4 -o addr show scope global | awk -v a="$host_ip/" 'index($4, a) == 1 {print $2}')" busybox true
  grep -q -e "--outbound-addr=$host_ip " arguments
  run rbox run --rm --network slirp4netns:outbound_addr6=nothing busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"cannot take 'outbound_addr6=nothing'"*"an IPv6 address of the host, or an interface that has one"* ]]
  run rbox run --rm --network slirp4netns:cidr=10.0.2.0/26 busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"cannot take 'cidr=10.0.2.0/26'"*"its prefix from 1 to 25: 10.0.2.0/24"* ]]
}

@test "port_handler=slirp4netns says what it can't (#8)" {
  local handler=slirp4netns:port_handler=slirp4netns
  serve taken serve tcp "$host_ip" $((base + 11))
  run rbox run --rm --network $handler -p "$host_ip:$((base + 11)):80" busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"cannot publish $host_ip:$((base + 11))/tcp by slirp4netns"* ]]
  run rbox run --rm --network $handler -p 80 busybox true
  [ "$status" -eq 125 ]
  run rbox run --rm --network $handler -p "[::1]:$((base + 12)):80" busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"not an IPv4 address"* ]]
}
