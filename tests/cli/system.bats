#!/usr/bin/env bats
# users: alice bob root
# The store as a whole: system df, prune, check, reset (issue 4).
load lib

setup() {
  common_setup
  export RBOX_STORE=$BATS_TEST_TMPDIR/store
  rbox run --rm --network none busybox true 2>/dev/null
}

teardown() {
  teardown_containers
  rbox rm-tree "$BATS_TEST_TMPDIR/store"
}

raw() {
  rbox system df --format json | jq ".[] | select(.Type == \"$1\") | .$2"
}

@test "system df agrees with du, and says what could be freed" {
  rbox run --network none --name big busybox sh -c 'dd if=/dev/zero of=/x bs=1M count=3 2>/dev/null'
  rbox run -d --network none --name live busybox sleep 1000
  rbox volume create v
  local images
  images=$(rbox unshare du -sc --block-size=1 "$RBOX_STORE"/{blobs,layers,images,tmp} 2>/dev/null | awk 'END {print $1}')
  if ! is_user root; then
    [ "$(raw Images RawSize)" -eq "$images" ]
  fi
  [ "$(raw Images RawReclaimable)" -eq 0 ]
  [ "$(raw Containers Total)" -eq 2 ]
  [ "$(raw Containers Active)" -eq 1 ]
  [ "$(raw Containers RawReclaimable)" -gt 3000000 ]
  [ "$(raw 'Local Volumes' Active)" -eq 0 ]
  [[ "$(rbox system df | head -1)" =~ ^TYPE\ +TOTAL\ +ACTIVE\ +SIZE\ +RECLAIMABLE$ ]]
}

@test "system df -v: each image, what it shares, containers and volumes, as podman lists them (issue 4)" {
  export RBOX_STORE=$BATS_TEST_TMPDIR/store
  local out shared own
  mkdir -p base one
  head -c 300000 /dev/urandom >base/base
  head -c 100000 /dev/urandom >one/one
  tar -C base -cf base.tar base
  tar -C one -cf one.tar one
  printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s","sha256:%s"]}}' \
    "$(sha256sum <base.tar | cut -d' ' -f1)" "$(sha256sum <one.tar | cut -d' ' -f1)" >config.json
  printf '[{"Config":"config.json","RepoTags":["test/two:1"],"Layers":["base.tar","one.tar"]}]' >manifest.json
  tar -cf two.tar config.json manifest.json base.tar one.tar
  rbox load -q -i two.tar
  out=$(rbox system df -v | grep two)
  [[ "$out" =~ ^docker.io/test/two\ +1\ +[0-9a-f]{12}\ +.*\ ago\ +([0-9]+)\ kB\ +0\ B\ +([0-9]+)\ kB\ +0\ *$ ]]
  [ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ]
  [ "${BASH_REMATCH[1]}" -gt 800 ]
  # With another image on the same layer; a second name is another row of the same image.
  sed -i 's/,"sha256:[^]]*//' config.json
  sed -i 's/two:1/one:2/; s/,"one.tar"//' manifest.json
  tar -cf one-layer.tar config.json manifest.json base.tar
  rbox load -q -i one-layer.tar
  rbox tag test/one:2 again
  rbox create -q --network none --name box -v vol:/a -v vol:/b -v other:/c docker.io/test/two:1 /bin/true
  out=$(rbox system df -v)
  shared=$(grep two <<<"$out" | grep -o '[0-9]* kB' | sed -n 2p)
  [ "${shared% kB}" -gt 600 ]
  own=$(grep two <<<"$out" | grep -o '[0-9]* kB' | sed -n 3p)
  [ "${own% kB}" -lt 300 ]
  [ "$(grep -c "$shared" <<<"$out")" -eq 3 ]
  grep -Eq 'two .* 1 *$' <<<"$out"
  grep -Eq 'again .* 0 *$' <<<"$out"
  grep -Eq '^[0-9a-f]{12} +[0-9a-f]{12} +/bin/true +2 +.* ago +created +box *$' <<<"$out"
  grep -Eq '^vol +1 +[0-9.]+ kB *$' <<<"$out"
  [ "$(grep -c 'space usage:$' <<<"$out")" -eq 3 ]
  run -125 rbox system df -v --format json
}

@test "system prune says what goes and how much it is, asks, and leaves what runs" {
  rbox run --network none --name big busybox sh -c 'dd if=/dev/zero of=/x bs=1M count=3 2>/dev/null'
  rbox run -d --network none --name live -v kept:/v busybox sleep 1000
  rbox volume create loose
  run rbox system prune <<<n
  [[ "$output" == *"containers that do not run: 1 (3."*"MB)"* ]]
  [ "$(rbox ps -aq | wc -l)" -eq 2 ]
  rbox system prune -f
  [ "$(rbox ps -a --format '{{.Names}}')" = live ]
  [ "$(rbox volume ls -q | sort | tr '\n' ' ')" = "kept loose " ]
  rbox system prune -af --volumes
  [ "$(rbox volume ls -q)" = kept ]
  rbox image exists busybox
  rbox rm -f -t 0 live 2>/dev/null || rbox rm -f live
  run rbox system prune -af
  [[ "$output" == *"Freed: "*MB ]]
  run rbox image exists busybox
  [ "$status" -eq 1 ]
}

# What there is, by label; busybox has none.
labelled() {
  {
    rbox ps -a --format '{{.Names}}'
    rbox images --format '{{.Names}}' | grep -o 'labelled[^:]*\|busybox' || true
    rbox network ls --format '{{.Name}}' | grep '^net' || true
    rbox volume ls -q
  } | sort | tr '\n' ' '
}

@test "system prune --filter: what has a label, what has it not, what is old (issue 4)" {
  export RBOX_STORE=$BATS_TEST_TMPDIR/store
  local name
  tar -cf empty.tar -T /dev/null
  for name in a b; do
    rbox import -c "LABEL which=$name" empty.tar labelled-$name
    rbox create -q --network none --name box-$name --label which=$name busybox true
    rbox network create --label which=$name net-$name
    rbox volume create --label which=$name vol-$name
  done
  run -125 rbox system prune -f --filter name=x
  [[ "$output" == *"'name=x' is not a filter"*"label= or until="* ]]
  run -125 rbox system prune -f --filter until=nonsense
  # Nothing is as old as that, and what is asked first has the same figures.
  run rbox system prune -a --volumes --filter until=1h <<<n
  [[ "$output" == *"containers that do not run: 0 "*"images and what nothing refers to: 0 "*"networks: 0"*"volumes: 0 "* ]]
  rbox system prune -af --volumes --filter until=1h
  [ "$(labelled)" = "box-a box-b busybox labelled-a labelled-b net-a net-b vol-a vol-b " ]
  rbox system prune -af --volumes --filter label=which=a
  [ "$(labelled)" = "box-b busybox labelled-b net-b vol-b " ]
  # Without -a no image with a name goes, without --volumes no volume; box-b stays, and so does its image.
  rbox system prune -f --filter label=which --filter label!=which=b
  rbox system prune -af --volumes --filter label!=which=b
  [ "$(labelled)" = "box-b busybox labelled-b net-b vol-b " ]
  rbox start -a box-b
  rbox system prune -af --volumes --filter label=which --filter until=0s
  [ "$(labelled)" = "busybox " ]
}

# What a store holds; all_there WHAT: it is still what it was ($before).
all_of_it() {
  ls "$RBOX_STORE"/{blobs/sha256,layers,containers,volumes}
}
all_there() {
  [ "$(all_of_it)" = "$before" ] || {
    echo "$1: $(diff <(echo "$before") <(all_of_it))"
    return 1
  }
}

@test "what cannot be listed is not taken for nothing: no prune removes it" {
  local n what folder
  rbox run -d --network none --name live -v kept:/v busybox sleep 1000
  for n in 1 2 3 4 5 6 7 8; do
    rbox create -q --network none --name "c$n" -v "v$n:/v" busybox true
  done
  local before
  before=$(all_of_it)
  [ "$(ulimit -Sn 12 && rbox ps -aq | wc -l)" -eq 9 ]
  # For lack of descriptors, wherever that happens.
  for n in $(seq 5 24); do
    (ulimit -n "$n" && rbox volume prune -f) || true
    all_there "volume prune, $n descriptors"
    (ulimit -n "$n" && rbox image prune -f) || true
    all_there "image prune, $n descriptors"
  done
  # For lack of a right, which root does not lack.
  ! is_user root || return 0
  for what in "image images" "volume containers" "container run/$(cat /proc/sys/kernel/random/boot_id)" "image containers"; do
    folder=$RBOX_STORE/${what#* }
    chmod 400 "$folder"
    run rbox "${what% *}" prune -f
    chmod 711 "$folder"
    [ "$status" -eq 125 ]
    all_there "$what"
  done
}

@test "system check finds a changed, an added and a missing file of a layer; --repair unpacks it anew" {
  [ "$(rbox system check)" = "4 blobs and 2 layers checked, 0 problems" ]
  local passwd
  passwd=$(find "$RBOX_STORE/layers" -path '*/d/etc/passwd')
  for damage in "echo evil >>'$passwd'" "rm '$passwd'" "touch '${passwd%/*}/added'"; do
    if is_user root; then sh -c "$damage"; else rbox unshare sh -c "$damage"; fi
    run rbox system check
    [ "$status" -eq 1 ]
    [[ "$output" == *"is damaged: "* ]]
    run rbox system check --repair
    [ "$status" -eq 0 ]
    [ "$(rbox system check)" = "4 blobs and 2 layers checked, 0 problems" ]
  done
  rbox run --rm --network none busybox grep -q ^root: /etc/passwd
}

@test "system check: whiteouts and opaque folders of layers are as they should be" {
  make_busybox_layer
  make_archive
  rbox load -i archive.tar
  rbox run --network none --name box test/layers:1 sh -c 'echo x >/new; true'
  rbox commit -q box more
  run rbox system check
  [ "$status" -eq 0 ]
}

@test "system check: a layer that a running container has is not exchanged under it" {
  rbox run -d --network none --name live busybox sleep 1000
  local passwd
  passwd=$(find "$RBOX_STORE/layers" -path '*/d/etc/passwd')
  if is_user root; then echo x >>"$passwd"; else rbox unshare sh -c "echo x >>'$passwd'"; fi
  run rbox system check --repair
  [ "$status" -eq 1 ]
  [[ "$output" == *"rbox stop first"* ]]
  rbox stop -t 0 live
  rbox system check --repair
}

@test "system check: a damaged blob is found by its digest, and what lacks it is named" {
  local blob
  blob=$(ls -S "$RBOX_STORE/blobs/sha256" | head -1)
  chmod u+w "$RBOX_STORE/blobs/sha256/$blob"
  printf x >>"$RBOX_STORE/blobs/sha256/$blob"
  run rbox system check
  [ "$status" -eq 1 ]
  [[ "$output" == *"blob sha256:$blob is damaged"* ]]
  run rbox system check --repair
  [ "$status" -eq 1 ]
  [[ "$output" == *"busybox:latest lacks blob"* ]]
  [ ! -e "$RBOX_STORE/blobs/sha256/$blob" ]
}

@test "system reset ends and removes everything, and the next run works" {
  rbox run -d --network none --name live -v v:/v busybox sleep 1000
  run rbox system reset <<<n
  [ "$(rbox ps -q | wc -l)" -eq 1 ]
  rbox system reset -f
  [ -z "$(ls -A "$RBOX_STORE")" ]
  [ "$(rbox run --rm --network none busybox echo again 2>/dev/null)" = again ]
}
