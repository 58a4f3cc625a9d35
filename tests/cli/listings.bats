#!/usr/bin/env bats
# users: alice bob
# Volumes and networks: how they are made, listed, chosen and removed (issues 4 and 8).
load lib

setup() {
  common_setup
  rbox volume rm -af >/dev/null
  rbox network prune -f >/dev/null
}

teardown() {
  teardown_containers
  rbox volume rm -af >/dev/null
  rbox network prune -f >/dev/null
}

@test "volume create takes the driver there is, and says what to use instead of others" {
  [ "$(rbox volume create --driver local --opt copy --label a=b one)" = one ]
  [ "$(rbox volume create -d local two)" = two ]
  run -125 rbox volume create --driver image three
  [[ "$output" == *"there is no 'image'"*"hint: --driver local"* ]]
  run -125 rbox volume create --opt type=tmpfs --opt device=tmpfs three
  [[ "$output" == *"no option 'type=tmpfs'"*"hint: rbox run --tmpfs PLACE"* ]]
  run -125 rbox volume create -o device=/data -o o=bind -o type=none three
  [[ "$output" == *"hint: rbox run -v DIR:PLACE"* ]]
  run -125 rbox volume create -o nocopy three
  [[ "$output" == *":nocopy"* ]]
  run -125 rbox volume create -o unheard=of three
  [[ "$output" == *"no option 'unheard=of'"* ]]
  [ "$(rbox volume ls -q | tr '\n' ' ')" = "one two " ]
}

@test "volume ls: podman's fields and filters" {
  rbox volume create -l a=b one
  rbox volume create two
  [ "$(rbox volume ls --format '{{.Name}} {{.Scope}} {{.Options}} {{.Labels}}' | tr '\n' ,)" = "one local map[] map[a:b],two local map[] map[]," ]
  [ "$(rbox volume ls --format '{{.CreatedAt}}' | cut -c1-10 | sort -u)" = "$(date -u +%Y-%m-%d)" ]
  rbox volume ls --format json | jq -e '.[0] | .Scope == "local" and .Options == {} and (.CreatedAt | length) > 19'
  [ "$(rbox volume ls -q -f label!=a)" = two ]
  [ "$(rbox volume ls -q -f scope=local | wc -l)" -eq 2 ]
  [ -z "$(rbox volume ls -q -f opt=type)$(rbox volume ls -q -f scope=global)" ]
  rbox create --name c --network none -v two:/data busybox true
  [ "$(rbox volume ls -q -f dangling=true)" = one ]
  [ "$(rbox volume ls -q -f dangling!=true)" = two ]
  [ "$(rbox volume prune -f --filter label!=b)" = one ]
}

@test "network ls: podman's fields, filters and JSON" {
  rbox network create --label a=b --opt mtu=1400 one
  rbox network create two
  [ "$(rbox network ls -f name=one --format '{{.Options}} {{.IPAMOptions}}')" = "map[mtu:1400] map[driver:host-local]" ]
  [ "$(rbox network ls -f name=one --format '{{json .Subnets}}')" = "$(rbox network inspect -f '{{json .subnets}}' one)" ]
  [[ "$(rbox network ls -f name=one --format '{{.NetworkInterface}}')" == br-* ]]
  [ "$(rbox network ls --format json -f name=one | jq -c '.[0]')" = "$(rbox network inspect one | jq -c '.[0]')" ]
  [ "$(rbox network ls -q -f label!=a | tr '\n' ' ')" = "bridge two " ]
  [ "$(rbox network ls -q -f dangling=true | tr '\n' ' ')" = "one two " ]
  rbox create --name c --network two busybox true
  [ "$(rbox network ls -q -f dangling=true)" = one ]
  [ "$(rbox network ls -q -f dangling=false | tr '\n' ' ')" = "bridge two " ]
  [ "$(rbox network prune -f --filter label=a)" = one ]
  [ -z "$(rbox network prune -f)" ]
}

@test "a damaged network is named when networks are listed" {
  rbox network create one
  echo '{' >"$RBOX_STORE/networks/one.json"
  run -0 rbox network ls -q
  [[ "$output" == *"network 'one' is damaged: "*"rbox network rm takes it away"*"bridge" ]]
  rbox network rm one
  [ "$(rbox network ls -q 2>&1)" = bridge ]
}

@test "volume rm and network rm --force take --time" {
  run -125 rbox volume rm -t 1 one
  [[ "$output" == *"--time needs --force"* ]]
  run -125 rbox network rm --time 1 one
  [[ "$output" == *"--time needs --force"* ]]
  rbox volume create one
  # It does not end by itself when it is told to.
  rbox run -d --network none -v one:/data busybox sh -c 'trap "" TERM; touch /data/ready; while :; do sleep 1; done'
  until_true test -e "$(rbox volume inspect -f '{{.Mountpoint}}' one)/ready"
  timeout 8 "$RBOX_BUILD/rbox" volume rm -f -t 0 one
  [ -z "$(rbox ps -aq)$(rbox volume ls -q)" ]
}
