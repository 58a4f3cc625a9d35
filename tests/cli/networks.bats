#!/usr/bin/env bats
# users: alice bob root
# User networks: network …, --network NAME, names, and what keeps them (issue 8).
load lib

setup() {
  common_setup
  base=$((24000 + $(id -u) % 100 * 20)) # users' tests run side by side
  servers=()
  probe=(-v "$RBOX_BUILD/tests/netprobe:/netprobe:ro")
  host_ip=$(ip -4 -o addr show scope global | sed -n 's|.* inet \([0-9.]*\)/.*|\1|p' | head -1)
  rbox network create back >/dev/null
  subnet=$(rbox network inspect back | jq -r '.[0].subnets[0].subnet')
  net=${subnet%.0/24}
}

teardown() {
  local pid
  for pid in "${servers[@]}"; do
    kill "$pid" && wait "$pid"
  done
  rbox rm -af >/dev/null
  rbox network prune -f >/dev/null
  until_true no_keeper
  until_true no_anchor
  common_teardown
}

# The keeper's folder goes with it.
no_keeper() {
  [ -z "$(find "$RBOX_STORE/run" -name .networks 2>/dev/null)" ]
}

# Each ends with its supervisor.
no_anchor() {
  local pid
  for pid in $(pgrep -x rbox-anchor); do
    ! grep -qzx "RBOX_STORE=$RBOX_STORE" "/proc/$pid/environ" || return
  done
}

# serve PROTOCOL ADDRESS PORT: a server on the host, ready when this returns.
serve() {
  "$RBOX_BUILD/tests/netprobe" serve "$@" >"server.$3" 3>&- &
  servers+=($!)
  until_true grep -q ready "server.$3"
}

# web NAME OPTIONS…: a container that serves its name at port 80.
web() {
  local name=$1
  shift
  rbox run -d --name "$name" "$@" busybox sh -c "echo I am $name >/index.html; exec httpd -f -p 80" >/dev/null
}

# For the shell inside. The static busybox of Debian 11 finds no names, "localhost" neither, but by nslookup.
# shellcheck disable=SC2016
GET='get() {
  case "$(wget -O- http://localhost:1/ 2>&1)" in
    *"bad address"*) address=$(nslookup -type=a "$1" 2>/dev/null | sed -n "/^Name/,\$ s/^Address[ 0-9]*: *//p" | head -1) ;;
    *) address=$1 ;;
  esac
  wget -qO- "http://${address:-$1}/" 2>/dev/null
}'

# fetch_in NAME HOST: what the running container gets from there.
fetch_in() {
  rbox exec "$1" sh -c "$GET; get $2"
}

# fetch OPTIONS… -- HOST…: what a container with these options gets from each, a line each.
fetch() {
  local options=()
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  shift
  # shellcheck disable=SC2016
  rbox run --rm "${options[@]}" busybox sh -c \
    "$GET"'; try() { for i in 1 2 3 4 5 6 7 8 9 10; do get "$1" && return; sleep 0.1; done; echo none; }; for h; do try "$h"; done' sh "$@"
}

# Host pids of the keeper, and of the anchors, that a command line with $1 has started.
keeper() {
  started_by rbox-networks "$1"
}
anchor() {
  started_by rbox-anchor "$1"
}
started_by() {
  local pid
  for pid in $(pgrep -x "$1"); do
    ! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q -- "$2" || echo "$pid"
  done
}

@test "containers of a network see each other by name, alias, short id and address (#8)" {
  local id
  web web1 --network back --network-alias www --network-alias Site
  id=$(rbox inspect -f '{{.Id}}' web1)
  run fetch --network back -- web1 WEB1 www site "${id:0:12}" "$net.2"
  [ "$output" = "$(printf 'I am web1\n%.0s' 1 2 3 4 5 6)" ]
  run rbox run --rm --network back busybox nslookup -type=a no-such-name-here
  [[ "$output" == *"find no-such-name-here"* ]] || [[ "$output" == *"timed out"* ]]
}

@test "networks are apart: neither names nor addresses of another one are reached (#8)" {
  rbox network create front
  web web1 --network back "${probe[@]}"
  run rbox run --rm "${probe[@]}" --network front busybox sh -c "nslookup web1; /netprobe ask tcp $net.2 80"
  [ "$status" -eq 1 ]
  [[ "$output" != *"Address: $net"* ]]
  [[ "${lines[-1]}" == connect:* ]]
  # The other network's resolver tells nothing to strangers.
  run rbox run --rm --network front busybox nslookup -type=a web1 "$net.1"
  [[ "$output" != *"$net.2"* ]]
  # One that is in both reaches both.
  run fetch --network back --network front -- web1
  [ "$output" = "I am web1" ]
}

@test "the outside is reached from a network, whatever the ids are, and not from an internal one (#8)" {
  local options
  rbox network create --internal vault
  serve tcp "$host_ip" $((base + 1))
  serve udp "$host_ip" $((base + 2))
  run rbox run --rm "${probe[@]}" --network back busybox /netprobe ask udp "$host_ip" $((base + 2))
  [ "$status" -eq 0 ]
  for options in "" "--userns keep-id" "--pids-limit 100" "--security-opt no-nested-userns" "--pid host"; do
    if is_user root && [[ "$options" == *-limit* || "$options" == *nested* ]]; then
      continue # root itself is never mapped, and those need it
    fi
    # shellcheck disable=SC2086 # two words
    run rbox run --rm $options "${probe[@]}" --network back busybox /netprobe ask tcp "$host_ip" $((base + 1))
    echo "$options: $output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"from $host_ip"* ]]
  done
  run rbox run --rm "${probe[@]}" --network vault busybox sh -c \
    "ip route; cat /etc/hosts; /netprobe ask tcp $host_ip $((base + 1))"
  [ "$status" -eq 1 ]
  [[ "$output" != *default* ]]
  [[ "$output" != *host.containers.internal* ]]
}

@test "an internal network has names, and no way out even with a route (#8)" {
  not_for bob "has one id"
  rbox network create --internal vault
  serve tcp "$host_ip" $((base + 3))
  web web1 --network vault
  run fetch --network vault -- web1
  [ "$output" = "I am web1" ]
  run rbox run --rm --cap-add NET_ADMIN "${probe[@]}" --network vault busybox sh -c \
    "ip route add default via \$(ip route | sed 's|\.0/24.*|.1|'); ip route; /netprobe ask tcp $host_ip $((base + 3))"
  [ "$status" -eq 1 ]
  [[ "$output" == *default* ]]
}

@test "the kernel answers at once for the containers of networks, on Linux 5.10, too (#8)" {
  local pid
  rbox run -d --name "p1-$$" --network back busybox sleep 100
  pid=$(keeper "p1-$$")
  run nsenter -t "$(pgrep -P "$pid" -x rbox-names)" -U --preserve-credentials -n sh -c \
    'ip ntable show dev tap0 name arp_cache; cat /proc/sys/net/ipv6/conf/tap0/accept_dad'
  [[ "$output" == *"proxy_delay 0 "* ]]
  [ "${lines[-1]}" = 0 ] # nor does IPv6 look first for others with its address
}

@test "the host's loopback is closed (#8)" {
  serve tcp 127.0.0.1 $((base + 4))
  run rbox run --rm "${probe[@]}" --network back busybox /netprobe ask tcp 10.0.2.2 $((base + 4))
  [ "$status" -eq 1 ]
}

@test "published ports reach containers of networks, and know their clients (#8)" {
  web web1 --network back -p "127.0.0.1:$((base + 5)):80"
  run curl -s --retry 20 --retry-all-errors --retry-delay 1 "http://127.0.0.1:$((base + 5))/"
  [ "$output" = "I am web1" ]
  run rbox exec web1 cat /etc/hosts
  [[ "$output" == *"$net.2"*web1* ]]
  [[ "$output" == *"10.0.2.2"*host.containers.internal* ]]
}

@test "addresses that were asked for are had, once, and belong to the network (#8)" {
  web web1 --network back --ip "$net.77" --mac-address 02:00:00:00:07:07
  run rbox exec web1 ip addr show eth0
  [[ "$output" == *"02:00:00:00:07:07"* ]]
  [[ "$output" == *"$net.77/24"* ]]
  run rbox run --rm --network "back:ip=$net.77" busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"'$net.77'"*"is container 'web1'"* ]]
  for address in "$net.1" "$net.0" "$net.255" 192.0.2.7; do
    run rbox run --rm --network back --ip "$address" busybox true
    [ "$status" -eq 125 ]
    [[ "$output" == *"'$address' is not one for containers of network 'back'"* ]]
  done
  [ "$(rbox ps -aq | wc -l)" -eq 1 ]
}

@test "an interface has the name that was asked for, once (#8)" {
  rbox network create front
  run rbox run --rm --network back:interface_name=web0 busybox ip -o -4 addr show web0
  [[ "$output" == *" $net."* ]]
  run rbox run --rm --network back:interface_name=x --network front:interface_name=x busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"into network 'front': File exists"* ]]
}

@test "an interface that a container made stays its own (#8)" {
  rbox network create front
  rbox run -d --name box1 --cap-add NET_ADMIN --network back busybox sh -c 'ip link add eth1 type bridge && exec sleep 100'
  until_true rbox exec box1 ip link show eth1
  run rbox network connect front box1
  [ "$status" -eq 125 ]
  [[ "$output" == *"into network 'front': File exists"* ]]
  rbox exec box1 ip link show eth1
}

@test "connect and disconnect change a running container, and what it is started with next (#8)" {
  rbox network create front
  web web1 --network back
  rbox network connect --alias shop front web1
  run fetch --network front -- web1 shop
  [ "$output" = "$(printf 'I am web1\n%.0s' 1 2)" ]
  run rbox inspect -f '{{.NetworkSettings.Networks.back.IPAddress}} {{.NetworkSettings.Networks.front.MacAddress}} {{.NetworkSettings.Networks.front.IPPrefixLen}}' web1
  [[ "$output" == "$net.2 02:72:"*" 24" ]]
  rbox network disconnect back web1
  run fetch --network back --network-alias web2 -- "$net.2"
  [ "$output" = none ]
  run rbox exec web1 ip -o -4 addr
  [[ "$output" != *eth0* ]]
  [[ "$output" == *eth1* ]]
  rbox restart -t 0 web1
  run fetch --network front -- shop
  [ "$output" = "I am web1" ]
  run rbox network disconnect back web1
  [ "$status" -eq 125 ]
  rbox network disconnect -f back web1
  run rbox network connect front web1
  [[ "$output" == *"in network 'front' already"* ]]
  rbox run -d --name other --network none busybox sleep 100
  run rbox network connect front other
  [ "$status" -eq 125 ]
  [[ "$output" == *"a network of another kind"* ]]
}

@test "who leaves a network and comes back has a route through each again (#8)" {
  rbox network create front
  web web1 --network back --network front
  rbox network disconnect back web1
  rbox network connect back web1
  rbox network disconnect front web1
  rbox network connect front web1
  run rbox exec web1 ip route
  [ "$(grep -c ^default <<<"$output")" -eq 2 ]
  run fetch --network back --network front -- web1
  [ "$output" = "I am web1" ]
}

@test "a container that was taken out of all networks starts, and is put back (#8)" {
  web web1 --network back -p "127.0.0.1:$((base + 8)):80"
  rbox network disconnect back web1
  rbox restart -t 0 web1
  run rbox exec web1 sh -c 'ip -o -4 addr; cat /etc/hosts'
  [[ "$output" != *eth* ]]
  [[ "$output" == *"127.0.1.1"*web1* ]]
  run curl -s --retry 20 --retry-all-errors --retry-delay 1 "http://127.0.0.1:$((base + 8))/"
  [ "$output" = "I am web1" ]
  rbox network connect back web1
  run fetch --network back -- web1
  [ "$output" = "I am web1" ]
}

@test "one that does not run is connected for its next start (#8)" {
  rbox network create front
  rbox create --name box1 --network back busybox sh -c 'ip -o -4 addr; sleep 100'
  rbox network connect front box1
  rbox start box1
  until_true sh -c "'$RBOX_BUILD/rbox' logs box1 | grep -q eth1"
  [ "$(rbox ps -q --filter network=front)" = "$(rbox ps -q --filter name=box1)" ]
  rbox stop -t 0 box1
  run rbox network rm front
  [ "$status" -eq 2 ]
  rbox network disconnect front box1
  rbox network rm front
  rbox start box1
}

@test "IPv6 is among the containers of a network (#8)" {
  rbox network create --ipv6 --subnet fd00:72:62::/64 six
  rbox run -d --name six1 --network six --ip6 fd00:72:62::77 "${probe[@]}" busybox /netprobe serve tcp :: 99
  run rbox run --rm "${probe[@]}" --network six busybox sh -c \
    'for i in 1 2 3 4 5; do /netprobe ask tcp fd00:72:62::77 99 && break; sleep 0.2; done; nslookup -type=aaaa six1'
  [[ "$output" == *"from fd00:72:62::"* ]]
  [[ "$output" == *"Address: fd00:72:62::77"* ]]
  # ip= is for either.
  run rbox run --rm --network six:ip=fd00:72:62::78,interface_name=lan0 busybox ip -o addr show lan0
  [[ "$output" == *" fd00:72:62::78/64 "* ]]
}

@test "IPv6 goes out of networks that have it, not of others, and not to the host's loopback (#8)" {
  is_user root || skip "only root can give the host an IPv6 address, in a namespace of its own"
  rbox network create --ipv6 six
  rbox network create --ipv6 --internal shut6
  rbox network create --ipv6 other6
  cat >script <<'EOF'
set -e
ip link set lo up
ip -6 addr add 2001:db8:9::1/128 dev lo nodad
for address in 2001:db8:9::1 ::1; do
  "$RBOX_BUILD/tests/netprobe" serve tcp "$address" 7777 >"ready.$address" &
  for i in $(seq 100); do ! grep -q ready "ready.$address" || break; sleep 0.05; done
done
rbox() { "$RBOX_BUILD/rbox" "$@"; }
ask() { rbox exec "$1" /netprobe ask tcp "$2" 7777 2>&1 | head -1; }
run() { rbox run -d --name "$1" --network "$2" -v "$RBOX_BUILD/tests/netprobe:/netprobe:ro" busybox /netprobe serve tcp :: 7777 >/dev/null; }
run a six; run b six; run c other6; run d shut6; run e back
# A bridge that has just come up takes its time.
for i in $(seq 100); do [[ "$(ask a 2001:db8:9::1)" != from* ]] || break; sleep 0.1; done
a6=$(rbox inspect -f '{{.NetworkSettings.Networks.six.GlobalIPv6Address}}' a)
echo "a: $(ask a 2001:db8:9::1)"
echo "b: $(ask b 2001:db8:9::1)"
echo "loopback: $(ask a fd00::2)"
echo "apart: $(ask c "$a6")"
echo "shut: $(ask d 2001:db8:9::1)"
echo "without: $(ask e 2001:db8:9::1)"
for pid in $(pgrep -x slirp4netns); do
  [ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ] || kill -9 "$pid"
done
for i in $(seq 100); do [[ "$(ask a 2001:db8:9::1)" != from* ]] || break; sleep 0.1; done
echo "again: $(ask a 2001:db8:9::1)"
rbox rm -af -t 0 >/dev/null
kill %1 %2
EOF
  run unshare -n bash script
  echo "$output"
  [[ "${lines[0]}" == "a: from 2001:db8:9::1" ]]
  [[ "${lines[1]}" == "b: from 2001:db8:9::1" ]]
  [[ "${lines[2]}" == "loopback: connect:"* ]]
  [[ "${lines[3]}" == "apart: connect:"* ]]
  [[ "${lines[4]}" == "shut: connect:"* ]]
  [[ "${lines[5]}" == "without: connect:"* ]]
  [[ "${lines[6]}" == "again: from 2001:db8:9::1" ]]
  run rbox network create --ipv6 --subnet fd00::/80 clash
  [[ "$output" == *"fd00::/80 is in use by slirp4netns"* ]]
}

@test "--allow-net holds in a network, and opens its containers by name (#8)" {
  serve tcp "$host_ip" $((base + 6))
  rbox run -d --name srv --network back "${probe[@]}" busybox /netprobe serve tcp 0.0.0.0 99
  run rbox run --rm --network back "${probe[@]}" --allow-net srv:99 busybox sh -c \
    "/netprobe ask tcp $host_ip $((base + 6)); /netprobe ask tcp $net.2 99; nslookup -type=a srv; /netprobe ask tcp $net.2 99"
  [ "$status" -eq 0 ]
  [ "$(grep -c 'Permission denied' <<<"$output")" -eq 2 ]
  [[ "$output" == *"from $net.3"* ]]
}

@test "namespaces are joined between containers of networks (#8)" {
  web web1 --network back
  run rbox run --rm --network container:web1 busybox sh -c "$GET; ip -o -4 addr show eth0; get 127.0.0.1; get web1"
  [[ "$output" == *"$net.2/24"*"I am web1"*"I am web1"* ]]
  run rbox run --rm --network back --pid container:web1 busybox sh -c 'ip -o -4 addr show eth0; ps'
  [[ "$output" == *"$net.3/24"*httpd* ]]
  rbox run -d --name other --network none busybox sleep 100
  run rbox run --rm --network back --pid container:other busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"a container in networks cannot join namespaces of one that is in none"* ]]
}

@test "servers of --dns are asked for what is no container's name (#8)" {
  rbox run -d --name ns --network back "${probe[@]}" busybox /netprobe dns 0.0.0.0 far.example=192.0.2.99
  run rbox run --rm --network back --dns "$net.2" busybox sh -c \
    'cat /etc/resolv.conf; nslookup -type=a far.example; nslookup -type=a ns'
  [[ "$output" == *"nameserver $net.1"* ]]
  [[ "$output" == *"Address: 192.0.2.99"* ]]
  [[ "$output" == *"Address: $net.2"* ]]
}

@test "a restarted container keeps its address and its names (#8)" {
  rbox run -d --name again --restart on-failure:2 --network back busybox sh -c 'ip -o -4 addr show eth0; exit 1'
  until_true sh -c "[ \$('$RBOX_BUILD/rbox' logs again | grep -c '$net.2/24') -eq 3 ]"
}

@test "containers that start at once share one keeper, and get different addresses (#8)" {
  local i pids=()
  for i in 1 2 3 4 5 6; do
    rbox run --name "side$i-$$" -d --network back busybox sleep 100 >/dev/null 3>&- &
    pids+=($!)
  done
  for i in "${pids[@]}"; do
    wait "$i"
  done
  [ "$(keeper "side.-$$" | wc -l)" -eq 1 ]
  for i in 1 2 3 4 5 6; do
    rbox inspect -f '{{.NetworkSettings.Networks.back.IPAddress}}' "side$i-$$"
  done >addresses
  [ "$(sort -u addresses | wc -l)" -eq 6 ]
}

@test "nothing runs when no container does (#8)" {
  rbox run --rm --name "last-$$" --network back busybox true
  until_true no_keeper
  [ -z "$(keeper "last-$$")" ]
}

@test "whoever is killed leaves: the keeper, a container, slirp4netns, the resolver (#8)" {
  local pid old
  not_for bob "the same as alice's"
  serve tcp "$host_ip" $((base + 7))
  rbox run -d --name "k1-$$" --network back "${probe[@]}" busybox sleep 100
  web web1 --network back
  pid=$(keeper "k1-$$")
  # slirp4netns and the resolver come back.
  old=$(pgrep -P "$pid" -x slirp4netns)
  kill -9 "$old"
  until_true sh -c "pgrep -P $pid -x slirp4netns | grep -qvx $old"
  until_true rbox exec "k1-$$" /netprobe ask tcp "$host_ip" $((base + 7))
  old=$(pgrep -P "$pid" -x rbox-names)
  kill -9 "$old"
  until_true sh -c "pgrep -P $pid -x rbox-names | grep -qvx $old"
  run fetch_in "k1-$$" web1
  [ "$output" = "I am web1" ]
  # A container that is killed gives its address back.
  kill -9 "$(rbox inspect -f '{{.State.Pid}}' web1)"
  rbox wait web1
  rbox rm web1
  until_true rbox run --rm --network back --ip "$net.3" busybox true
}

# says NAME: its log says, $2 times, that it has another keeper.
says() {
  [ "$(rbox logs "$1" 2>&1 | grep -c 'the keeper of the networks died and was started again')" -eq "$2" ]
}

@test "a keeper that is killed is followed by another, all is as it was, and connections among containers stand (#8)" {
  local pid round name
  not_for bob "the same as alice's"
  serve tcp "$host_ip" $((base + 10))
  rbox network create front
  rbox run -d --name "m1-$$" --network back "${probe[@]}" busybox sleep 100
  web "m2-$$" --network back --ip "$net.50" --network-alias shop -p "127.0.0.1:$((base + 11)):80" --allow-net "$net.0/24"
  rbox network connect --alias other front "m1-$$"
  rbox run -d --name "m3-$$" --restart always --network front busybox sleep 100
  # One connection, which says a line a round.
  rbox exec -d "m1-$$" sh -c 'tail -f /dev/null | nc -l -p 99 >/got'
  until_true rbox exec "m1-$$" sh -c 'netstat -tln | grep -q :99'
  rbox exec -d "m3-$$" sh -c "for i in 1 2; do until [ -e /go\$i ]; do sleep 0.1; done; echo round \$i; done | nc $(
    rbox inspect -f '{{.NetworkSettings.Networks.front.IPAddress}}' "m1-$$"
  ) 99"
  until_true rbox exec "m1-$$" sh -c 'netstat -tn | grep -q ":99 .*ESTABLISHED"'
  for round in 1 2; do
    pid=$(keeper "m[1-4]-$$")
    kill -9 "$pid"
    # Whoever comes right now gets nobody's address.
    run rbox run --rm --name "m4-$$" --network back busybox ip -o -4 addr show eth0
    [[ "$output" == *" $net."* ]]
    [[ "$output" != *" $net.2/"* && "$output" != *" $net.50/"* ]]
    for name in "m1-$$" "m2-$$" "m3-$$"; do
      until_true says "$name" "$round"
    done
    [ "$(keeper "m[1-4]-$$" | wc -l)" -eq 1 ]
    run rbox exec "m1-$$" ip -o -4 addr
    [[ "$output" == *"eth0"*" $net.2/24"* ]]
    [[ "$output" == *"eth1"* ]]
    [ "$(rbox exec "m1-$$" ip route | grep -c ^default)" -eq 2 ]
    rbox exec "m3-$$" touch "/go$round"
    until_true rbox exec "m1-$$" grep -qx "round $round" /got
    run fetch_in "m1-$$" shop
    [ "$output" = "I am m2-$$" ]
    rbox exec "m1-$$" /netprobe ask tcp "$host_ip" $((base + 10))
    rbox exec "m3-$$" nslookup -type=a other
    [ "$(curl -s "http://127.0.0.1:$((base + 11))/")" = "I am m2-$$" ]
    # One that dies within a second of its start is not followed.
    sleep 1.1
  done
  rbox network disconnect front "m1-$$"
  rbox restart -t 0 "m2-$$"
  until_true fetch_in "m1-$$" shop
}

@test "a container in the foreground gets another keeper, too, and says so (#8)" {
  local job
  not_for bob "the same as alice's"
  rbox run --name "f1-$$" --network back busybox sleep 100 >said 2>&1 3>&- &
  job=$!
  until_true rbox exec "f1-$$" true
  kill -9 "$(keeper "f1-$$")"
  until_true grep -q "the keeper of the networks died and was started again" said
  rbox run --rm --network back busybox nslookup -type=a "f1-$$"
  # Nothing of it is left, and it can be started again.
  rbox kill "f1-$$"
  wait "$job" || true
  until_true no_keeper
  until_true no_anchor
  rbox start "f1-$$"
  rbox exec "f1-$$" nslookup -type=a "f1-$$"
}

@test "without its anchor a container is cut off by the keeper's death, and says why, until it is restarted (#8)" {
  not_for bob "the same as alice's"
  rbox run -d --name "o1-$$" --network back busybox sleep 100
  kill -9 "$(anchor "o1-$$")"
  kill -9 "$(keeper "o1-$$")"
  until_true eval 'rbox logs "o1-$$" 2>&1 | grep -q "could not be started again: the process that would find another keeper does not answer"'
  [ "$(rbox inspect -f '{{.State.Status}}' "o1-$$")" = running ]
  rbox restart -t 0 "o1-$$"
  rbox exec "o1-$$" nslookup -type=a "o1-$$"
}

@test "a keeper that dies as soon as it has answered is followed, and an anchor that cannot answer says so (#8)" {
  local pid
  not_for bob "the same as alice's"
  # lose_keeper CALL FAULT: it dies, the anchor of one container finds the next, then a call of the
  # other's fails. That is in the file `calls`, as the next one of its kind.
  lose_keeper() {
    rbox run -d --name "one-$$" --network back busybox sleep 100
    rbox run -d --name "other-$$" --network back busybox sleep 100
    pid=$(anchor "other-$$")
    kill -STOP "$pid"
    kill -9 "$(keeper "one-$$")"
    until_true says "one-$$" 1
    run rbox network disconnect back "other-$$"
    [[ "$output" == *"its networks are just coming back: try again"* ]]
    strace -o calls -e "trace=$1" -e "inject=$1:$2" -p "$pid" 2>traced 3>&- &
    until_true grep -q attached traced
    kill -CONT "$pid"
    pid=$!
  }
  lose_keeper pidfd_open error=ESRCH:when=1
  until_true says "other-$$" 1
  rbox exec "one-$$" nslookup -type=a "other-$$"
  rbox rm -f -t 0 "one-$$" "other-$$"
  wait "$pid" || true
  [ "$(grep -c pidfd_open calls)" -eq 2 ]
  until_true no_keeper
  lose_keeper sendmsg error=ETOOMANYREFS:when=2 # the first is to the keeper
  until_true eval 'rbox logs "other-$$" 2>&1 | grep -q "could not be started again: cannot hand a seat in the networks over: Too many references"'
  rbox rm -f -t 0 "other-$$"
  wait "$pid" || true
}

@test "a container that starts while the keeper dies is plugged in by the next one (#8)" {
  local pid
  not_for bob "the same as alice's"
  rbox run -d --name "s1-$$" --network back busybox sleep 100
  # It has given the address, and dies before it plugs in.
  strace -o calls -e trace=recvmsg -e inject=recvmsg:signal=KILL:when=2 -p "$(keeper "s1-$$")" 2>traced 3>&- &
  pid=$!
  until_true grep -q attached traced
  run rbox run --rm --name "s2-$$" --network back busybox ip -o -4 addr show eth0
  [ "$status" -eq 0 ]
  [[ "$output" == *" $net.3/24 "* ]]
  wait "$pid" || true
  grep -q "killed by SIGKILL" calls
}

@test "what dies again and again is started again once a second, and at last works (#8)" {
  local pid old began ticks i
  not_for bob "the same as alice's"
  serve tcp "$host_ip" $((base + 9))
  mkdir bin
  printf '#!/bin/sh\necho >>"%s/starts"\n[ ! -e "%s/broken" ] || exit 1\nexec %s "$@"\n' \
    "$PWD" "$PWD" "$(command -v slirp4netns)" >bin/slirp4netns
  chmod 755 bin/slirp4netns
  PATH=$PWD/bin:$PATH rbox run -d --name "k2-$$" --network back "${probe[@]}" busybox sleep 100
  pid=$(keeper "k2-$$")
  # In 1/100 s, without that of its children.
  cpu() { sed 's/.*) //' "/proc/$pid/stat" | awk '{print $12 + $13}'; }
  : >broken
  ticks=$(cpu)
  kill -9 "$(pgrep -P "$pid" -x slirp4netns)"
  until_true sh -c '[ $(wc -l <starts) -ge 4 ]'
  [ $(($(cpu) - ticks)) -lt 50 ]
  rm broken
  until_true rbox exec "k2-$$" /netprobe ask tcp "$host_ip" $((base + 9))
  # The resolver, too: the third does not come before the second has had its second.
  began=$(date +%s%3N)
  for i in 1 2; do
    old=$(pgrep -P "$pid" -x rbox-names)
    kill -9 "$old"
    until_true sh -c "pgrep -P $pid -x rbox-names | grep -qvx $old"
  done
  [ $(($(date +%s%3N) - began)) -ge 1000 ]
  until_true rbox exec "k2-$$" nslookup -type=a "k2-$$"
}

@test "a resolver that does not answer is replaced by one that knows all names (#8)" {
  local pid old
  not_for bob "the same as alice's"
  rbox run -d --name "k3-$$" --network back busybox sleep 100
  web web1 --network back
  pid=$(keeper "k3-$$")
  old=$(pgrep -P "$pid" -x rbox-names)
  kill -STOP "$old"
  run rbox run --rm --network back busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"the resolver of the networks does not answer"* ]]
  until_true sh -c "pgrep -P $pid -x rbox-names | grep -qvx $old"
  until_true fetch_in "k3-$$" web1
}

@test "create says what is wrong, and makes nothing (#8)" {
  local options words
  while IFS='|' read -r options words; do
    # shellcheck disable=SC2086 # several words
    run rbox network create $options
    echo "$options: $output"
    [ "$status" -eq 125 ]
    [[ "$output" == *"$words"* ]]
  done <<'END'
--subnet 10.0.0.0 bad|'10.0.0.0' is not a network
--subnet 10.0.2.0/25 bad|in use by slirp4netns
--subnet 127.0.0.0/8 bad|cannot be a network of containers
--subnet 10.90.0.0/24 --gateway 10.91.0.1 bad|the gateway '10.91.0.1' is not in 10.90.0.0/24
--subnet 10.90.0.0/24 --ip-range 10.0.0.0/8 bad|the range '10.0.0.0/8' is not in 10.90.0.0/24
--gateway 10.90.0.1 bad|--gateway 10.90.0.1 needs its --subnet
-d macvlan bad|a normal user cannot have 'macvlan'
-o vlan=7 bad|a network has no option 'vlan=7'
-o mtu=1 bad|--opt mtu
--interface-name x bad|--interface-name
host|a network cannot be called 'host'
a/b|a network cannot be called 'a/b'
back|there is a network 'back' already
bridge|there is a network 'bridge' already
END
  run rbox network create --subnet "$subnet" bad
  [[ "$output" == *"$subnet is in use by network 'back'"* ]] || [[ "$output" == *"in use by network back"* ]]
  run rbox network create --subnet "$host_ip/24" bad
  [[ "$output" == *"in use by the host's interface"* ]]
  rbox network create --ignore back
  [ "$(rbox network ls -q | tr '\n' ' ')" = "back bridge " ]
}

@test "options of run that say nonsense about networks are refused, and nothing is made (#8)" {
  local options words
  while IFS='|' read -r options words; do
    # shellcheck disable=SC2086 # several words
    run rbox run --rm $options busybox true
    echo "$options: $output"
    [ "$status" -eq 125 ]
    [[ "$output" == *"$words"* ]]
  done <<'END'
--network nothing|there is no network 'nothing'
--network back --network none|--network: there is network 'back' already
--network back --network container:x|--network: there is network 'back' already
--network back,back|--network: network 'back' is named twice
--network back:colour=red|--network: a network has no option 'colour=red'
--network back --network bridge --mac-address 02:00:00:00:00:01|--mac-address does not say in which of the networks
--network back --ip6 fd00::2|network 'back' has no IPv6
--network-alias x|--network-alias needs a network of your own
END
  [ -z "$(rbox ps -aq)" ]
}

@test "networks are listed, filtered, inspected, removed and pruned as podman does it (#8)" {
  local id
  rbox network create --label tier=db --subnet 10.201.0.0/24 --gateway 10.201.0.254 --ip-range 10.201.0.100-10.201.0.110 --internal -o mtu=1400 db1
  run rbox network inspect -f '{{.name}} {{.internal}} {{.dns_enabled}} {{json .subnets}} {{.labels.tier}} {{.options.mtu}}' db1
  [[ "$output" == "db1 true true "*'"gateway":"10.201.0.254"'*'"start_ip":"10.201.0.100"'*" db 1400" ]]
  # podman's templates call its fields by Go's names.
  run rbox network inspect -f '{{.Name}} {{.IPv6Enabled}} {{range .Subnets}}{{.Subnet}} {{.Gateway}} {{.LeaseRange.StartIP}}{{end}} {{.IPAMOptions.Driver}} {{.Labels.Tier}}' db1
  [ "$output" = "db1 false 10.201.0.0/24 10.201.0.254 10.201.0.100 host-local <no value>" ]
  run rbox network inspect -f '{{.Nam}}' db1
  [ "$status" -eq 125 ]
  id=$(rbox network ls --filter name=db1 --format '{{.ID}}')
  rbox network exists "$id"
  run rbox network exists nothing
  [ "$status" -eq 1 ]
  [ "$(rbox network ls -q --filter label=tier=db)" = db1 ]
  [[ "$(rbox network ls | head -1)" =~ ^NETWORK\ ID\ +NAME\ +DRIVER$ ]]
  run rbox run --name user1 --network "$id" busybox sh -c 'ip addr show eth0'
  [[ "$output" == *"mtu 1400"* ]]
  [[ "$output" == *"10.201.0.100/24"* ]]
  run rbox network rm db1
  [ "$status" -eq 2 ]
  [[ "$output" == *"container 'user1' is in network 'db1'"* ]]
  [[ "$(rbox network prune -f)" == *back* ]]
  [ "$(rbox network rm -f db1)" = db1 ]
  [ -z "$(rbox ps -aq)" ]
  run rbox network rm db1
  [ "$status" -eq 1 ]
  rbox network rm -f db1
  run rbox network rm bridge
  [ "$status" -eq 125 ]
  run rbox network inspect db1
  [ "$status" -eq 1 ]
  run rbox run --rm --network db1 busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"there is no network 'db1'"* ]]
}

@test "rm --force removes containers before those that they need, or none (#8)" {
  rbox network create front
  rbox create --name a-db --network front busybox true
  rbox create --name b-web --network front --requires a-db busybox true
  rbox create --name other --network none --requires b-web busybox true
  run rbox network rm -f front
  [ "$status" -eq 125 ]
  [[ "$output" == *"'b-web' has dependent containers"* ]]
  [ "$(rbox ps -aq | wc -l)" -eq 3 ]
  rbox rm other
  [ "$(rbox network rm -f front)" = front ]
  [ -z "$(rbox ps -aq)" ]
  run rbox network prune -f --filter until=soon
  [ "$status" -eq 125 ]
  [[ "$output" == *"--filter: "*soon* ]]
}

@test "the network bridge is always there, without names (#8)" {
  web web1 --network bridge
  run fetch --network bridge --dns-option timeout:1 --dns-option attempts:1 -- 10.88.0.2 web1
  [ "$output" = "$(printf 'I am web1\nnone')" ]
}

@test "a network that is gone when its container starts, and a damaged file, are told (#8)" {
  rbox network create gone
  rbox create --name box1 --network gone busybox true
  rm "$RBOX_STORE/networks/gone.json"
  run rbox start box1
  [ "$status" -eq 125 ]
  [[ "$output" == *"there is no network 'gone'"* ]]
  echo '{"name": "back"' >"$RBOX_STORE/networks/torn.json"
  : >"$RBOX_STORE/networks/.half.json.1.tmp"
  run rbox system check --quick
  [ "$status" -eq 1 ]
  [[ "$output" == *"network 'torn' is damaged"* ]]
  run rbox run --rm --network torn busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"network 'torn' is damaged"* ]]
  [ "$(rbox network ls -q | tr '\n' ' ')" = "back bridge " ]
  rbox network rm torn
  rbox system check --quick
  rm "$RBOX_STORE/networks/.half.json.1.tmp"
}
