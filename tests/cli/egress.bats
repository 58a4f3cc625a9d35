#!/usr/bin/env bats
# users: root
# --allow-net: what it opens, and ways around it. As root, for a name server of its own on port 53
# and a resolv.conf that points to it, both in a mount namespace of the test.
load lib

setup() {
  common_setup
  host_ip=$(ip -4 -o addr show scope global | sed -n 's|.* inet \([0-9.]*\)/.*|\1|p' | head -1)
  servers=()
  probe=(-v "$RBOX_BUILD/tests/netprobe:/netprobe:ro")
  echo "nameserver 127.0.0.88" >resolv.conf
  serve names dns 127.0.0.88 "good.example=$host_ip" "other.example=$host_ip" \
    "sub.good.example=$host_ip" loop.example=127.0.0.1 gateway.example=10.0.2.2
  serve tcp serve tcp "$host_ip" 28701
  serve udp serve udp "$host_ip" 28702
  serve shut serve tcp "$host_ip" 28703
}

teardown() {
  local pid
  for pid in "${servers[@]}"; do
    kill "$pid" && wait "$pid" || true
  done
  common_teardown
}

# serve NAME PROBE-ARGUMENT…: its words go to the file NAME; ready when this returns.
serve() {
  local file=$1
  shift
  "$RBOX_BUILD/tests/netprobe" "$@" >"$file" 3>&- &
  servers+=($!)
  await_ready "$file"
}

await_ready() {
  local i
  for ((i = 0; i < 250; i++)); do
    ! grep -q ready "$1" || return 0
    sleep 0.02
  done
  return 1
}

# confined ALLOWED SCRIPT: a shell script in a container with that list.
confined() {
  run unshare -m sh -c 'mount --bind resolv.conf /etc/resolv.conf && exec "$@"' sh \
    "$RBOX_BUILD/rbox" run --rm --allow-net "$1" "${probe[@]}" busybox sh -c "
    ip_of() { nslookup -type=a \$1 2>/dev/null | sed -n '/^Name/,\$s/Address: *//p'; }
    tcp() { /netprobe ask tcp \$(ip_of \$1) \$2 | head -1; }
    $2"
}

@test "an allowed name is reached at its port and no other (#8)" {
  confined good.example:28701 'tcp good.example 28701; tcp good.example 28703'
  [[ "${lines[0]}" == "from "* ]]
  [ "${lines[1]}" = "connect: Permission denied" ]
}

@test "other names are not even asked for (#8)" {
  confined good.example:28701 'nslookup other.example; nslookup secret.other.example'
  [[ "$output" == *NXDOMAIN* ]]
  ! grep -q other.example names
}

@test "an address is opened by its name's answer alone (#8)" {
  confined good.example:28701 "/netprobe ask tcp $host_ip 28701; tcp good.example 28701"
  [ "${lines[0]}" = "connect: Permission denied" ]
  [[ "${lines[1]}" == "from "* ]]
}

@test "what an answer opened is shut when it is over, but not below a connection (#8)" {
  confined good.example:28701 "
    ip_of good.example >/dev/null
    mkfifo in; (exec 4>in; sleep 14; echo still; sleep 1) &
    nc $host_ip 28701 <in >out &
    sleep 13
    /netprobe ask tcp $host_ip 28701
    sleep 1.5
    cat out"
  [[ "$output" != *denied* ]]
  [[ "$output" == *"from "*still* ]]
  confined good.example:28701 "
    ip_of good.example >/dev/null
    sleep 12
    /netprobe ask tcp $host_ip 28701"
  [ "${lines[0]}" = "connect: Permission denied" ]
}

@test "*.DOMAIN stands for names below it only (#8)" {
  confined '*.good.example:28701' 'tcp sub.good.example 28701; nslookup good.example'
  [[ "${lines[0]}" == "from "* ]]
  [[ "$output" == *NXDOMAIN* ]]
}

@test "networks and protocols (#8)" {
  confined "$host_ip/24:28701,udp:$host_ip:28702" "
    /netprobe ask tcp $host_ip 28701 | head -1
    /netprobe ask udp $host_ip 28702
    /netprobe ask udp $host_ip 28701
    /netprobe ask tcp $host_ip 28702"
  [[ "${lines[0]}" == "from "* ]]
  [[ "${lines[1]}" == "from "* ]]
  [ "${lines[2]}" = "connect: Permission denied" ]
  [ "${lines[3]}" = "connect: Permission denied" ]
}

@test "other resolvers, the gateway, IPv6 and raw packets are no way out (#8)" {
  confined good.example:28701 "
    /netprobe ask udp 10.0.2.3 53
    /netprobe ask tcp 10.0.2.2 28701
    /netprobe ask tcp 2001:db8::1 28701
    ping -c1 -W1 $host_ip
    ip rule del pref 2000
    ip route add $host_ip dev tap0 table local"
  [ "${lines[0]}" = "connect: Permission denied" ]
  [ "${lines[1]}" = "connect: Permission denied" ]
  [[ "${lines[2]}" == "connect: "* ]]
  [[ "$output" != *"1 packets received"* ]]
  [[ "$output" == *"RTNETLINK answers: Operation not permitted"* ]]
}

@test "a name can't open the gateway or the host's loopback (#8)" {
  confined gateway.example,loop.example 'ip_of gateway.example; tcp gateway.example 28701'
  [ "${lines[0]}" = 10.0.2.2 ]
  [ "${lines[1]}" = "connect: Permission denied" ]
}

@test "an empty list allows nothing, and the loopback inside still works (#8)" {
  confined '' "nslookup good.example; /netprobe ask tcp $host_ip 28701
    /netprobe serve tcp 127.0.0.1 80 & sleep 0.2; /netprobe ask tcp 127.0.0.1 80; kill \$!"
  [[ "$output" == *NXDOMAIN*"connect: Permission denied"*"from 127.0.0.1"* ]]
}

@test "names of --add-host can be allowed (#8)" {
  run rbox run --rm --allow-net db:28701 --add-host "db:$host_ip" "${probe[@]}" busybox \
    /netprobe ask tcp "$host_ip" 28701
  [[ "${lines[0]}" == "from "* ]]
}

@test "published ports still work (#8)" {
  "$RBOX_BUILD/rbox" run --rm --name shut --allow-net good.example -p 28710:80 "${probe[@]}" \
    busybox /netprobe serve tcp 0.0.0.0 80 >out 3>&- &
  servers+=($!)
  await_ready out
  run "$RBOX_BUILD/tests/netprobe" ask tcp "$host_ip" 28710
  [ "${lines[0]}" = "from $host_ip" ]
}

# logged OPTION… SCRIPT: the same without a list, with --net-log log.
logged() {
  rm -f log
  run unshare -m sh -c 'mount --bind resolv.conf /etc/resolv.conf && exec "$@"' sh \
    "$RBOX_BUILD/rbox" run --rm --net-log log "${@:1:$#-1}" "${probe[@]}" busybox sh -c "
    ip_of() { nslookup -type=a \$1 2>/dev/null | sed -n '/^Name/,\$s/Address: *//p'; }
    ${*: -1}"
}

@test "--net-log names what was asked and reached, and the list it needs; that list is enough (#8)" {
  local script="/netprobe ask tcp \$(ip_of good.example) 28701; /netprobe ask udp $host_ip 28702; nslookup nobody.example"
  local network
  for network in slirp4netns pasta; do
    logged --network $network "$script; true"
    [[ "$output" == *"rbox: all that left was: --allow-net good.example:28701,udp:good.example:28702"* ]]
    grep -q " name nobody.example$" log
    grep -q " answer good.example $host_ip$" log
    grep -q " connect tcp $host_ip port 28701 good.example:28701$" log
    grep -q "^--allow-net good.example:28701,udp:good.example:28702$" log
  done
  logged $(tail -1 log) "$script; /netprobe ask tcp $host_ip 28703"
  [ "$(grep -c '^from' <<<"$output")" -eq 2 ]
  [[ "$output" == *"connect: Permission denied"* ]]
  grep -q " name nobody.example refused$" log
}

@test "--net-log: what can't be written, or has no network of its own, is refused (#8)" {
  run rbox run --rm --net-log /nowhere/log busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"cannot write --net-log '/nowhere/log'"* ]]
  run rbox run --rm --network none --net-log log busybox true
  [ "$status" -eq 125 ]
  run rbox run -d --net-log - busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"--detach and --net-log - contradict"* ]]
}

@test "ways around the list: its own server by TCP, DNS over HTTPS, TLS and IPv6, the name server's name (#8)" {
  serve doh serve tcp "$host_ip" 28443
  confined good.example:28701 "
    /netprobe ask tcp 10.0.2.3 53
    /netprobe ask udp 10.0.2.2 53
    /netprobe ask tcp $host_ip 28443
    /netprobe ask tcp $host_ip 853
    /netprobe ask udp 127.0.0.88 53
    /netprobe ask udp fd00::3 53
    /netprobe ask tcp ::ffff:$host_ip 28703
    nslookup -type=txt data.other.example; nslookup -type=a \$(head -c 30 /dev/zero | tr '\\0' a).other.example"
  [ "$(grep -c 'connect: Permission denied' <<<"$output")" -ge 5 ]
  [[ "$output" != *"from "* ]]
  ! grep -q other.example names
}

@test "a name server that stalls or lies is told as a failure, in time, and opens nothing (#8)" {
  local start=$SECONDS
  kill "${servers[0]}" && wait "${servers[0]}" || true
  servers=("${servers[@]:1}")
  serve stalls serve udp 127.0.0.88 53 # answers with what is no answer at all
  confined good.example:28701 "timeout 30 nslookup -type=a good.example; /netprobe ask tcp $host_ip 28701"
  [[ "$output" == *"connect: Permission denied"* ]]
  [[ "$output" == *SERVFAIL* || "$output" == *"timed out"* || "$output" == *"can't"* ]]
  [ $((SECONDS - start)) -lt 40 ]
}

@test "what could go around the list is refused (#8)" {
  local options
  for options in "--cap-add NET_ADMIN" "--cap-add NET_RAW" --privileged "--network host" \
    "--network none"; do
    # shellcheck disable=SC2086 # two words
    run rbox run --rm --allow-net good.example $options busybox true
    [ "$status" -eq 125 ]
    [[ "$output" == *--allow-net* ]]
  done
  run rbox run --rm --allow-net 10.0.0:80 busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"cannot take '10.0.0:80'"* ]]
}
