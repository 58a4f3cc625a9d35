#!/usr/bin/env bats
# users: alice bob root
# Namespaces of other containers, and by path.
load lib

setup() {
  common_setup
  probe=(-v "$RBOX_BUILD/tests/netprobe:/netprobe:ro")
}

teardown() {
  teardown_containers
}

# web: a service that only its own loopback reaches, with something in its /dev/shm.
start_web() {
  rbox run -d --name web "${probe[@]}" "$@" busybox sh -c \
    'echo shared >/dev/shm/note; exec /netprobe serve tcp 127.0.0.1 80' >/dev/null
  until_true web_is_ready
}

web_is_ready() {
  rbox logs web | grep -q ready
}

@test "--network container: reaches what listens on the other's loopback, and has its files of names (#5)" {
  start_web --add-host db:192.0.2.9
  run rbox run --rm --network container:web "${probe[@]}" busybox sh -c \
    '/netprobe ask tcp 127.0.0.1 80; cat /etc/hosts /etc/resolv.conf; ip -o addr show tap0'
  [ "${lines[0]}" = "from 127.0.0.1" ]
  [[ "$output" == *"192.0.2.9"*db* ]]
  [[ "$output" == *"10.0.2.100"*web* ]]
  [[ "$output" == *"nameserver 10.0.2.3"* ]]
  [[ "$output" == *10.0.2.100/24* ]]
  # They are the same files.
  rbox exec web sh -c 'echo 192.0.2.10 later >>/etc/hosts'
  run rbox run --rm --network container:web busybox grep later /etc/hosts
  [ "$status" -eq 0 ]
}

@test "what is not joined is the container's own (#5)" {
  start_web
  run rbox run --rm --network container:web busybox sh -c 'echo $$; hostname; ls /dev/shm; for n in net pid ipc uts mnt user; do readlink /proc/self/ns/$n; done'
  [ "${lines[0]}" = 1 ]
  [ "${lines[1]}" != "$(rbox exec web hostname)" ]
  [ "${#lines[@]}" -eq 8 ] # nothing in its /dev/shm
  [ "${lines[2]}" = "$(rbox exec web readlink /proc/self/ns/net)" ]
  [ "${lines[7]}" = "$(rbox exec web readlink /proc/self/ns/user)" ]
  for i in 3 4 5 6; do
    [[ "$(rbox exec web sh -c 'readlink /proc/self/ns/pid /proc/self/ns/ipc /proc/self/ns/uts /proc/self/ns/mnt')" != *"${lines[i]}"* ]]
  done
}

@test "--pid, --ipc, --uts and --cgroupns container: are the other's (#5)" {
  start_web
  run rbox run --rm --pid container:web --ipc container:web --uts container:web \
    --cgroupns container:web busybox sh -c \
    'ps -o args; cat /dev/shm/note; echo back >/dev/shm/answer; hostname; for n in pid ipc uts cgroup; do readlink /proc/self/ns/$n; done'
  [[ "$output" == *"/netprobe serve"*shared*"$(rbox exec web hostname)"* ]]
  [ "$(tail -4 <<<"$output")" = "$(rbox exec web sh -c 'for n in pid ipc uts cgroup; do readlink /proc/self/ns/$n; done')" ]
  [ "$(rbox exec web cat /dev/shm/answer)" = back ]
}

@test "exec, top and restart of a container that joins another's namespaces (#5)" {
  start_web
  rbox run -d --name side --network container:web --pid container:web "${probe[@]}" busybox sleep 1000
  run rbox exec side /netprobe ask tcp 127.0.0.1 80
  [ "${lines[0]}" = "from 127.0.0.1" ]
  run rbox exec side ps -o args
  [[ "$output" == *"/netprobe serve"*"sleep 1000"* ]]
  run rbox top side
  [[ "$output" == *"sleep 1000"* ]]
  [[ "$output" != *netprobe* ]]
  rbox restart -t 0 side
  run rbox exec side /netprobe ask tcp 127.0.0.1 80
  [ "${lines[0]}" = "from 127.0.0.1" ]
}

@test "--userns container: has the other's ids, and so has who joins it (#5)" {
  local map option
  if is_user alice; then
    start_web --userns keep-id
  else
    start_web
  fi
  map=$(rbox exec web cat /proc/self/uid_map)
  for option in --userns --network --pid; do
    run rbox run --rm "$option" container:web busybox cat /proc/self/uid_map
    [ "$output" = "$map" ]
  done
  if is_user alice; then
    run rbox run --rm --network container:web --userns nomap busybox true
    [ "$status" -eq 125 ]
    [[ "$output" == *"'web' has other ids"* ]]
  fi
  run rbox run --rm --userns container:web busybox readlink /proc/self/ns/net
  [ "$output" != "$(rbox exec web readlink /proc/self/ns/net)" ]
}

@test "who joined goes on when the other ends, in the same network (#5)" {
  start_web
  rbox run -d --name side --network container:web "${probe[@]}" busybox /netprobe serve tcp 127.0.0.1 81
  rbox stop -t 0 web >/dev/null
  until_true rbox exec side /netprobe ask tcp 127.0.0.1 81
  run rbox ps --format '{{.Names}}'
  [ "$output" = side ]
}

@test "in another's PID namespace a container's processes end with its first one, and with the other's (#5)" {
  start_web
  rbox run --rm --pid container:web busybox sh -c 'setsid sleep 4321 & sleep 0.1' 3>&-
  run rbox exec web ps -o args
  [[ "$output" != *"sleep 4321"* ]]
  rbox run -d --name side --pid container:web busybox sleep 1000
  rbox stop -t 0 web
  until_true eval '[ "$(rbox inspect --format "{{.State.Status}}" side)" = exited ]'
}

@test "targets that are not there, do not run, are oneself or keep to themselves are said (#5)" {
  run rbox run --rm --network container:nobody busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"no container 'nobody'"* ]]
  rbox create --name idle busybox no-such-command
  run -125 rbox run --rm --pid container:idle busybox true
  [[ "$output" == *"what it needs cannot be started: container 'idle': "*"no-such-command"* ]]
  run rbox run --rm --replace --name idle --network container:idle busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"cannot join its own namespaces"* ]]
  rbox container exists idle # and is still there
  start_web --ipc private
  run rbox run --rm --ipc container:web busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"keeps its IPC namespace to itself"* ]]
  run rbox run --rm --network container:web -p 8080:80 busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"--publish and --network container:"* ]]
  run rbox run --rm --network container:web --allow-net example.org busybox true
  [ "$status" -eq 125 ]
  rbox run -d --name other busybox sleep 1000
  run rbox run --rm --network container:web --pid container:other busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"different user namespaces"* ]]
  run rbox run --rm --uts container:web --hostname x busybox true
  [ "$status" -eq 125 ]
}

@test "what a container joins or requires is started before it, and what that needs (#5)" {
  rbox create --name web "${probe[@]}" busybox /netprobe serve tcp 127.0.0.1 80
  rbox create --name side --network container:web "${probe[@]}" busybox /netprobe ask tcp 127.0.0.1 80
  run rbox start -a side # the server may not listen yet
  until_true web_is_ready
  run rbox start -a side
  [ "${lines[0]}" = "from 127.0.0.1" ]
  [ "$(rbox inspect --format '{{.HostConfig.NetworkMode}}' side)" = "container:$(rbox inspect --format '{{.Id}}' web)" ]
}

@test "--requires starts containers first, by name or id, and is remembered (#5)" {
  local first
  rbox create --name first busybox sleep 1000
  first=$(rbox inspect --format '{{.Id}}' first)
  rbox create --name second --requires "${first:0:12}" busybox sleep 1000
  rbox create --name third busybox sleep 1000
  rbox run -d --name top --requires second,third busybox sleep 1000
  [ "$(rbox ps --format '{{.Names}}' | sort | tr '\n' ' ')" = "first second third top " ]
  rbox stop -t 0 -a
  rbox start second
  [ "$(rbox ps --format '{{.Names}}' | sort | tr '\n' ' ')" = "first second " ]
  run -125 rbox run --rm --requires first,nobody busybox true
  [[ "$output" == *"--requires: "*"no container 'nobody'"* ]]
  run -125 rbox run --rm --replace --name first --requires first busybox true
  [[ "$output" == *"cannot require itself"* ]]
  run -125 rbox run --rm --requires first,, busybox true
}

@test "a target with the host's network gives the host's (#5)" {
  start_web_on_host() {
    rbox run -d --name web --network host busybox sleep 1000
  }
  start_web_on_host
  run rbox run --rm --network container:web busybox readlink /proc/self/ns/net
  [ "$output" = "$(readlink /proc/self/ns/net)" ]
}

@test "--ipc none has no /dev/shm of its own (#5)" {
  run inside 'grep -c " /dev/shm " /proc/mounts'
  [ "$output" = 1 ]
  run rbox run --rm --network none --ipc none busybox grep -c ' /dev/shm ' /proc/mounts
  [ "$output" = 0 ]
}

@test "ns: joins a namespace by its path (#5)" {
  local pid
  # A network of the user's own, as a shell of his would have it.
  unshare --user --map-root-user --net sleep 1000 3>&- &
  pid=$!
  until_true eval '[ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ] && grep -q " 1$" /proc/$pid/uid_map'
  run --separate-stderr rbox run --rm --network "ns:/proc/$pid/ns/net" busybox sh -c \
    'readlink /proc/self/ns/net; cat /proc/self/uid_map'
  local net map
  net=$(readlink "/proc/$pid/ns/net")
  map=$(awk '{print $1, $2, $3}' "/proc/$pid/uid_map")
  kill "$pid"
  wait "$pid" || true
  [ "${lines[0]}" = "$net" ]
  [ "$(awk '{print $1, $2, $3}' <<<"${lines[1]}")" = "$map" ]
  run rbox run --rm --network ns:/etc/passwd busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"'/etc/passwd' is not a namespace"* ]]
  run rbox run --rm --network ns:/proc/self/ns/pid busybox true
  [ "$status" -eq 125 ]
  run rbox run --rm --network ns:/proc/self/ns/net busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"the host's own"* ]]
  run rbox run --rm --network ns:/nowhere busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"cannot open the namespace '/nowhere'"* ]]
}

@test "root joins a network that root has made (#5)" {
  is_user root || skip "root's"
  unshare --net sleep 1000 3>&- &
  local pid=$!
  until_true eval '[ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ]'
  run rbox run --rm --network "ns:/proc/$pid/ns/net" busybox sh -c 'readlink /proc/self/ns/net; ls /sys/class'
  kill "$pid"
  wait "$pid" || true
  [ "${lines[0]}" != "$(readlink /proc/self/ns/net)" ]
  [[ "$output" == *net* ]]
}

@test "who is needed goes last: rm says so, --depend and -a take those that need it along (#8)" {
  local side deep
  rbox run -d --name base busybox sleep 100
  side=$(rbox run -d --name side --network container:base busybox sleep 100)
  deep=$(rbox run -d --name deep --pid container:side busybox sleep 100)
  for options in "" "-f"; do
    # shellcheck disable=SC2086 # none, or one
    run rbox rm $options base
    [ "$status" -eq 125 ] || [ "$status" -eq 2 ]
    echo "$options: $output"
  done
  [ "$status" -eq 125 ]
  [[ "$output" == *"container 'base' has dependent containers which must be removed before it: $side"* ]]
  [[ "$output" == *"rbox rm --force --depend base"* ]]
  # Nothing was stopped for that, nor removed.
  [ "$(rbox ps -q | wc -l)" -eq 3 ]
  run rbox rm -f base side
  [[ "$output" == *"'side' has dependent containers which must be removed before it: $deep"* ]]
  [ "$(rbox ps -q | wc -l)" -eq 3 ]
  run rbox rm --depend base
  [ "$status" -eq 2 ]
  [ "$(rbox ps -q | wc -l)" -eq 3 ]
  run rbox run -d --name base --replace busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"dependent containers"* ]]
  SECONDS=0
  [ "$(rbox rm -f --depend base)" = "$deep
$side
base" ]
  [ "$SECONDS" -lt 9 ] # each is told to end
  [ -z "$(rbox ps -aq)" ]
}

@test "those that need another are removed before it when both are meant, stopped ones, pruned ones too (#8)" {
  make_three() {
    rbox create --name base busybox sleep 100
    rbox create --name side --ipc container:base busybox sleep 100
    rbox create --name user --userns container:side --requires base busybox sleep 100
  } >/dev/null
  make_three
  run rbox rm base side user
  [ "$output" = "user
side
base" ]
  make_three
  rbox rm -a
  [ -z "$(rbox ps -aq)" ]
  make_three
  run rbox container prune -f
  [ "$(wc -l <<<"$output")" -eq 3 ]
  [ -z "$(rbox ps -aq)" ]
  make_three
  rbox system prune -f
  [ -z "$(rbox ps -aq)" ]
  # One that runs keeps what it needs.
  make_three
  rbox start side
  rbox stop -t 0 base
  rbox container prune -f
  [ "$(rbox ps -a --format '{{.Names}}' | sort | xargs)" = "base side" ]
  rbox system prune -f
  [ "$(rbox ps -aq | wc -l)" -eq 2 ]
  run rbox rm base
  [[ "$output" == *"dependent containers"*"rbox rm --force --depend base"* ]]
  rbox rm -f side
  rbox rm base
  # The command that it names does what it says.
  make_three
  run rbox rm base
  [[ "$output" == *"hint: rbox rm --depend base"* ]]
  rbox rm --depend base
  [ -z "$(rbox ps -aq)" ]
}

@test "one that others need stays at its end, --rm or not, and goes when nobody needs it (#8)" {
  local id side pid options
  gone() {
    [ -z "$(rbox ps -aq --filter "name=^$1\$")" ]
  }
  # Nobody does: what joined it has gone.
  rbox run -d --rm --name base busybox sleep 100
  rbox run --rm --network container:base busybox true
  rbox stop -t 0 base
  gone base
  # A stopped one, of each kind, is enough.
  for options in "--network container:base" "--pid container:base" "--ipc container:base" "--userns container:base" "--requires base"; do
    rbox create --rm --name base --ipc shareable busybox sh -c 'echo begun; exit 3'
    # shellcheck disable=SC2086 # several words
    rbox create --name side $options busybox true
    run rbox start -a base
    echo "$options: $output"
    [ "$status" -eq 3 ]
    [[ "$output" == "begun"*"the container stays: others need it (rbox rm --depend base)"* ]]
    [ "$(rbox inspect -f '{{.State.Status}} {{.State.ExitCode}}' base)" = "exited 3" ]
    # It can be started once more.
    run rbox start -a base
    [ "$status" -eq 3 ]
    rbox rm side
    run rbox start -a base
    [[ "$output" != *"stays"* ]]
    gone base
  done
  # Its supervisor is killed.
  id=$(rbox run -d --rm --name base busybox sleep 100)
  side=$(rbox create --name side --requires base busybox true)
  pid=$(awk '/^PPid/ {print $2}' "/proc/$(rbox inspect -f '{{.State.Pid}}' base)/status")
  kill -9 "$pid"
  rbox wait base || true
  [ "$(rbox inspect -f '{{.ID}} {{.State.Status}}' base)" = "$id exited" ]
  [ "$(rbox rm --depend base)" = "$side
base" ]
}

@test "who joined another is stopped before that, whatever their order (#8)" {
  local script='trap "echo \$NAME ends >>/tell/log; exit 0" TERM; sleep 1000 & wait'
  mkdir -m 777 tell
  rbox run -d --name base -e NAME=base -v "$PWD/tell:/tell" busybox sh -c "$script"
  rbox run -d --name side -e NAME=side -v "$PWD/tell:/tell" --network container:base busybox sh -c "$script"
  rbox run -d --name other -e NAME=other -v "$PWD/tell:/tell" busybox sh -c "$script"
  for name in base side other; do
    until_true sh -c "rbox=\"$RBOX_BUILD/rbox\"; \$rbox top $name | grep -q 'sleep 1000'"
  done
  rbox stop base side other
  [ "$(grep -v other tell/log)" = "side ends
base ends" ]
  rm -rf tell
}
