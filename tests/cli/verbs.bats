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
