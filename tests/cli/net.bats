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
  teardown_containers
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
    'cat /sys/class/net/tap0/mtu; ip -o addr show tap0; ip route; cat /etc/hosts /etc/resolv.conf'
  [ "${lines[0]}" = 1500 ]
  [[ "$output" == *"10.77.3.100/24"* ]]
  [[ "$output" == *"default via 10.77.3.2 dev tap0"* ]]
  [[ "$output" == *"nameserver 10.77.3.3"* ]]
  [[ "$output" == *"10.77.3.2"*host.containers.internal* ]]
  run rbox run --rm --network slirp4netns:enable_ipv6=true busybox sh -c \
    'cat /proc/sys/net/ipv6/conf/tap0/accept_dad
     for i in $(seq 100); do ip -6 route | grep default && break; sleep 0.1; done'
  [ "${lines[0]}" = 0 ] # the device was made after its settings
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

@test "a network that is the host's own is refused by its interface's name (#8)" {
  run rbox run --rm --network "slirp4netns:cidr=${host_ip%.*}.0/24" busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"collides with the network of the host's '"* ]]
  run rbox run --rm --network slirp4netns:cidr=127.0.0.0/24 busybox true
  [[ "$output" == *"collides with the network of the host's 'lo'"* ]]
}

@test "a host without a way out: connections fail at once, names too, and nothing hangs (#8)" {
  is_user root || skip "only root can take the way out from a host, in a namespace of its own"
  local backend start=$SECONDS
  echo "nameserver 192.0.2.53" >resolv.conf
  for backend in slirp4netns pasta; do
    run unshare -nm sh -c 'ip link set lo up; mount --bind resolv.conf /etc/resolv.conf; exec "$@"' sh \
      "$RBOX_BUILD/rbox" run --rm --network $backend "${probe[@]}" busybox sh -c \
      '/netprobe ask tcp 198.51.100.1 80; timeout 8 nslookup known.example; echo went on'
    if [ $backend = pasta ]; then # of 2023, it wants an interface to copy
      [[ "$output" == *"cannot give the container a network: pasta ended: "* || "$output" == *"went on"* ]]
    else
      [[ "$output" == *"went on"* ]]
    fi
  done
  [ $((SECONDS - start)) -lt 40 ]
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

# helper_of NAME PROGRAM: the pid of a helper of container NAME.
helper_of() {
  pgrep -x "$2" -P "$(supervisor_of "$1")"
}

# One that has just been started is not started again.
kill_helper() {
  local pid
  until_true helper_of "$1" "$2"
  pid=$(helper_of "$1" "$2")
  until_true eval '[ "$(ps -o etimes= -p '"$pid"')" -ge 2 ]'
  kill -9 "$pid"
}

# It is killed, and another takes its place.
replaced() {
  local old
  old=$(helper_of "$1" "$2")
  kill_helper "$1" "$2"
  until_true eval 'now=$(helper_of '"$1 $2"') && [ "$now" != '"$old"' ]'
}

@test "a dead network helper is told to a foreground run (#8)" {
  "$RBOX_BUILD/rbox" run --rm --name helperless busybox sleep 1000 2>stderr 3>&- &
  local run=$!
  until_true rbox container exists helperless
  until_true eval '[ "$(rbox inspect --format "{{.State.Pid}}" helperless)" -gt 0 ]'
  kill_helper helperless slirp4netns
  until_true grep -q 'the network helper died: the container is cut off' stderr
  rbox rm -f helperless
  wait "$run" || true
}

@test "a detached container's helper is started again: outside, ports and ping (#8)" {
  serve tcp "$host_ip" $((base + 6))
  rbox run -d --name web "${probe[@]}" -p $((base + 7)):80 busybox /netprobe serve tcp 0.0.0.0 80
  run rbox exec web /netprobe ask tcp "$host_ip" $((base + 6))
  [ "$status" -eq 0 ]
  replaced web slirp4netns
  until_true eval 'rbox logs web 2>&1 | grep -q "network helper died and was started again"'
  run rbox exec web /netprobe ask tcp "$host_ip" $((base + 6))
  [ "$status" -eq 0 ]
  run "$RBOX_BUILD/tests/netprobe" ask tcp 127.0.0.1 $((base + 7))
  [ "${lines[0]}" = "from 10.0.2.2" ]
  replaced web rbox-ports
  until_true "$RBOX_BUILD/tests/netprobe" ask tcp 127.0.0.1 $((base + 7))
  run rbox port web
  [[ "$output" == *"80/tcp -> 0.0.0.0:$((base + 7))"* ]]
  rbox rm -f web
}

@test "a forwarder that is started again publishes what was added, and not what was removed (#8)" {
  local round
  rbox run -d --name web "${probe[@]}" -p 127.0.0.1:$((base + 10)):80 busybox /netprobe serve tcp 0.0.0.0 80
  rbox port add web 127.0.0.1:$((base + 11)):80
  rbox port add web 127.0.0.1:$((base + 12)):80 127.0.0.1:$((base + 12)):80/udp
  rbox port rm web $((base + 10))
  rbox port rm web $((base + 12))
  for round in 1 2; do
    replaced web rbox-ports
    until_true "$RBOX_BUILD/tests/netprobe" ask tcp 127.0.0.1 $((base + 11))
    run rbox port web
    [ "$output" = "80/tcp -> 127.0.0.1:$((base + 11))
80/udp -> 127.0.0.1:$((base + 12))" ]
    run "$RBOX_BUILD/tests/netprobe" ask tcp 127.0.0.1 $((base + 10))
    [ "$status" -eq 1 ]
    sleep 1.1 # one that dies within a second is not started again
  done
  [ "$(rbox logs web 2>&1 | grep -c 'the port forwarder died and was started again')" -eq 2 ]
  # A start of the container publishes what it was made with.
  rbox restart -t 0 web
  run rbox port web
  [ "$output" = "80/tcp -> 127.0.0.1:$((base + 10))" ]
  rbox rm -f web
}

@test "with an allowlist, helpers are started again without opening anything (#8)" {
  serve tcp "$host_ip" $((base + 8))
  serve tcp "$host_ip" $((base + 9))
  rbox run -d --name shut "${probe[@]}" --allow-net "$host_ip:$((base + 8))" busybox sleep 1000
  for helper in slirp4netns rbox-resolver; do
    replaced shut "$helper"
    until_true rbox exec shut /netprobe ask tcp "$host_ip" $((base + 8))
    run rbox exec shut /netprobe ask tcp "$host_ip" $((base + 9))
    [ "${lines[0]}" = "connect: Permission denied" ]
  done
  rbox rm -f shut
}

# other_host SCRIPT: where the host's /etc is a copy that a script may change.
other_host() {
  cp -a /etc etc
  export -f rbox until_true
  unshare -m bash -c 'mount --bind etc /etc && eval "$1"' bash "$1"
}

@test "--network host: /etc/resolv.conf follows the host's, written anew, replaced or led elsewhere (#8)" {
  is_user root || skip "only root can give the host another resolv.conf, in a namespace of its own"
  other_host '
    set -e
    rm -f /etc/resolv.conf; echo "nameserver 192.0.2.1" >/etc/resolv.conf
    rbox run -d --name follows --network host busybox sleep 1000
    has() { until_true eval "rbox exec follows cat /etc/resolv.conf | grep -qx \"nameserver $1\""; }
    has 192.0.2.1
    echo "nameserver 192.0.2.22" >/etc/resolv.conf
    has 192.0.2.22
    echo "nameserver 192.0.2.3" >/etc/resolv.new; mv /etc/resolv.new /etc/resolv.conf
    has 192.0.2.3
    mkdir /etc/vpn; echo "nameserver 192.0.2.44" >/etc/vpn/stub; ln -sf vpn/stub /etc/resolv.conf
    has 192.0.2.44
    echo "nameserver 192.0.2.5" >/etc/vpn/new; mv /etc/vpn/new /etc/vpn/stub
    has 192.0.2.5
    [ "$(rbox exec follows cat /etc/resolv.conf)" = "nameserver 192.0.2.5" ]
    rbox rm -f follows'
}

@test "names go by what the host's resolv.conf says now (#8)" {
  is_user root || skip "only root can give the host another resolv.conf, in a namespace of its own"
  serve_names() {
    "$RBOX_BUILD/tests/netprobe" dns "$1" "where.example=$2" >"dns.$1" 3>&- &
    servers+=($!)
    until_true grep -q ready "dns.$1"
  }
  serve_names 127.0.0.81 192.0.2.81
  serve_names 127.0.0.82 192.0.2.82
  other_host '
    set -e
    rm -f /etc/resolv.conf; echo "nameserver 127.0.0.81" >/etc/resolv.conf
    rbox run -d --name moves busybox sleep 1000
    has() { until_true eval "rbox exec moves nslookup -type=a where.example | grep -q $1"; }
    has 192.0.2.81
    echo "nameserver 127.0.0.82" >/etc/resolv.new; mv /etc/resolv.new /etc/resolv.conf
    has 192.0.2.82
    rbox rm -f moves'
}
