#!/usr/bin/env bats
# users: alice bob root
# What is listed, shown and removed: containers, volumes, images (issues 2, 5).
load lib

setup_file() {
  rbox run --rm --network none busybox true
}

teardown() {
  teardown_containers
  rbox volume prune -f >/dev/null
}

is_running() {
  rbox ps -q --filter "name=$1" | grep -q .
}

start() {
  rbox run --network none --name "$1" busybox sleep 60 3>&- &
  until_true is_running "$1"
}

@test "ps lists what runs, ps -a what has ended too" {
  rbox run --network none --name done -l k=v busybox sh -c 'exit 3' || true
  start live
  run rbox ps --format '{{.Names}} {{.State}} {{.Image}} {{.Command}}'
  [ "$output" = "live running docker.io/library/busybox:latest sleep 60" ]
  run rbox ps -a --format '{{.Names}} {{.State}} {{.ExitCode}}'
  [ "${lines[0]}" = "live running 0" ]
  [ "${lines[1]}" = "done exited 3" ]
  run rbox ps -a
  [[ "${lines[0]}" == "CONTAINER ID "*" IMAGE "*" COMMAND "*" CREATED "*" STATUS "*" PORTS "*" NAMES" ]]
  [[ "${lines[1]}" == *"Up "*" live" ]]
  [[ "${lines[2]}" == *"Exited (3) "*" ago"*" done" ]]
}

@test "ps filters by name, id, status, label, ancestor and exit status" {
  rbox run --network none --name one -l k=v busybox true
  rbox run --network none --name two busybox false || true
  local id
  id=$(rbox ps -aq --filter name=two)
  [ "${#id}" -eq 12 ]
  for filter in "name=two" "id=$id" "exited=1"; do
    [ "$(rbox ps -a --filter "$filter" --format '{{.Names}}')" = two ]
  done
  for filter in "label=k" "label=k=v" "exited=0"; do
    [ "$(rbox ps -a --filter "$filter" --format '{{.Names}}')" = one ]
  done
  [ "$(rbox ps --filter status=exited -q | wc -l)" -eq 2 ]
  [ "$(rbox ps -a --filter ancestor=busybox -q | wc -l)" -eq 2 ]
  [ "$(rbox ps -a --filter ancestor=alpine -q | wc -l)" -eq 0 ]
  [ "$(rbox ps -l --format '{{.Names}}')" = two ]
  [ "$(rbox ps -n 1 --filter name=one --format '{{.Names}}')" = one ]
  run rbox ps --filter colour=red
  [ "$status" -eq 125 ]
  [[ "${lines[0]}" == *"'colour=red' is not a filter" ]]
}

@test "--format: json, templates, tables; a field that is not there is named" {
  rbox run --network none --name one busybox true
  rbox ps -a --format json | jq -e '.[0].Names == ["one"]'
  run rbox ps -a --format 'table {{.Names}}\t{{.ExitCode}}'
  [ "${lines[0]}" = "NAMES  EXITCODE" ]
  [ "${lines[1]}" = "one    0" ]
  run rbox ps -a --format '{{.Colour}}'
  [ "$status" -eq 125 ]
  [ "${lines[0]}" = "rbox: --format: there is no field '.Colour'" ]
  [[ "${lines[1]}" == *".Names"* ]]
}

@test "inspect: the end of a container, as docker shapes it" {
  rbox run --network none --name one -e A=b -v "$PWD:/src:ro" -l k=v busybox sh -c 'exit 7' || true
  run rbox inspect one
  [ "$status" -eq 0 ]
  jq -e '.[0].State | .Status == "exited" and .ExitCode == 7 and .Running == false' <<<"$output"
  jq -e '.[0].Config | .Labels.k == "v" and (.Env | index("A=b") != null)' <<<"$output"
  jq -e ".[0].Mounts == [{Type: \"bind\", Name: \"\", Source: \"$PWD\", Destination: \"/src\", Driver: \"\", Mode: \"\", Options: [\"ro\"], RW: false, Propagation: \"rprivate\"}]" <<<"$output"
  [ "$(rbox inspect -f '{{.State.ExitCode}} {{index .Config.Cmd 0}}' one)" = "7 sh" ]
}

@test "inspect: images and volumes; what is nowhere is an error" {
  rbox volume create data
  [ "$(rbox inspect -f '{{.Name}}' data)" = data ]
  [ "$(rbox image inspect -f '{{index .RepoTags 0}}' busybox)" = docker.io/library/busybox:latest ]
  run rbox image inspect data
  [ "$status" -eq 1 ]
  run rbox inspect nothing-like-that
  [ "$status" -eq 1 ]
  [ "$output" = "rbox: there is no container, image, volume or network 'nothing-like-that'" ]
}

@test "rm: 1 for what is not there, 2 for what runs, -f ends it" {
  start live
  run rbox rm nothing
  [ "$status" -eq 1 ]
  run rbox rm live
  [ "$status" -eq 2 ]
  [ "${lines[1]}" = "  hint: rbox rm -f live" ]
  run rbox rm -f live
  [ "$status" -eq 0 ]
  [ "$output" = live ]
  run rbox container exists live
  [ "$status" -eq 1 ]
  run rbox rm --ignore live
  [ "$status" -eq 0 ]
  assert_no_containers
}

@test "rm takes ids and their beginnings, and files of every owner" {
  not_for bob "he has one id only"
  rbox run --network none --name one busybox sh -c 'mkdir /x; touch /x/y; chown -R 33:44 /x; chmod 000 /x'
  run rbox rm "$(rbox ps -aq | cut -c1-6)"
  [ "$status" -eq 0 ]
  assert_no_containers
}

@test "volumes: made, listed, kept while a container has them, removed" {
  run rbox volume create data
  [ "$output" = data ]
  run rbox volume create data
  [ "$status" -eq 125 ]
  run rbox volume create 'a/b'
  [ "$status" -eq 125 ]
  rbox run --network none --name one -v data:/d -v more:/m busybox touch /d/file
  [ "$(rbox volume ls -q)" = "data
more" ]
  run rbox volume rm data
  [ "$status" -eq 2 ]
  rbox rm one
  run rbox volume rm data nothing
  [ "$status" -eq 1 ]
  run rbox volume rm data
  [ "$status" -eq 0 ]
  run rbox volume exists data
  [ "$status" -eq 1 ]
  run rbox volume prune -f
  [ "$output" = more ]
  [ -z "$(ls -A "$RBOX_STORE/volumes")" ]
}

@test "volumes: filters; rm --force takes their containers first, those that need others before them; rm --all" {
  local n
  rbox volume create --label team=web data
  rbox volume create more
  rbox volume create rest
  rbox create --network none --name db -v data:/d busybox true
  rbox create --network none --name web --requires db -v data:/d -v more:/m busybox true
  [ "$(rbox volume ls -q --filter dangling=true)" = rest ]
  [ "$(rbox volume ls -q --filter dangling=false | tr '\n' ' ')" = "data more " ]
  [ "$(rbox volume ls -q --filter label=team=web)" = data ]
  [ "$(rbox volume ls -q --filter until=2001-01-01)" = "" ]
  run -125 rbox volume ls --filter dangling=perhaps
  [[ "$output" == *"--filter dangling: 'perhaps'"* ]]
  run -2 rbox volume rm rest data
  [[ "$output" == *"container '"*"' has volume 'data'"*"rbox volume rm --force"* ]]
  rbox volume exists rest
  # somebody else needs the only one that has it: none goes
  rbox create --network none --name over --requires web busybox true
  run -125 rbox volume rm -f more
  [ "$(rbox ps -aq | wc -l)" -eq 3 ]
  rbox rm over
  [ "$(rbox volume rm -f data nothing)" = data ]
  [ -z "$(rbox ps -aq)" ]
  rbox volume prune -f --filter label=none
  [ "$(rbox volume ls -q | wc -l)" -eq 2 ]
  run -125 rbox volume rm -a more
  # All are asked to end, none is killed; or none is touched, when one of them is needed.
  for n in 1 2; do
    rbox run -d --network none --name "up$n" -v more:/m busybox sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'
  done
  rbox create --network none --name two -v rest:/r busybox true
  rbox create --network none --name over --requires two busybox true
  run -125 rbox volume rm -f --all
  [ "$(rbox ps -q | wc -l)" -eq 2 ]
  rbox rm over
  rbox volume rm -f --all
  [ -z "$(rbox volume ls -q)$(rbox ps -aq)" ]
  [ "$(rbox events --stream=false --filter event=die --format '{{.Name}} {{.Attributes.containerExitCode}}' | grep '^up' | sort | tr '\n' ' ')" = "up1 3 up2 3 " ]
}

@test "images: listed by name, formatted, removed; run brings busybox back" {
  run rbox images --format '{{.Repository}}:{{.Tag}}' busybox
  [ "$output" = docker.io/library/busybox:latest ]
  run rbox image exists busybox
  [ "$status" -eq 0 ]
  run rbox rmi nothing
  [ "$status" -eq 1 ]
  run rbox rmi busybox
  [ "$status" -eq 0 ]
  run rbox image exists busybox
  [ "$status" -eq 1 ]
  rbox run --rm --network none busybox true
}

@test "an image made of a tarball has the config that import was told" {
  mkdir -p root/bin
  install_busybox root/bin/sh
  tar -C root -cf root.tar .
  run rbox import -c 'CMD ["/bin/sh", "-c", "echo $A in $PWD"]' -c 'ENV A=b' -c 'WORKDIR /w' root.tar mine
  [ "$status" -eq 0 ]
  [[ "$output" == sha256:* ]]
  run rbox run --rm --network none mine
  [ "$output" = "b in /w" ]
  run rbox import -c 'FROM x' root.tar other
  [ "$status" -eq 125 ]
  rbox rmi mine
}

@test "help: groups, families, one command; unknown ones with the nearest" {
  run rbox --help
  [ "$status" -eq 0 ]
  [[ "$output" == *"Containers:"*"Images:"*"Volumes:"* ]]
  run rbox volume
  [[ "$output" == *"volume create"* ]]
  [[ "$output" != *"images"* ]]
  [ "$(rbox volume --help)" = "$output" ]
  run rbox help run
  [[ "$output" == "Usage: rbox run [options] IMAGE"* ]]
  run rbox imags
  [ "$status" -eq 125 ]
  [ "${lines[1]}" = "  hint: did you mean rbox images?" ]
  run rbox volume creat x
  [ "${lines[1]}" = "  hint: did you mean rbox volume create?" ]
}

@test "kill: the signal's own effect, KILL unless another is named" {
  start live
  run rbox kill -s WINCH live
  [ "$output" = live ]
  is_running live
  run rbox kill live
  [ "$status" -eq 0 ]
  run rbox wait live
  [ "$output" = 137 ]
  run rbox kill live
  [ "$status" -eq 125 ]
  run rbox kill -s NONE live
  [ "$status" -eq 125 ]
}

@test "stop: the stop signal first, KILL when the time is over" {
  rbox run --network none --name polite --stop-signal USR1 busybox \
    sh -c 'trap "exit 7" USR1; echo ready; while :; do sleep 0.05; done' >polite 3>&- &
  until_true grep -q ready polite
  run rbox stop polite
  [ "$output" = polite ]
  [ "$(rbox inspect -f '{{.State.ExitCode}}' polite)" = 7 ]

  rbox run --network none --name stubborn busybox sh -c 'trap "" TERM; echo ready; while :; do sleep 0.05; done' >stubborn 3>&- &
  until_true grep -q ready stubborn
  run rbox stop -t 300ms stubborn
  [ "$status" -eq 0 ]
  [ "$(rbox inspect -f '{{.State.ExitCode}}' stubborn)" = 137 ]
}

@test "ps: sizes, order, and the filters before, since, until, volume" {
  rbox run --network none --name bold -v data:/d busybox sh -c 'head -c 300000 /dev/zero >/big'
  rbox run --network none --name ash busybox true
  [ "$(rbox ps -a --sort names --format '{{.Names}}' | xargs)" = "ash bold" ]
  [ "$(rbox ps -a --sort size --size --format '{{.Names}}' | xargs)" = "bold ash" ]
  [ "$(rbox ps -a --format '{{.Names}}' | xargs)" = "ash bold" ]
  rbox ps -a --size --filter name=bold --format '{{.Size}}' | grep -E '^3[0-9.]+ ?kB \(virtual [0-9.]+ ?MB\)$'
  rbox ps -as | grep -E '^CONTAINER ID .* SIZE$'
  [ "$(rbox ps -a --filter before=ash --format '{{.Names}}')" = bold ]
  [ "$(rbox ps -a --filter since=bold --format '{{.Names}}')" = ash ]
  [ "$(rbox ps -a --filter volume=data --format '{{.Names}}')" = bold ]
  [ "$(rbox ps -a --filter volume=/d --format '{{.Names}}')" = bold ]
  [ "$(rbox ps -a --filter until=2100-01-01 -q | wc -l)" -eq 2 ]
  [ "$(rbox ps -a --filter until=1h -q | wc -l)" -eq 0 ]
  [ "$(rbox ps -a --filter 'name=^(bo|x)' --format '{{.Names}}')" = bold ]
  run rbox ps -a --filter 'name=('
  [ "$status" -eq 125 ]
  run rbox ps --sort colour
  [ "$status" -eq 125 ]
  [[ "${lines[1]}" == *"created, command"* ]]
}

@test "verbs take the newest, those of a filter, and ids from files" {
  rbox run -d --network none --name one -l kind=a --cidfile one.id busybox sleep 1000 >/dev/null
  rbox run -d --network none --name two -l kind=b busybox sleep 1000 >/dev/null
  [ "$(rbox exec -l hostname)" = "$(rbox exec two hostname)" ]
  rbox top -l pid | grep -qx 1
  [ "$(rbox kill -s WINCH --latest)" = "$(rbox inspect -f '{{.Id}}' two)" ]
  rbox stop --filter label=kind=b
  is_running one
  [ "$(rbox wait --condition stopped two)" = 143 ] || [ "$(rbox wait two)" = 137 ]
  rbox stop --cidfile one.id
  [ -z "$(rbox ps -q)" ]
  rbox start --filter label=kind=a
  is_running one
  [ "$(rbox wait --condition running one)" = -1 ]
  rbox restart --latest
  is_running two
  rbox rm -f --cidfile one.id
  run rbox rm one
  [ "$status" -eq 1 ]
  rbox rm --ignore one
  rbox stop --ignore one
  rbox stop two
  run rbox kill --latest # needs one that runs, as by its name
  [ "$status" -eq 125 ]
  [[ "$output" == *"is not running"* ]]
  [ -z "$(rbox container prune -f --filter label=kind=a)" ]
  [ -n "$(rbox container prune -f --filter label=kind=b)" ]
  run rbox stop one --all
  [ "$status" -eq 125 ]
}

@test "rm -f stops by the stop signal first, and --time says how long" {
  mkdir out # root's containers have no root of the host
  chmod 777 out
  rbox run -d --network none --name polite -v "$PWD/out:/out" busybox sh -c 'trap "echo bye >/out/bye; exit" TERM; echo up >/out/up; while :; do sleep 0.05; done' >/dev/null
  until_true test -s out/up
  rbox rm -f polite
  [ "$(cat out/bye)" = bye ]
  rbox run -d --network none --name stubborn -v "$PWD/out:/out" busybox sh -c 'trap "" TERM; echo up >/out/up2; while :; do sleep 0.05; done' >/dev/null
  until_true test -s out/up2
  local begun=$SECONDS
  rbox rm -f -t 0 stubborn
  [ $((SECONDS - begun)) -lt 8 ]
  run rbox rm -t 1 polite
  [ "$status" -eq 125 ]
}
