#!/usr/bin/env bats
# users: alice bob root
# The container's network: slirp4netns, names, what is open and what is shut.
load lib

setup() {
  common_setup
  base=$((20000 + $(id -u) % 100 * 100)) # users' tests run side by side
  servers=()
  probe=(-v "$RBOX_BUILD/tests/netprobe:/netprobe:ro")
  host_ip=$(ip -4 -o addr show scope global | sed -n 's|.* inet \([0-9.]*\)/.*|\1|p' | head -1)
}

teardown() {
  local pid
  for pid in "${servers[@]}"; do
    kill "$pid" && wait "$pid"
  done
  common_teardown
}

# serve PROTOCOL ADDRESS PORT: a server on the host, ready when this returns.
serve() {
  "$RBOX_BUILD/tests/netprobe" serve "$@" >"server.$3" 3>&- &
  servers+=($!)
  for _ in $(seq 250); do
    ! grep -q ready "server.$3" || return 0
    sleep 0.02
  done
  return 1
}

ask_from_inside() {
  local network=$1
  shift
  run rbox run --rm --network "$network" "${probe[@]}" busybox /netprobe ask "$@"
}

@test "TCP and UDP reach the outside (#8)" {
  serve tcp "$host_ip" $((base + 1))
  serve udp "$host_ip" $((base + 2))
  ask_from_inside slirp4netns tcp "$host_ip" $((base + 1))
  [ "$status" -eq 0 ]
  [[ "$output" == "from "* ]]
  ask_from_inside slirp4netns udp "$host_ip" $((base + 2))
  [ "$status" -eq 0 ]
}

@test "whatever the ids are, the network works (#8)" {
  local options
  serve tcp "$host_ip" $((base + 5))
  for options in "--userns keep-id" "--pids-limit 100" "--security-opt no-nested-userns" \
    "--pid host"; do
    if is_user root && [ "$options" != "--pid host" ]; then
      continue # root itself is never mapped, and those need it
    fi
    # shellcheck disable=SC2086 # two words
    run rbox run --rm $options "${probe[@]}" busybox /netprobe ask tcp "$host_ip" $((base + 5))
    [ "$status" -eq 0 ]
  done
}

@test "the host's loopback is closed, and open when asked for (#8)" {
  serve tcp 127.0.0.1 $((base + 3))
  ask_from_inside slirp4netns tcp 10.0.2.2 $((base + 3))
  [ "$status" -eq 1 ]
  ask_from_inside slirp4netns:allow_host_loopback=false tcp 10.0.2.2 $((base + 3))
  [ "$status" -eq 1 ]
  ask_from_inside slirp4netns:allow_host_loopback=true tcp 10.0.2.2 $((base + 3))
  [ "${lines[0]}" = "from 127.0.0.1" ]
  ask_from_inside host tcp 127.0.0.1 $((base + 3))
  [ "${lines[0]}" = "from 127.0.0.1" ]
}

@test "abstract sockets of the host are not seen (#8)" {
  run rbox run --rm busybox cat /proc/net/unix
  [ "${#lines[@]}" -eq 1 ]
  run rbox run --rm --network none busybox cat /proc/net/unix
  [ "${#lines[@]}" -eq 1 ]
}

@test "--network none has a loopback and nothing else (#2)" {
  run rbox run --rm --network none busybox sh -c 'ip -o addr; ip route; ping -c1 -W1 127.0.0.1'
  [[ "${lines[0]}" == *"lo"*"127.0.0.1/8"* ]]
  [[ "$output" != *tap0* ]]
  [[ "$output" != *default* ]]
}

@test "low ports are usable inside by users without capabilities (#2)" {
  not_for bob "has one id"
  run rbox run --rm --network none --cap-drop all -u 12 "${probe[@]}" busybox sh -c \
    '/netprobe serve tcp 127.0.0.1 80 & sleep 0.2; /netprobe ask tcp 127.0.0.1 80; kill $!'
  [[ "$output" == *"from 127.0.0.1"* ]]
}

@test "ping needs no capability (#8)" {
  run rbox run --rm --network none busybox cat /proc/sys/net/ipv4/ping_group_range
  [[ "$output" == 0*65536 ]] || [[ "$output" == 0*65535 ]] || is_user bob
}

@test "options of slirp4netns take effect (#8)" {
  run rbox run --rm --network slirp4netns:cidr=10.77.3.0/24,mtu=1500 busybox sh -c \
    'ip -o addr show tap0; ip route; cat /etc/hosts /etc/resolv.conf'
  [[ "$output" == *"mtu 1500"* ]] || [[ "$output" == *"10.77.3.100/24"* ]]
  [[ "$output" == *"default via 10.77.3.2 dev tap0"* ]]
  [[ "$output" == *"nameserver 10.77.3.3"* ]]
  [[ "$output" == *"10.77.3.2"*host.containers.internal* ]]
  run rbox run --rm --network slirp4netns:enable_ipv6=true busybox sh -c \
    'for i in $(seq 20); do ip -6 route | grep default && break; sleep 0.1; done'
  [[ "$output" == *"default via fe80::2 dev tap0"* ]]
}

@test "wrong options are refused before anything is made (#8)" {
  local option
  for option in cidr=10.0.2.0 cidr=10.0.2.0/26 mtu=9999999 nonsense=1 enable_ipv6=perhaps; do
    run rbox run --rm --network "slirp4netns:$option" busybox true
    [ "$status" -eq 125 ]
    [[ "$output" == *"${option%%=*}"* ]]
  done
  assert_no_containers
}

@test "without slirp4netns the error says what to install (#2)" {
  run env PATH=/nowhere "$RBOX_BUILD/rbox" run --rm busybox true
  # proc_find() looks in the system's folders too, so only a copy without it can miss it.
  if [ "$status" -ne 0 ]; then
    [ "$status" -eq 125 ]
    [[ "$output" == *"slirp4netns is not installed"* ]]
    [[ "$output" == *"apt-get install"* ]]
  fi
}

@test "names: hosts, host name, resolv.conf (#2)" {
  run rbox run --rm --name web --hostname box --add-host 'db;db.lan:192.0.2.4' \
    --add-host me:host-gateway --dns 192.0.2.53 --dns-search a.example --dns-option ndots:2 \
    busybox sh -c 'cat /etc/hosts; hostname; cat /etc/hostname /etc/resolv.conf'
  [[ "$output" == *"192.0.2.4"*"db db.lan"* ]]
  [[ "$output" == *"10.0.2.2"*"me"* ]]
  [[ "$output" == *"10.0.2.100"*"box web"* ]]
  [[ "$output" == *"search a.example"*"nameserver 192.0.2.53"*"options ndots:2"* ]]
  run rbox run --rm --network none --no-hosts --dns none busybox sh -c \
    'cat /etc/hosts /etc/resolv.conf | grep -c 10.0.2'
  [ "${lines[-1]}" = 0 ]
}

@test "a dead network helper is told (#8)" {
  "$RBOX_BUILD/rbox" run --rm --name helperless busybox sleep 3 2>stderr 3>&- &
  local run=$! helper='' i
  for ((i = 0; i < 100 && ${#helper} == 0; i++)); do
    sleep 0.05
    helper=$(pgrep -x slirp4netns -P "$(pgrep -P "$run" | head -1)") || true
  done
  sleep 0.5 # until it is awaited no more: before, its death would be an error
  kill -9 "$helper"
  wait "$run"
  grep -q 'network helper died' stderr
}
