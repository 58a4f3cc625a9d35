#!/usr/bin/env bats
# users: alice
# What is said of images, and which of them are meant: --filter, --format, inspect, history (issue 4).
load lib

setup() {
  common_setup
  rbox load -q -i "$RBOX_BUILD/images/busybox.tar"
}

teardown() {
  teardown_containers
  rbox rmi -af >/dev/null
}

# image NAME CREATED [LABEL=VALUE]: an image of no layers but one, made at that time.
image() {
  local label=${3:-made=here}
  echo "$1" >file
  tar -cf layer.tar file
  printf '{"architecture":"amd64","os":"linux","created":"%s","author":"a writer","config":{"Cmd":["/x"],"Labels":{"%s":"%s"},"ExposedPorts":{"80/tcp":{}},"Volumes":{"/data":{}}},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created":"%s","created_by":"a step","comment":"a word"}]}' \
    "$2" "${label%%=*}" "${label#*=}" "$(sha256sum <layer.tar | cut -d' ' -f1)" "$2" >config.json
  printf '[{"Config":"config.json","RepoTags":["localhost/%s:latest"],"Layers":["layer.tar"]}]' "$1" >manifest.json
  tar -cf "$1.tar" config.json manifest.json layer.tar
  rbox load -q -i "$1.tar"
}

names() {
  rbox images --format '{{.Repository}}' "$@" | sed 's,.*/,,' | sort | tr '\n' ' '
}

@test "images --filter: before, since, until, label, id, containers, and those that are not" {
  image old 2020-01-02T03:04:05Z team=web
  image new 2022-01-02T03:04:05.5Z team=db
  rbox import old.tar plain >/dev/null
  [ "$(names -f before=new)" = "old " ]
  [ "$(names -f since=old)" = "busybox new plain " ]
  [ "$(names -f after=new -f label!=team)" = "busybox plain " ]
  [ "$(names -f until=2021-01-01)" = "old " ]
  [ "$(names -f until!=8760h)" = "busybox plain " ]
  [ "$(names -f label=team)" = "new old " ]
  [ "$(names -f label=team -f label!=team=db)" = "old " ]
  [ "$(names -f reference=old -f reference='ne*')" = "new old " ]
  [ "$(names -f reference!=old)" = "busybox new plain " ]
  [ "$(names -f id="$(rbox images -q old | cut -c1-7)")" = "old " ]
  [ "$(names -f dangling!=true)" = "busybox new old plain " ]
  [ -z "$(names -f dangling=true)$(names -f intermediate=true)$(names -f readonly=true)" ]
  rbox create --network none --name c busybox true
  [ "$(names -f containers=true)" = "busybox " ]
  [ "$(names -f containers=false)" = "new old plain " ]
  for bad in before=nobody until=soon dangling=maybe unknown=1 dangling before; do
    run -125 rbox images -f "$bad"
    [[ "$output" == *"rbox: "* ]]
  done
  run -125 rbox images --filter until=9999-01-01
  [[ "$output" == *"is not a time"* ]]
  # What is old is old wherever it came from.
  [[ "$(rbox images --format '{{.CreatedAt}} {{.CreatedSince}}' old)" == "2020-01-02T03:04:05"*" years ago" ]]
}

@test "image prune --filter takes those images only" {
  image old 2020-01-02T03:04:05Z team=web
  image new 2022-01-02T03:04:05Z team=db
  run -0 rbox image prune -af --filter until=2021-01-01 --filter label=team
  [[ "${lines[0]}" == localhost/old:latest && "${lines[1]}" == "Freed: "* ]]
  rbox image prune -af --filter label!=team
  [ "$(names)" = "new " ]
  rbox image prune -f --filter label=team
  [ "$(names)" = "new " ]
  run -125 rbox image prune -af --filter unknown=1
  rbox image prune -af --filter label=team=db
  [ -z "$(rbox images -q)" ]
}

@test "images --format: podman's fields in templates and in JSON" {
  image one 2020-01-02T03:04:05Z team=web
  rbox tag one two
  [ "$(rbox images --format '{{.Id}} {{.Digest}} {{.Created}} {{.Names}} {{.RepoTags}} {{.Labels}} {{.Dangling}} {{.ReadOnly}} {{.ParentId}}' two)" = \
    "$(rbox images -q --no-trunc one | cut -d: -f2) $(rbox image inspect -f '{{.Digest}}' one) 1577934245 [localhost/one:latest localhost/two:latest] [localhost/one:latest localhost/two:latest] map[team:web] false false " ]
  [[ "$(rbox images --format '{{.RepoDigests}}' two)" == "[localhost/two@sha256:"*"]" ]]
  rbox images --format json two >json
  jq -e --arg id "$(rbox images -q --no-trunc one)" '(. | length) == 1 and (.[0] |
    ("sha256:" + .Id) == $id and .Size > 50 and .VirtualSize == .Size and .Created == 1577934245 and
    .Names == ["localhost/one:latest", "localhost/two:latest"] and .Labels == {"team": "web"} and
    .Repository == "localhost/two" and .Tag == "latest" and (.CreatedAt | startswith("2020-01-02T03:04:05")))' json
  # image inspect
  rbox image inspect two >json
  jq -e '.[0] | .RepoTags == ["localhost/one:latest", "localhost/two:latest"] and .Author == "a writer" and
    (.RepoDigests | length) == 2 and (.RepoDigests[0] | startswith("localhost/one@sha256:")) and .Labels == {"team": "web"} and
    .Config.ExposedPorts == {"80/tcp": {}} and .Config.Volumes == {"/data": {}} and .VirtualSize == .Size and
    .History[0].created_by == "a step" and .Parent == "" and .User == "" and .Annotations == {} and
    (.ManifestType | startswith("application/vnd.")) and (.Created | startswith("2020-01-02T03:04:05"))' json
  # history
  [[ "$(rbox history --format '{{.Created}}|{{.CreatedSince}}|{{.CreatedAt}}|{{.Comment}}' one)" == *" years ago|"*" years ago|2020-01-02T03:04:05Z|a word" ]]
  [[ "$(rbox history --human=false --format '{{.Created}} {{.Size}}' one)" =~ ^2020-01-02T03:04:05Z\ [0-9]+$ ]]
  # One that is missing keeps nothing of the others back.
  run -1 --separate-stderr rbox image inspect -f '{{.Author}}' nobody one nobody two
  [ "$output" = $'a writer\na writer' ]
  [[ "$stderr" == *"'nobody'"* ]]
  run -125 rbox images --history
  [[ "$output" == *"names that images had once are not kept"* ]]
}
