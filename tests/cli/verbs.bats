#!/usr/bin/env bats
# users: alice bob root
# What users of docker and podman type, verb by verb, beside what podman 4.3 answered (issue 5).
load lib

setup_file() {
  rbox run --rm --network none busybox true
}

teardown() {
  teardown_containers
  rbox volume prune -f >/dev/null
}

@test "templates have what people use of Go's: parentheses, variables, with, else if, printf (issue 5)" {
  rbox create --name web --label app=shop -v data:/data -v data:/more --network none busybox true
  shows() {
    local text
    text=$(rbox inspect -f "$1" web)
    [ "$text" = "$2" ] || { echo "$1: '$text', not '$2'" >&2; return 1; }
  }
  shows '{{(index .Mounts 1).Destination}}' /more
  shows '{{with .Config.Labels}}{{index . "app"}}{{end}}' shop
  shows '{{$name := .Name}}{{range .Mounts}}{{$name}}:{{.Destination}} {{end}}' 'web:/data web:/more '
  shows '{{if .State.Running}}r{{else if eq .State.Status "created"}}c{{else}}o{{end}}' c
  shows '{{if and (not .State.Running) (le .State.ExitCode 0)}}well{{end}}' well
  shows '{{printf "%-5s|%.3s|%03d" .Name .Name .State.ExitCode}}' 'web  |web|000'
  shows '{{range .Args}}{{println .}}{{end}}{{slice .Name 0 1}}' w
  shows '{{join (split "a/b/c" "/") ","}} {{title .Name}} {{truncate .Name 2}}{{/* no more */}}' 'a,b,c Web we'
  shows '{{.Config.Labels.app}} {{.Config.Labels.none}} {{index .Config.Labels "none"}}|' 'shop <no value> |'
  [ "$(rbox inspect -f '{{.ID}}' web)" = "$(rbox inspect -f '{{.Id}}' web)" ]
}

@test "ps --format json has podman's names and types, templates have docker's and podman's fields (issue 5)" {
  rbox run -d --rm --name web --label app=shop -p 127.0.0.1::80 -v data:/data busybox sleep 1000
  rbox ps --format json >list
  jq -e '.[0] | .Names == ["web"] and .Command == ["sleep", "1000"] and .Labels.app == "shop"
    and (.Id | length) == 64 and (.ImageID | length) == 64 and .State == "running" and .AutoRemove
    and .Exited == false and .ExitedAt == -62135596800 and .StartedAt >= .Created and .Pid > 1
    and .Ports[0].container_port == 80 and .Ports[0].host_ip == "127.0.0.1" and .Mounts == ["/data"]
    and .Networks == [] and .Pod == "" and .Size == null' list
  [ "$(rbox ps --format '{{.Label "app"}} {{.Labels.app}} {{.Labels}} {{index .Labels "app"}}')" = 'shop shop map[app:shop] shop' ]
  [[ "$(rbox ps --format '{{.CreatedAt}}')" =~ ^20[0-9-]+\ [0-9:]+\ [+-][0-9]{4}\  ]]
  [[ "$(rbox inspect -f '{{.Image}}' web)" = *"$(rbox ps --format '{{.ImageID}}')"* ]]
  [ "$(rbox ps --format '{{.Exited}} {{.AutoRemove}} {{.Networks}}|{{.Pod}}|')" = 'false true ||' ]
  [[ "$(rbox ps --format '{{.Size}}')" = *'kB (virtual '*MB* ]]
  rbox ps -s --format json | jq -e '.[0].Size | .rwSize >= 0 and .rootFsSize > 100000'
  rbox stop -t 0 web
}

@test "ps --ns, --sync and --watch (issue 5)" {
  rbox run -d --name web --network none busybox sleep 1000
  rbox create --name next --network none busybox true
  run rbox ps -a --ns
  [[ "${lines[0]}" = 'CONTAINER ID  NAMES  PID '*'CGROUPNS  '*USERNS*UTS ]]
  pid=$(rbox inspect -f '{{.State.Pid}}' web)
  [ "net:[$(rbox ps --ns --format '{{.NET}}')]" = "$(readlink "/proc/$pid/ns/net")" ]
  [ "user:[$(rbox ps --ns --format json | jq -r '.[0].Namespaces.User')]" = "$(readlink "/proc/$pid/ns/user")" ]
  rbox ps -a --ns --format json | jq -e '.[0] | .Names == ["next"] and .Namespaces == {}'
  [ "$(rbox ps -aq --sync --external)" = "$(rbox ps -aq)" ]
  "$RBOX_BUILD/rbox" ps -w 0.1 --format '{{.Names}}' >watched 3>&- &
  is_repeated() { [ "$(wc -l <watched)" -ge 3 ]; }
  until_true is_repeated
  kill $!
  [ "$(sort -u watched)" = web ]
  run rbox ps --pod
  [ "$status" -eq 125 ]
}

@test "ps --filter refuses states and codes that there are not; stopped is exited (issue 5)" {
  rbox run --name old --network none busybox sh -c 'exit 3' || true
  [ "$(rbox ps -a --filter status=stopped --format '{{.Names}}')" = old ]
  [ "$(rbox ps --filter exited=3 --format '{{.Names}}')" = old ]
  [ -z "$(rbox ps -a --filter status=dead --format '{{.Names}}')" ]
  for bad in status=gone exited=x exited=999; do
    run rbox ps -a --filter "$bad"
    [ "$status" -eq 125 ]
  done
}

@test "one of several that is not there, or fails, is no reason to leave the others (issue 5)" {
  rbox create --name idle --network none busybox true
  for name in one two; do
    rbox run -d --name $name --network none busybox sleep 1000
  done
  run --separate-stderr rbox kill -s WINCH one nosuch idle two
  [ "$status" -eq 125 ]
  [ "$output" = $'one\ntwo' ]
  [[ "$stderr" == *"no container 'nosuch'"*"container 'idle' is not running"* ]]
  run --separate-stderr rbox stop -t 0 nosuch one idle two
  [ "$status" -eq 125 ]
  [ "$(sort <<<"$output" | xargs)" = "idle one two" ]
  run --separate-stderr rbox start nosuch one
  [ "$status" -eq 125 ]
  [ "$output" = one ]
  run --separate-stderr rbox rm nosuch one two
  [ "$status" -eq 2 ]
  [ "$output" = two ]
  [[ "$stderr" == *"no container 'nosuch'"*"container 'one' runs"* ]]
  run rbox rm nosuch1 idle nosuch2
  [ "$status" -eq 1 ]
  [ "$(grep -c hint <<<"$output")" -eq 1 ]
  [ "$(rbox ps -a --format '{{.Names}}')" = one ]
}

@test "stop of what does not run is done at once, and says so; kill is an error (issue 5)" {
  rbox run --name old --network none busybox true
  rbox create --name new --network none busybox true
  run rbox stop old new
  [ "$status" -eq 0 ]
  [ "$output" = $'old\nnew' ]
  [ -z "$(rbox events --since 1h --until 0s --filter event=stop --filter container=old)" ]
  run rbox kill old
  [ "$status" -eq 125 ]
}

@test "wait --condition healthy (issue 5)" {
  rbox run -d --name well --network none --health-cmd true busybox sleep 1000
  rbox healthcheck run well
  [ "$(rbox wait --condition healthy well)" = -1 ]
}

@test "inspect: --latest, --size, several of which one is missing, and the fields that scripts ask for (issue 5)" {
  rbox create --name first --network none busybox true
  rbox create --name box --network none --cpus 1.5 --limits best-effort --dns 10.0.0.1 --log-driver k8s-file \
    -v data:/data:ro --tmpfs /scratch busybox true
  [ "$(rbox inspect -l -f '{{.Name}}')" = box ]
  [[ "$(rbox container inspect -s -f '{{.SizeRw}} {{.SizeRootFs}}' box)" =~ ^[0-9]+\ [1-9][0-9]{5,}$ ]]
  run rbox inspect -f '{{.SizeRw}}' box
  [ "$status" -eq 125 ]
  run --separate-stderr rbox inspect -f '{{.Name}}' first nosuch box
  [ "$status" -eq 1 ]
  [ "$output" = $'first\nbox' ]
  [[ "$stderr" == *"'nosuch'"* ]]
  run rbox inspect --type all -f '{{.Id}}' busybox
  [ "$status" -eq 0 ]
  run rbox inspect
  [ "$status" -eq 125 ]
  shows() {
    local text
    text=$(rbox inspect -f "$1" box)
    [ "$text" = "$2" ] || { echo "$1: '$text', not '$2'" >&2; return 1; }
  }
  shows '{{(index .Mounts 0).Driver}} {{(index .Mounts 0).RW}} {{(index .Mounts 0).Propagation}}|{{(index .Mounts 0).Mode}}|' 'local false rprivate||'
  shows '{{.HostConfig.NanoCpus}} {{.HostConfig.LogConfig.Type}} {{.HostConfig.Dns}} {{.HostConfig.ExtraHosts}}' '1500000000 k8s-file [10.0.0.1] []'
  [[ "$(rbox inspect -f '{{.HostConfig.Binds}}' box)" == '[data:/data:'*ro*']' ]]
  shows '{{.NetworkSettings.IPAddress}}|{{.NetworkSettings.IPPrefixLen}}|{{.State.Health.Status}}|' '|0||'
  [[ "$(rbox inspect -f '{{.EffectiveCaps}}' box)" == *CAP_CHOWN* ]]
  [ -e "$(dirname "$(rbox inspect -f '{{.HostConfig.LogConfig.Path}}' box)")/config.json" ]
}

@test "port --all and --latest, diff --latest, logs of several, stats with podman's names (issue 5)" {
  rbox run -d --name quiet --network none busybox sh -c 'echo one; exec sleep 1000'
  rbox run -d --name web -p 127.0.0.1::80 busybox sh -c 'echo two; touch /new; exec sleep 1000'
  have_logs() { [ "$(rbox logs quiet)" = one ] && [ "$(rbox logs web)" = two ] && [ "$(rbox diff -l)" = 'A /new' ]; }
  until_true have_logs
  [ "$(rbox port -a)" = "$(rbox ps -q --filter name=web)"$'\t'"$(rbox port web)" ]
  [ "$(rbox port -l 80)" = "$(rbox port web 80)" ]
  run rbox port
  [ "$status" -eq 125 ]
  run rbox port -a web
  [ "$status" -eq 125 ]
  run rbox diff -l web
  [ "$status" -eq 125 ]
  [ "$(rbox logs quiet web)" = "$(rbox ps -q --filter name=quiet) one"$'\n'"$(rbox ps -q --filter name=web) two" ]
  rbox stats --no-stream --no-reset --format json web | jq -e '.[0] | .name == "web" and (.id | length) == 12 and has("cpu_percent") and has("mem_usage") and has("pids")'
  [ "$(rbox stats -l --no-stream --format '{{.Name}} {{.Container}} {{.PIDS}}' | cut -d' ' -f1,2)" = "web $(rbox ps -q --filter name=web)" ]
  rbox stop -t 0 web quiet
}

@test "secret inspect --format (issue 5)" {
  echo hush | rbox secret create token -
  [ "$(rbox secret inspect -f '{{.Spec.Name}} {{.Spec.Driver.Name}}' token)" = 'token file' ]
  rbox secret rm token
}
