#!/usr/bin/env bats
# users: alice bob root
# Names of images, what they are made of, and what goes when nobody needs it (issue 4).
load lib

setup() {
  common_setup
  rbox run --rm --network none busybox true
}

teardown() {
  teardown_containers
  rbox rmi -af >/dev/null
}

blobs() {
  find "$RBOX_STORE/blobs/sha256" -type f | wc -l
}

# An image of one file with the text $2.
import() {
  echo "$2" >file
  tar -cf - file | rbox import - "$1" >/dev/null
}

@test "tag gives more names, untag and rmi take them; the last one takes the image" {
  rbox tag busybox mine
  rbox tag busybox registry.example/a/b:1
  [ "$(rbox images -q | sort -u | wc -l)" -eq 1 ]
  [ "$(rbox images --format '{{.Repository}}:{{.Tag}}' | tr '\n' ' ')" = "docker.io/library/busybox:latest localhost/mine:latest registry.example/a/b:1 " ]
  [ "$(rbox run --rm --network none mine echo hi)" = hi ]
  rbox untag busybox registry.example/a/b:1
  for name in u w z v y x; do # those that are equally old stand by name
    rbox tag busybox "x/$name"
  done
  [ "$(rbox images --format '{{.Repository}}' | sed -n 's,.*/x/,,p' | tr -d '\n')" = uvwxyz ]
  rbox rmi x/u x/v x/w x/x x/y x/z >/dev/null
  run rbox rmi mine
  [ "$output" = "Untagged: localhost/mine:latest" ]
  run rbox rmi busybox
  [[ "$output" == "Untagged: docker.io/library/busybox:latest"*"Deleted: sha256:"* ]]
  [ "$(blobs)" -eq 0 ]
  run rbox rmi nobody
  [ "$status" -eq 1 ]
  run rbox tag nobody other
  [ "$status" -eq 125 ]
  run rbox tag busybox 'Bad Name'
  [ "$status" -eq 125 ]
}

@test "an image of a container stays, also when its name went; the container goes on" {
  rbox run -d --network none --name c busybox sleep 1000
  run rbox rmi busybox
  [ "$status" -eq 2 ]
  [[ "$output" == *"a container has it"* ]]
  rbox tag busybox other
  rbox rmi busybox
  rbox exec c true
  rbox restart -t 0 c
  rbox rmi -f other
  rbox exec c busybox ls /bin >/dev/null
  rbox restart -t 0 c
  rbox exec c true
}

@test "run --rmi takes container and image away, unless another container has it; the status is the command's" {
  rbox tag busybox once
  run -7 rbox run --rmi --network none once sh -c 'echo out; exit 7'
  [ "$output" = out ]
  run ! rbox image exists once
  rbox image exists busybox # another name of the same
  [ -z "$(rbox ps -aq)" ]
  rbox create --name holder busybox true
  rbox run --rmi --network none busybox true
  rbox image exists busybox
  rbox rm holder
  run -127 rbox run --rmi --network none busybox no-such-command
  [ "$(blobs)" -eq 0 ]
  # A detached one takes its image away when it ends; a pipe is not held open for that.
  local id
  id=$(rbox run -d --rmi --network none busybox sleep 1000)
  rbox image exists busybox
  rbox stop -t 0 "$id"
  until_true eval '[ -z "$(rbox images -q)" ]'
  run -127 rbox run -d --rmi --network none busybox no-such-command
  [ "$(blobs)" -eq 0 ]
  run -125 rbox create --rmi busybox true
  # What was never a container takes no image away.
  rbox run --rmi --dry-run --network none busybox true >/dev/null
  rbox image exists busybox
  run -125 rbox run --rmi --network none -v /no/such:/x busybox true
  rbox image exists busybox
  import plain "a file"
  rbox create --name taken --network none busybox true
  run -125 rbox run --rmi --name taken --network none plain true
  rbox image exists plain
}

@test "a name that goes to another image leaves one without a name, which prune removes" {
  import one first
  import one second
  [ "$(rbox images -a --format '{{.Repository}}' | sort | tr '\n' ' ')" = "<none> docker.io/library/busybox localhost/one " ]
  [ "$(rbox run --rm --network none one cat /file)" = second ] || true # no shell in it
  run rbox image prune -f
  [ "$status" -eq 0 ]
  [[ "$output" == *"sha256:"*"Freed: "* ]]
  [ "$(rbox images -a --format '{{.Repository}}' | grep -c none)" -eq 0 ]
  rbox run -d --network none --name c busybox sleep 1000
  rbox image prune -af
  [ "$(rbox images --format '{{.Repository}}')" = docker.io/library/busybox ]
}

@test "history tells how it was made, newest first" {
  run rbox history busybox
  [[ "${lines[0]}" == "ID "*"CREATED BY"*"SIZE"* ]]
  [ "${#lines[@]}" -eq 3 ]
  [[ "${lines[1]}" == *"busybox and its applets"* ]]
  rbox history --format json busybox | jq -e 'length == 2'
}

@test "import -m: its comment is in the history, else podman's (issue 4)" {
  tar -cf empty.tar -T /dev/null
  local name
  rbox import -m 'from the vendor' empty.tar said
  rbox import empty.tar unsaid
  [ "$(rbox history --format '{{.Comment}}' said)" = "from the vendor" ]
  [ "$(rbox image inspect --format '{{.Comment}}' said)" = "from the vendor" ]
  [ "$(rbox history --no-trunc --format '{{.CreatedBy}}|{{.Comment}}' unsaid)" = \
    "/bin/sh -c #(nop) ADD file:$(sha256sum <empty.tar | cut -d' ' -f1) in /|imported from tarball" ]
  rbox rmi said unsaid
}

@test "what no image needs is collected, what another needs stays" {
  import one same
  local both
  both=$(blobs)
  rbox tag one two
  rbox rmi one
  [ "$(blobs)" -eq "$both" ]
  rbox rmi two
  [ "$(blobs)" -lt "$both" ]
  rbox run --rm --network none busybox true
}

@test "loads, runs, tags and removals at once: the store stays whole" {
  rbox save -o box.tar busybox
  for i in 1 2 3 4; do
    (
      for _ in 1 2 3; do
        rbox load -q -i box.tar >/dev/null || exit 1
        rbox run --rm --network none busybox true || exit 1
        rbox tag busybox "t$i" 2>/dev/null
        rbox rmi "t$i" >/dev/null 2>&1
        rbox image prune -f >/dev/null || exit 1
      done
    ) 3>&- &
    pids[i]=$!
  done
  for i in 1 2 3 4; do wait "${pids[$i]}"; done
  rbox run --rm --network none busybox true
  [ -z "$(ls "$RBOX_STORE/tmp")" ]
}

@test "save: every format keeps the digest, read by skopeo, umoci and rbox itself" {
  local digest
  rbox tag busybox other
  digest=$(rbox images --digests --format '{{.Digest}}' | sort -u)
  rbox save -o docker.tar busybox other
  rbox save --format oci-archive -o oci.tar busybox
  rbox save --format oci-dir -o layout busybox other
  rbox save --format docker-dir -o flat busybox
  [ "$(skopeo inspect oci-archive:oci.tar --format '{{.Digest}}')" = "$digest" ]
  [ "$(skopeo inspect oci:layout:localhost/other:latest --format '{{.Digest}}')" = "$digest" ]
  [ "$(skopeo inspect dir:flat --format '{{.Digest}}')" = "$digest" ]
  skopeo copy -q docker-archive:docker.tar:localhost/other:latest dir:copied
  umoci unpack --rootless --image layout:docker.io/library/busybox:latest bundle >/dev/null
  [ -x bundle/rootfs/bin/busybox ]
  for from in docker.tar oci.tar layout; do
    rbox rmi -af >/dev/null
    rbox load -q -i "$from" >/dev/null
    [ "$(rbox images --digests --format '{{.Digest}}' | sort -u)" = "$digest" ]
  done
  rbox save busybox | tar -xOf - manifest.json | jq -e '.[0].RepoTags == ["docker.io/library/busybox:latest"]'
}

@test "save checks what it saves: of a damaged blob nothing is made" {
  local blob
  rbox save -o whole.tar busybox
  blob=$(find "$RBOX_STORE/blobs/sha256" -type f -printf '%s %p\n' | sort -n | tail -1 | cut -d' ' -f2)
  chmod u+w "$blob"
  truncate -s -10 "$blob"
  for how in "-o out" "--format oci-archive -o out" "--format oci-dir -o out" "--format docker-dir -o out"; do
    # shellcheck disable=SC2086 # words
    run -125 rbox save $how busybox
    [[ "$output" == *"is damaged"*"rbox system check --repair; then load or pull the image again"* ]]
    [ ! -e out ]
  done
  mkdir out
  run -125 rbox save --format oci-dir -o out busybox
  [ -d out ]
  [ -z "$(ls out)" ]
  rbox system check --repair || true
  rbox load -i whole.tar
  rbox save -o again.tar busybox
}

@test "save of what is not there, or over what is, changes nothing" {
  echo keep >there
  mkdir full && touch full/file
  run rbox save -o there nobody
  [ "$status" -eq 125 ]
  [ "$(cat there)" = keep ]
  run rbox save --format oci-dir -o full busybox
  [ "$status" -eq 125 ]
  [ "$(ls full)" = file ]
  run rbox save --format oci-dir busybox
  [ "$status" -eq 125 ]
  [ "$(ls -A)" = $'full\nthere' ]
}

# Kill $@, which writes to file out, when it has begun.
kill_writer() {
  local pid
  "$RBOX_BUILD/rbox" "$@" 3>&- &
  pid=$!
  until_true sh -c "find /proc/$pid/fd -lname '$PWD/*' | grep -q ."
  kill -9 "$pid"
  wait "$pid" || [ $? -eq 137 ]
}

@test "save and export that are killed leave nothing; a file that is there is replaced whole (issue 4)" {
  mkdir -p root
  head -c 30M /dev/urandom >root/noise
  tar -C root -cf noise.tar .
  rbox import noise.tar noise
  rm -r root noise.tar
  mkdir out && cd out
  echo keep >there
  kill_writer save -o new noise
  kill_writer save -o there noise
  rbox create --network none --name box noise true
  kill_writer export -o there box
  rbox rm box
  [ "$(ls -A)" = there ]
  [ "$(cat there)" = keep ]
  [ -z "$(ls "$RBOX_STORE/tmp")" ]
  # Replaced by another file, and through a link.
  ln there same
  ln -s there link
  rbox save -o link noise
  [ -L link ]
  tar -tf there >/dev/null
  [ "$(cat same)" = keep ]
  [ "$(ls -A)" = $'link\nsame\nthere' ]
  rbox rmi noise
}
