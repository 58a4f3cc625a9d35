#!/usr/bin/env bats
# users: alice bob
# By what names images are found, listed and removed (issue 4).
load lib

setup() {
  common_setup
  rbox load -q -i "$RBOX_BUILD/images/busybox.tar"
}

teardown() {
  teardown_containers
  rbox rmi -af >/dev/null
}

# The names that a command lists, in order, in one line.
names() {
  rbox images --format '{{.Repository}}:{{.Tag}}' "$@" | sort | tr '\n' ' '
}

@test "images NAME and --filter reference find what a user means by it" {
  local word id
  rbox tag busybox mine mine:2 localhost:5000/team/app:1.2
  for word in mine localhost/mine 'm*'; do
    [ "$(names "$word")" = "localhost/mine:2 localhost/mine:latest " ]
    [ "$(names -f reference="$word")" = "localhost/mine:2 localhost/mine:latest " ]
  done
  [ "$(names mine:2)" = "localhost/mine:2 " ]
  [ "$(names 'mine:*t')" = "localhost/mine:latest " ]
  for word in busybox docker.io/busybox docker.io/library/busybox library/busybox busybox:latest; do
    [ "$(names "$word")" = "docker.io/library/busybox:latest " ]
  done
  # The port is no tag.
  for word in localhost:5000/team/app localhost:5000/team/app:1.2 team/app app 'localhost:5000/*'; do
    [ "$(names "$word")" = "localhost:5000/team/app:1.2 " ]
  done
  for word in min mine:3 localhost:5000/team/app:1.3 nobody 'Bad Name' ''; do
    [ -z "$(names "$word")" ]
  done
  id=$(rbox images -q --no-trunc busybox)
  [ "$(names "${id:7:12}" | wc -w)" -eq 4 ]
  [ "$(names "$id" | wc -w)" -eq 4 ]
}

@test "an image is found by its digest, and a digest is never passed over for a tag" {
  local digest other=sha256:1111111111111111111111111111111111111111111111111111111111111111
  rbox tag busybox registry.example/box:1
  digest=$(rbox images --format '{{.Digest}}' busybox)
  for name in "busybox@$digest" "registry.example/box@$digest" "registry.example/box:1@$digest" "registry.example/box:2@$digest"; do
    [ "$(rbox run --rm --pull never --network none "$name" echo ran)" = ran ]
  done
  rbox image exists "busybox@$digest"
  for name in "busybox@$other" "busybox:latest@$other" "registry.example/other@$digest" "registry.example/box:1@$other"; do
    run -1 rbox image exists "$name"
    run -125 rbox run --rm --pull never --network none "$name" true
    [[ "$output" == *"cannot find image '$name'"* ]]
  done
  # By its digest, with names: as by its id.
  run -125 rbox rmi "busybox@$digest"
  [[ "$output" == *"it has several names"* ]]
  rbox rmi busybox
  rbox rmi "registry.example/box@$digest"
  [ -z "$(rbox images -q)" ]
}

@test "an archive gives no image a digest that it has not" {
  local other=sha256:1111111111111111111111111111111111111111111111111111111111111111 digest
  mkdir archive layout
  tar -C archive -xf "$RBOX_BUILD/images/busybox.tar"
  jq -c --arg n "registry.example/box@$other" '.[0].RepoTags = [$n]' archive/manifest.json >m.json
  cp m.json archive/manifest.json
  tar -C archive -cf bad.tar .
  rbox load -q -i bad.tar
  run -1 rbox image exists "registry.example/box@$other"
  digest=$(rbox images --format '{{.Digest}}' busybox)
  rbox save --format oci-dir -o layout/a busybox
  for word in "$other" "$digest"; do
    jq -c --arg n "registry.example/box@$word" \
      '.manifests[0].annotations = {"io.containerd.image.name": $n}' layout/a/index.json >index.json
    cp index.json layout/a/index.json
    rbox load -q -i layout/a
  done
  run -1 rbox image exists "registry.example/box@$other"
  rbox image exists "registry.example/box@$digest"
}

@test "rmi goes on after an image that is not there; --force passes it over; the status says why" {
  rbox tag busybox one two three
  run -1 rbox rmi nobody one nobody:2
  [[ "$output" == *"Untagged: localhost/one:latest"* ]]
  [[ "$output" == *"cannot find image 'nobody:2'"*"cannot find image 'nobody'"* ]]
  rbox rmi -f nobody two
  rbox rmi -i nobody
  rbox rmi --no-prune three
  [ "$(names)" = "docker.io/library/busybox:latest " ]
  rbox tag busybox one
  run -125 rbox rmi "$(rbox images -q one)"
  [[ "$output" == *"it has several names"* ]]
  rbox rmi one
  rbox create --name c --network none busybox true
  run -2 rbox rmi busybox
  run -2 rbox rmi "$(rbox images -q)" nobody
}

@test "untag without a name takes all names away" {
  local id
  id=$(rbox images -q --no-trunc busybox)
  rbox tag busybox one two
  rbox untag two two
  [ "$(names)" = "docker.io/library/busybox:latest localhost/one:latest " ]
  rbox untag one
  [ "$(names)" = "<none>:<none> " ]
  [ "$(rbox images -q --no-trunc)" = "$id" ]
}

@test "an archive or a folder is no name in a registry" {
  for word in dir:/no/where oci:/no/where:tag docker-archive:/no/where.tar; do
    run -125 rbox pull "$word"
    [[ "$output" == *"'$word' is no image of a registry"*"hint: rbox load"* ]]
    run -125 rbox push busybox "$word"
    [[ "$output" == *"'$word' is no image of a registry"*"rbox save"* ]]
  done
  run -125 rbox pull registry.example:/box
  [[ "$output" == *"its registry is no host name"* ]]
}

@test "--iidfile takes a path" {
  rbox create --name c --network none busybox true
  rbox commit -q --iidfile "$PWD/id" c made
  [[ "$(cat id)" == sha256:* ]]
  mkdir -p below
  rbox commit -q --iidfile below/id c made
  [[ "$(cat below/id)" == sha256:* ]]
}

@test "a damaged record is named with what mends it, and nothing is lost until it is taken away" {
  local record="$RBOX_STORE/images/docker.io%2Flibrary%2Fbusybox:latest" text
  rbox tag busybox other
  cp "$record" good
  for text in '' '{' '[]' '{"name":"docker.io/library/busybox:latest","id":"y","digest":"z"}' \
    "$(jq -c '.name = "docker.io/library/another:latest"' good)" "$(jq -c '.blobs[0] = "../../x"' good)" \
    "$(jq -c '.diffIDs = ["sha256:zz"]' good)" "$(jq -c '.created = 9000000000000000000' good)"; do
    printf '%s' "$text" >"$record"
    run -0 rbox images
    [[ "$output" == *"record of image 'docker.io/library/busybox:latest' is damaged"* ]]
    [[ "$output" == *"localhost/other "* ]]
    for command in "run --rm --pull never --network none busybox true" "image inspect busybox" "image tree busybox" "save -o x.tar busybox"; do
      # shellcheck disable=SC2086 # words
      run -125 rbox $command
      [[ "$output" == *"the record of image 'docker.io/library/busybox:latest' is damaged: "*"rbox rmi docker.io/library/busybox:latest"* ]]
    done
    run -125 rbox image prune -af
    rbox image exists other
    [ "$(rbox rmi busybox)" = "Untagged: docker.io/library/busybox:latest" ]
    [ "$(names)" = "localhost/other:latest " ]
    rbox tag other docker.io/library/busybox:latest
  done
  [ "$(rbox run --rm --pull never --network none busybox echo whole)" = whole ]
  # What is no file is no record, and keeps nobody waiting.
  mkfifo "$RBOX_STORE/images/fifo"
  mkdir "$RBOX_STORE/images/folder"
  ln -s /etc/passwd "$RBOX_STORE/images/link"
  run -0 timeout 20 "$RBOX_BUILD/rbox" images
  for word in fifo folder link; do
    [[ "$output" == *"record of image '$word' is damaged"* ]]
  done
  run -125 timeout 20 "$RBOX_BUILD/rbox" image prune -af
  rm -r "$RBOX_STORE"/images/{fifo,folder,link}
  # A blob that is gone is not an image that is not there.
  rm "$RBOX_STORE/blobs/sha256/$(rbox image inspect -f '{{.Id}}' other | cut -d: -f2)"
  for command in "image inspect" history; do
    # shellcheck disable=SC2086 # words
    run -125 rbox $command other
    [[ "$output" == *"blob sha256:"*" of the store is damaged: "*"load or pull the image again"* ]]
  done
  mkfifo "$RBOX_STORE/blobs/sha256/$(jq -r .id good | cut -d: -f2)"
  run -125 timeout 20 "$RBOX_BUILD/rbox" save -o x.tar other
  [[ "$output" == *"is missing or damaged"*"load or pull the image again"* ]]
  [ ! -e x.tar ]
  run -1 timeout 20 "$RBOX_BUILD/rbox" system check
  [[ "$output" == *"is damaged"* ]]
}
