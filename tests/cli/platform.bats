#!/usr/bin/env bats
# users: alice root
# Images for several kinds of machines (issue 4).
load lib

setup() {
  common_setup
  make_busybox_layer
}

# one.tar ARCH[/VARIANT] NAME: an image of busybox.tar that says it is for that.
make_for() {
  printf '{"os":"linux","architecture":"%s","variant":"%s","config":{"Cmd":["/bin/sh"],"Env":["MADE_FOR=%s"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "${1%/*}" "$(expr "$1" : '.*/\(.*\)')" "$1" "$(sha256sum busybox.tar | cut -d' ' -f1)" >config.json
  printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["busybox.tar"]}]' "$2" >manifest.json
  tar -cf one.tar config.json manifest.json busybox.tar
}

# The entry of index.json for tag $1 with a platform instead of the tag.
entry_for() {
  jq -c --arg tag "$1" --arg arch "${2%/*}" --arg variant "$(expr "$2" : '.*/\(.*\)')" \
    '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $tag)
     | del(.annotations) | .platform = ({os: "linux", architecture: $arch} + if $variant == "" then {} else {variant: $variant} end)' \
    multi/index.json
}

# multi/: a layout whose index.json points to an index for $@; flat/: the same, without that index between.
make_multi() {
  local arch entries='' digest
  for arch; do
    make_for "$arch" localhost/one
    skopeo copy -q docker-archive:one.tar "oci:multi:${arch//\//-}"
    # An older one drops the variant.
    skopeo inspect --raw --config "oci:multi:${arch//\//-}" | jq -j '.architecture, .variant // ""' >"kept-${arch//\//-}"
    entries+="$(entry_for "${arch//\//-}" "$arch"),"
  done
  entries+='{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","size":1,"platform":{"os":"unknown","architecture":"unknown"}}'
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s]}' "$entries" >index
  digest=$(sha256sum index | cut -d' ' -f1)
  cp -r multi flat
  jq -c '.manifests[:-1][] |= . + {annotations: {"org.opencontainers.image.ref.name": "test/flat:1"}} | .manifests |= .[:-1]' index >flat/index.json
  cp index "multi/blobs/sha256/$digest"
  printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:%s","size":%d,"annotations":{"org.opencontainers.image.ref.name":"test/multi:1"}}]}' \
    "$digest" "$(stat -c %s index)" >multi/index.json
  tar -C multi -cf multi.tar .
}

made_for() {
  rbox image inspect --format '{{index .Config.Env 0}}' "$1"
}

@test "load takes this machine's image of an index, --platform another; from folders, archives and standard input" {
  make_multi arm64/v8 amd64 arm/v5 arm/v7
  rbox load -q -i multi
  [ "$(made_for test/multi:1)" = MADE_FOR=amd64 ]
  rbox load -q --platform linux/arm64 -i multi.tar
  [ "$(made_for test/multi:1)" = MADE_FOR=arm64/v8 ]
  rbox load -q --platform linux/amd64 <multi.tar
  [ "$(made_for test/multi:1)" = MADE_FOR=amd64 ]
  rbox load -q --platform aarch64 -i multi
  [ "$(made_for test/multi:1)" = MADE_FOR=arm64/v8 ]
  # The newest that the processor still runs.
  rbox load -q --platform linux/arm/v6 -i multi
  [ "$(made_for test/multi:1)" = MADE_FOR=arm/v5 ]
  rbox load -q --platform linux/arm/v7 -i multi
  [ "$(made_for test/multi:1)" = MADE_FOR=arm/v7 ]
  [ "$(rbox image inspect --format '{{.Architecture}}{{.Variant}}' test/multi:1)" = "$(cat kept-arm-v7)" ]
  run rbox run --rm --network none oci:multi:test/multi:1 sh -c 'echo $MADE_FOR'
  [ "$output" = amd64 ]
}

@test "entries of index.json itself with one name and platforms are one image" {
  make_multi arm64/v8 amd64
  run rbox load -i flat
  [ "$output" = "Loaded image: docker.io/test/flat:1" ]
  [ "$(made_for test/flat:1)" = MADE_FOR=amd64 ]
  rbox load -q --platform linux/arm64 -i flat
  [ "$(made_for test/flat:1)" = MADE_FOR=arm64/v8 ]
}

@test "an index without this machine says what it has, and how to take that" {
  make_multi arm64/v8 s390x
  run rbox load -i multi.tar
  [ "$status" -eq 125 ]
  [[ "$output" == *"no image for linux/amd64"*"for linux/arm64/v8, linux/s390x"*"hint: --platform linux/arm64/v8"*qemu-user-static* ]]
  [[ "$output" != *unknown* ]]
  run rbox load --platform linux/riscv64 -i multi
  [ "$status" -eq 125 ]
  [[ "$output" == *"no image for linux/riscv64"* ]]
}

@test "what is not for the platform asked for is refused; what is bad is, too" {
  make_for amd64 test/plain:1
  run rbox load --platform linux/arm64 -i one.tar
  [ "$status" -eq 125 ]
  [[ "$output" == *"the image is for linux/amd64, not for linux/arm64"* ]]
  run rbox image exists test/plain:1
  [ "$status" -eq 1 ]
  rbox load -q --platform linux/amd64 -i one.tar
  run rbox run --rm --pull never --platform linux/arm64 test/plain:1 true
  [ "$status" -eq 125 ]
  [[ "$output" == *"'test/plain:1': the image is for linux/amd64, not for linux/arm64"* ]]
  local bad
  for bad in '' / linux/ a/b/c/d; do
    run rbox load --platform "$bad" -i one.tar
    [ "$status" -eq 125 ]
    [[ "$output" == *"--platform: '$bad' is not OS/ARCH[/VARIANT]"* ]]
  done
}

@test "an image for a foreign processor loads, and run says what it needs" {
  make_for s390x localhost/foreign
  rbox load -q -i one.tar
  run rbox run --rm --network none localhost/foreign sh -c :
  [[ "${lines[0]}" == *"is for linux/s390x, this machine is linux/"*"apt-get install -y qemu-user-static"* ]]
  # A 64-bit PC runs what is for a 32-bit one.
  make_for 386 localhost/small
  rbox load -q -i one.tar
  run rbox run --rm --network none localhost/small sh -c 'echo $MADE_FOR'
  [ "$output" = 386 ]
}
