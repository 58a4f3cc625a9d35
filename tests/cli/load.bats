#!/usr/bin/env bats
# users: alice bob root
# Images from other people's tools: formats in, and what a layer becomes.
load lib

setup() {
  common_setup
  make_busybox_layer
}

in_image() {
  rbox run --rm --network none "$1" sh -c "$2"
}

@test "docker-archive: layers, whiteouts, opaque folders, links, owners, setuid" {
  make_archive
  run rbox load -i archive.tar
  [ "$status" -eq 0 ]
  [[ "$output" == *"Loaded image: docker.io/test/layers:1"* ]]
  run in_image test/layers:1 'cat /keep/file /keep/hard /keep/soft /added; ls /opaque; [ -e /gone ] || echo no gone; stat -c "%a %h" /bin/suid /keep/file; stat -c %a /sticky; echo $FROM_IMAGE; pwd'
  [ "$status" -eq 0 ]
  [ "${lines[*]}" = "base base base changed new no gone 4755 1 644 2 1777 yes /keep" ]
  if ! is_user bob; then
    run in_image test/layers:1 'stat -c %u:%g /owned-file'
    [ "${lines[-1]}" = 33:44 ]
  fi
}

@test "compressed archives are known by content, from a file and from standard input" {
  make_archive
  gzip -c archive.tar >archive.wrong-name
  run rbox load -i archive.wrong-name
  [ "$status" -eq 0 ]
  zstd -q -c archive.tar >archive.zst
  run rbox load <archive.zst
  [ "$status" -eq 0 ]
  run in_image test/layers:1 'cat /added'
  [ "$output" = changed ]
}

@test "OCI archives and layouts of skopeo; run takes them as they are" {
  make_archive
  skopeo copy -q docker-archive:archive.tar oci-archive:oci.tar:test/oci:1
  skopeo copy -q docker-archive:archive.tar oci:layout:tag
  run rbox load -i oci.tar
  [ "$status" -eq 0 ]
  run in_image test/oci:1 'cat /added'
  [ "$output" = changed ]
  local name
  for name in docker-archive:archive.tar oci-archive:oci.tar oci:layout:tag oci:layout ./archive.tar ./layout; do
    run in_image "$name" 'cat /added'
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = changed ]
  done
}

@test "other tools read the store, and the digests are what was loaded" {
  make_archive
  skopeo copy -q docker-archive:archive.tar oci-archive:oci.tar:docker.io/test/digest:1
  rbox load -i oci.tar
  skopeo copy -q oci-archive:oci.tar:docker.io/test/digest:1 dir:before
  skopeo copy -q "oci:$RBOX_STORE:docker.io/test/digest:1" dir:after
  cmp before/manifest.json after/manifest.json
}

@test "import: a tarball becomes an image of this machine" {
  run rbox import busybox.tar imported
  [ "$status" -eq 0 ]
  [[ "${lines[-1]}" =~ ^sha256:[0-9a-f]{64}$ ]]
  run rbox run --rm --network none imported /bin/sh -c 'echo in'
  [ "${lines[-1]}" = in ]
  run rbox images
  [[ "$output" == *localhost/imported* ]]
  run rbox rmi imported
  [ "$status" -eq 0 ]
  run rbox run --rm --network none --pull never imported true
  [ "$status" -eq 125 ]
}

@test "file capabilities come through" {
  is_user root || not_for bob "he has one id only"
  mkdir caps && cp bb/bin/busybox caps/ping
  cp busybox.tar with-caps.tar
  python3 - <<'PY'
import io, tarfile
with tarfile.open("with-caps.tar", "a", format=tarfile.PAX_FORMAT) as t:
    info = tarfile.TarInfo("bin/capable")
    data = open("caps/ping", "rb").read()
    info.size, info.mode = len(data), 0o755
    # VFS_CAP_REVISION_2 with effective, CAP_NET_RAW permitted
    value = bytes.fromhex("0100000200200000000000000000000000000000")
    info.pax_headers = {"SCHILY.xattr.security.capability": value.decode("latin-1")}
    t.addfile(info, io.BytesIO(data))
PY
  rbox import with-caps.tar capable
  rbox unshare getcap -r "$RBOX_STORE/layers" | grep -q 'capable.*cap_net_raw' ||
    getcap -n -r "$RBOX_STORE/layers" | grep -q 'capable.*cap_net_raw'
}

@test "layers are unpacked side by side: the same one twice, and a bad one among good ones" {
  make_layers
  local n list='' ids=''
  export RBOX_STORE=$BATS_TEST_TMPDIR/store
  for n in 1 2 3 4 5 6; do
    mkdir -p "part$n" && echo "$n" >"part$n/file$n"
    tar -C "part$n" --owner=0 --group=0 -cf "part$n.tar" "file$n"
  done
  for n in busybox base part1 part2 part1 part3 part4 part5 part6; do
    ids+="\"sha256:$(sha256sum <"$n.tar" | cut -d' ' -f1)\","
    list+="\"$n.tar\","
  done
  printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[%s]}}' "${ids%,}" >config.json
  printf '[{"Config":"config.json","RepoTags":["test/many:1"],"Layers":[%s]}]' "${list%,}" >manifest.json
  tar -cf many.tar config.json manifest.json busybox.tar base.tar part?.tar
  rbox load -q -i many.tar
  [ "$(in_image test/many:1 'cat /file? | tr -d "\n"')" = 123456 ]
  rbox rmi test/many:1
  # The fourth is not what the config says.
  sed -i "s/$(sha256sum <part2.tar | cut -d' ' -f1)/$(sha256sum <manifest.json | cut -d' ' -f1)/" config.json
  tar -cf bad.tar config.json manifest.json busybox.tar base.tar part?.tar
  run rbox load -i bad.tar
  [ "$status" -eq 125 ]
  [ "${#lines[@]}" -eq 1 ]
  [[ "$output" == *"cannot unpack layer"*"the layer's content is sha256:$(sha256sum <part2.tar | cut -d' ' -f1)"* ]]
  run rbox image exists test/many:1
  [ "$status" -eq 1 ]
}

@test "broken archives: one line, nothing left, and the store works" {
  make_archive
  run rbox load </dev/null
  [ "$status" -eq 125 ]
  [ "$output" = $'rbox: the archive is empty\n  hint: image archives are made by docker save, podman save, rbox save' ]
  local file
  head -c 20000 archive.tar >truncated.tar
  head -c 100000 /dev/urandom >noise.tar
  : >empty.tar
  tar -cf no-manifest.tar base.tar
  sed 's/sha256:[0-9a-f]\{8\}/sha256:00000000/' config.json >c && mv c config.json
  tar -cf wrong-diff.tar config.json manifest.json busybox.tar base.tar change.tar
  for file in truncated noise empty no-manifest wrong-diff; do
    run rbox load -i $file.tar
    [ "$status" -eq 125 ]
    [[ "${lines[0]}" == rbox:* ]]
    assert_no_leftovers
  done
  run rbox load -i no/such/file
  [ "$status" -eq 125 ]
  rbox run --rm --network none busybox true
}

@test "what is no image archive: what it seems to be, and the command that takes it (issue 4)" {
  local name what hint
  mkdir -p root/etc zeros
  echo 'a b' >root/etc/file
  mkfifo root/fifo
  tar -C root -cf root.tar etc
  gzip -k root.tar
  tar -C root -cf fifo.tar .
  head -c 300 root.tar >short.tar
  head -c 1000 root.tar.gz | head -c 90 >cut.gz
  echo '<!DOCTYPE html><title>404</title>' >page
  gzip -c page >page.gz
  gzip -c page.gz >page.gz.gz
  echo '{"errors": []}' >answer.json
  echo 'just text' >text
  python3 -c 'import zipfile; zipfile.ZipFile("zip", "w").writestr("a", "b")'
  : >empty
  while IFS='|' read -r name what hint; do
    for how in "-i $name" "-i docker-archive:$name" "<"; do
      if [ "$how" = "<" ]; then
        run -125 bash -c "'$RBOX_BUILD/rbox' load <$name"
      else
        # shellcheck disable=SC2086 # words
        run -125 rbox load $how
        [[ "${lines[0]}" == "rbox: '$name': "* ]]
      fi
      [[ "${lines[0]}" == *"$what" ]]
      if [ "$hint" = import ]; then
        [ "${lines[1]}" = "  hint: rbox import $([ "$how" = "<" ] && echo - || echo $name) NAME, if it is a tarball of a root file system" ]
      elif [ "$hint" = save ]; then
        [ "${lines[1]}" = "  hint: image archives are made by docker save, podman save, rbox save" ]
      fi
    done
  done <<'END'
root.tar|: the archive has neither manifest.json nor index.json: not an image|import
root.tar.gz|: the archive has neither manifest.json nor index.json: not an image|import
fifo.tar|: 'fifo' in the archive is not a regular file: not an image|import
short.tar|: the archive ends in its first header|save
cut.gz|: cannot read the archive: truncated gzip input|
page|: not a tar archive, but a web page|save
page.gz|: not a tar archive, but a web page|save
page.gz.gz|: not a tar archive, but something that is compressed twice|save
answer.json|: not a tar archive, but a JSON document|save
text|: not a tar archive|save
zip|: not a tar archive, but a zip archive|save
empty|: the archive is empty|save
END
  run -125 rbox import page.gz page
  [[ "$output" == *": not a tar archive, but a web page" ]]
  # The hint works.
  rbox import root.tar.gz rooted
  rbox rmi rooted
  run -125 rbox load -i root
  [[ "${lines[1]}" == "  hint: tar -C root -c . | rbox import - NAME"* ]]
}

@test "a plain layer is kept compressed, a blob of a layout as it came; ids and digests come back" {
  make_archive
  export RBOX_STORE=$BATS_TEST_TMPDIR/kept-store
  rbox load -q -i archive.tar
  local id blob
  id=$(sha256sum <config.json | cut -d' ' -f1)
  [ "$(rbox images -q --no-trunc)" = "sha256:$id" ]
  for blob in "$RBOX_STORE"/blobs/sha256/*; do
    if [ "$(head -c 1 "$blob")" = '{' ]; then continue; fi
    gzip -t <"$blob"
  done
  rbox save -q -o saved.tar test/layers:1
  [ "$(skopeo inspect --raw --config docker-archive:saved.tar | sha256sum | cut -d' ' -f1)" = "$id" ]
  [ "$(tar -xOf saved.tar manifest.json | jq -r '.[0].Layers[1]' | xargs tar -xOf saved.tar | gzip -dc | sha256sum)" = "$(sha256sum <base.tar)" ]
  # Once more, from the same bytes in other pieces: the same digest.
  digest=$(rbox images --digests --format '{{.Digest}}')
  rbox rmi -af >/dev/null
  gzip -c archive.tar | rbox load -q
  [ "$(rbox images --digests --format '{{.Digest}}')" = "$digest" ]
  rbox rm-tree "$RBOX_STORE"
}

@test "a plain layer of a layout is kept as it came" {
  skopeo copy --help | grep -q dest-decompress || skip "this skopeo makes no such layout"
  make_archive
  export RBOX_STORE=$BATS_TEST_TMPDIR/plain-store
  skopeo copy -q --dest-decompress docker-archive:archive.tar oci-archive:plain.tar:docker.io/test/plain:1
  rbox load -q -i plain.tar
  [ "$(rbox images --digests --format '{{.Digest}}')" = "$(skopeo inspect --format '{{.Digest}}' oci-archive:plain.tar)" ]
  rbox rm-tree "$RBOX_STORE"
}

@test "layers compressed in every way, gzip of several members too" {
  make_layers
  local kind id
  export RBOX_STORE=$BATS_TEST_TMPDIR/packed-store
  (head -c 5000 base.tar | gzip && tail -c +5001 base.tar | gzip) >base.gz
  xz -c base.tar >base.xz
  zstd -q -c base.tar >base.zst
  bzip2 -c base.tar >base.bz2
  printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s","sha256:%s"]}}' \
    "$(sha256sum <busybox.tar | cut -d' ' -f1)" "$(sha256sum <base.tar | cut -d' ' -f1)" >config.json
  for kind in gz xz zst bz2; do
    printf '[{"Config":"config.json","RepoTags":["test/%s:1"],"Layers":["busybox.tar","base.%s"]}]' $kind $kind >manifest.json
    tar -cf packed.tar config.json manifest.json busybox.tar base.$kind
    rbox load -q -i packed.tar
    [ "$(in_image test/$kind:1 'cat /keep/soft')" = base ]
    rbox rmi -af >/dev/null
  done
  rbox rm-tree "$RBOX_STORE"
}

@test "no file of an archive comes into a layer that is unpacked beside it" {
  make_archive
  mkdir -p layers/1/d layers/2/d files
  echo planted | tee layers/1/d/planted layers/2/d/planted files/planted known >/dev/null
  export RBOX_STORE=$BATS_TEST_TMPDIR/planted-store
  tar -rf archive.tar layers files known
  rbox load -q -i archive.tar
  [[ "$(in_image test/layers:1 'ls / | tr "\n" " "')" == *added* ]]
  [[ "$(in_image test/layers:1 'ls / | tr "\n" " "')" != *planted* ]]
  [ -z "$(rbox unshare find "$RBOX_STORE" -name planted 2>/dev/null || find "$RBOX_STORE" -name planted)" ]
  rbox rm-tree "$RBOX_STORE"
}

@test "a load unpacks its layers while it reads them, and no layer once more from its blob" {
  make_archive
  skopeo copy -q docker-archive:archive.tar oci-archive:oci.tar:docker.io/test/layers:1
  gzip -c archive.tar >archive.tar.gz
  mkdir counting
  chmod 755 "$BATS_RUN_TMPDIR" # to root's ids
  printf '#!/bin/sh\necho "$1" >>"%s/calls"\nexec "%s/rbox-unpack" "$@"\n' "$PWD" "$RBOX_BUILD" >counting/rbox-unpack
  chmod 755 counting/rbox-unpack
  local archive
  for archive in archive.tar archive.tar.gz oci.tar; do
    export RBOX_STORE=$BATS_TEST_TMPDIR/store-of-$archive
    install -m 666 /dev/null calls
    RBOX_LIBEXEC=$PWD/counting rbox load -q -i $archive
    [ "$(grep -c spool calls)" -eq 1 ]
    [ "$(grep -c layer calls)" -eq 0 ]
    [ "$(ls "$RBOX_STORE"/layers/*/key | wc -l)" -eq 3 ]
    rbox rm-tree "$RBOX_STORE"
  done
}

@test "what images of the store have is not unpacked again; what they lack by name is" {
  make_archive
  gzip -c base.tar >base.gz
  mkdir apart again
  chmod 777 apart again
  tar -cf named.tar --transform "s,base.gz,blobs/sha256/$(sha256sum <base.gz | cut -d' ' -f1)," base.gz busybox.tar
  sha256sum <base.gz | cut -d' ' -f1 >again/known
  (cd apart && rbox unshare "$RBOX_BUILD/rbox-unpack" spool --squash <../named.tar) >first
  (cd again && rbox unshare "$RBOX_BUILD/rbox-unpack" spool --squash known <../named.tar) >second
  [ "$(grep -c ^unpacked first)" -eq 2 ]
  [ "$(grep -c ^unpacked second)" -eq 1 ]
  [ "$(grep -v ^unpacked first)" = "$(grep -v ^unpacked second)" ]
  rbox rm-tree "$PWD/apart"
  rbox rm-tree "$PWD/again"
}

@test "a load takes memory for a window, not for a layer" {
  export RBOX_STORE=$BATS_TEST_TMPDIR/large-store
  mkdir large
  head -c 100M /dev/zero >large/large
  tar -C large --owner=0 --group=0 -cf layer.tar large
  umoci init --layout layout
  umoci new --image layout:1
  umoci raw add-layer --image layout:1 layer.tar
  skopeo copy -q oci:layout:1 docker-archive:image.tar:test/large:1
  gzip -1k image.tar
  # 64 MB, and what the compression itself asks for: windows of 64 MB (xz -9) and 128 MB (zstd -22).
  "$RBOX_TESTS/tools/peak" 65536 "$RBOX_BUILD/rbox" load -q -i image.tar.gz
  rbox rmi -a
  zstd -q --ultra -22 image.tar -o image.tar.zst
  "$RBOX_TESTS/tools/peak" $((65536 + 131072)) "$RBOX_BUILD/rbox" load -q -i image.tar.zst
  rbox rmi -a
  xz -9 image.tar
  "$RBOX_TESTS/tools/peak" $((65536 + 65536)) "$RBOX_BUILD/rbox" load -q -i image.tar.xz
  rbox rm-tree "$RBOX_STORE"
}

@test "a layer that wants out stays in" {
  python3 - <<'PY'
import io, tarfile
def entry(name, kind=tarfile.REGTYPE, link="", data=b"evil"):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    info.size = len(data) if kind == tarfile.REGTYPE else 0
    return info, io.BytesIO(data) if kind == tarfile.REGTYPE else None
cases = {
    "dotdot": [entry("../evil")],
    "deep": [entry("a/../../evil")],
    "hard": [entry("h", tarfile.LNKTYPE, "../../../../etc/passwd")],
}
inside = {
    "absolute": [entry("/evil")],
    "soft": [entry("out", tarfile.SYMTYPE, "/tmp"), entry("out/evil-soft")],
    "climb": [entry("up", tarfile.SYMTYPE, "../../../../../../tmp"), entry("up/evil-climb")],
    "device": [entry("dev-null", tarfile.CHRTYPE), entry("ok")],
}
for name, entries in {**cases, **inside}.items():
    with tarfile.open(name + ".tar", "w") as t:
        for info, data in entries:
            t.addfile(info, data)
PY
  local name
  for name in dotdot deep hard; do
    run rbox import $name.tar evil
    [ "$status" -eq 125 ]
    assert_no_leftovers
  done
  for name in absolute soft climb device; do
    run rbox import $name.tar evil-$name
    [ "$status" -eq 0 ]
  done
  [ ! -e /evil ]
  [ ! -e /tmp/evil-soft ]
  [ ! -e /tmp/evil-climb ]
}

# The processes below $1 that are rbox-unpack's.
unpackers() {
  local pid
  for pid in $(pgrep -P "$1"); do
    if [[ "$(tr '\0' ' ' <"/proc/$pid/cmdline")" == */rbox-unpack\ spool* ]]; then
      echo "$pid"
    fi
    unpackers "$pid"
  done
}

three_unpackers() {
  mapfile -t pids < <(unpackers "$loader")
  [ "${#pids[@]}" -eq 3 ] && [[ "$(readlink "/proc/${pids[2]}/root")" == */layers/1/d ]]
}

@test "what reads an archive is locked in: its own root, no program, no socket, no mount" {
  local loader pid root
  local -a pids
  head -c 3000000 /dev/zero >big
  tar -cf layer.tar big
  tar -cf image.tar layer.tar
  mkfifo slow
  "$RBOX_BUILD/rbox" load -i slow 3>&- &
  loader=$!
  exec 5>slow
  head -c 2000000 image.tar >&5
  # One reads, one makes the processes for layers, one has a layer under way.
  until_true three_unpackers
  for pid in "${pids[@]}"; do
    until_true grep -q '^Seccomp:.*2' "/proc/$pid/status"
    grep -q '^NoNewPrivs:.*1' "/proc/$pid/status"
    root=$(readlink "/proc/$pid/root")
    [[ "$root" == */tmp/load-* ]]
    [ "$(readlink "/proc/$pid/cwd")" = "$root" ] || [ "$(readlink "/proc/$pid/cwd")" = "$root/layers" ]
  done
  # Who parses the layer has neither the archive nor what is believed.
  for pid in "${pids[@]:1}"; do
    [ "$(readlink "/proc/$pid/fd/0")" = /dev/null ]
    [ "$(readlink "/proc/$pid/fd/1")" = /dev/null ]
  done
  exec 5>&-
  wait "$loader" || true
}

@test "a folder of skopeo's dir: transport, by load and by run; the digests are the same" {
  export RBOX_STORE=$BATS_TEST_TMPDIR/flat-store
  skopeo copy -q "docker-archive:$RBOX_BUILD/images/busybox.tar" dir:flat
  run rbox load -i flat
  [ "$status" -eq 0 ]
  [ "$(rbox run --rm --network none dir:flat echo flat 2>/dev/null)" = flat ]
  id=${output##*sha256:}
  [ "$(rbox image inspect --format '{{.Digest}}' "$id")" = "sha256:$(sha256sum flat/manifest.json | cut -d' ' -f1)" ]
  echo x >>"flat/$(jq -r '.layers[0].digest' flat/manifest.json | cut -d: -f2)"
  RBOX_STORE=$BATS_TEST_TMPDIR/other run rbox load -i flat
  [ "$status" -eq 125 ]
  [[ "$output" == *"has the content of"* ]]
  rm -rf "$BATS_TEST_TMPDIR/other"
  rbox rm-tree "$RBOX_STORE"
}

@test "a name in an archive ends no message, and begins no other" {
  python3 -c 'import tarfile; tarfile.open("message.tar", "w").addfile(tarfile.TarInfo("../x\n28 all is well"))'
  run -125 rbox import message.tar evil
  [ "${#lines[@]}" -eq 1 ]
  [[ "$output" == *"an entry '../x\x0a28 all is well' that leads out of it"* ]]
}

@test "what is no image is named" {
  mkdir -p no/image
  echo text >no/text
  : >no/empty
  tar -C no -cf no/root.tar text
  while read -r name words; do
    run -125 rbox load -i "$name"
    [[ "$output" == *"'$name'"*"$words"* ]]
  done <<'END'
no/text not a tar archive
no/empty the archive is empty
no/root.tar neither manifest.json nor index.json
no/image has neither index.json nor manifest.json
no/thing No such file or directory
END
  run -125 rbox import no/image here
  [ "$output" = "rbox: 'no/image' is a folder"$'\n'"  hint: tar -C no/image -c . | rbox import - NAME" ]
  skopeo copy -q "docker-archive:$RBOX_BUILD/images/busybox.tar" oci:tagged:one
  skopeo copy -q oci:tagged:one oci:tagged:two
  run -125 rbox load -i oci:tagged:three
  [ "$output" = "rbox: the layout has no image 'three'"$'\n'"  hint: one of these: one, two" ]
  run -125 rbox import no/text here
  [[ "$output" == *"'no/text'"*": not a tar archive" ]]
}

@test "a link in an archive has a target as long as names are, and no longer" {
  python3 - <<'PY'
import tarfile
for name, bytes_ in (("long.tar", 4097), ("longest.tar", 4096)):
    info = tarfile.TarInfo("l")
    info.type, info.linkname = tarfile.SYMTYPE, "x" * bytes_
    with tarfile.open(name, "w", format=tarfile.PAX_FORMAT) as t:
        t.addfile(info)
PY
  run -125 rbox load -i long.tar
  [[ "$output" == *"the link 'l' in the archive has a target of 4097 bytes"* ]]
  run -125 rbox load -i longest.tar
  [[ "$output" == *"neither manifest.json nor index.json"* ]]
}

@test "a layer of 2 000 folders in each other goes as it came" {
  ulimit -Sn 1024 # as it is for most
  export RBOX_STORE=$BATS_TEST_TMPDIR/deep-store
  python3 - <<'PY'
import io, tarfile
info = tarfile.TarInfo("d/" * 2000 + "file")
info.size = 4
with tarfile.open("deep.tar", "w", format=tarfile.PAX_FORMAT) as t:
    t.addfile(info, io.BytesIO(b"deep"))
PY
  rbox import deep.tar deep
  [ -n "$(rbox unshare find "$RBOX_STORE/layers" -path "*/d/d/d/*" -name file 2>/dev/null || find "$RBOX_STORE/layers" -path '*/d/d/d/*' -name file)" ]
  rbox rmi deep
  [ -z "$(ls "$RBOX_STORE/layers" "$RBOX_STORE/tmp" | grep -v :)" ]
  [ ! -e "$RBOX_STORE/trash" ]
  rbox rm-tree "$RBOX_STORE"
}

# liar MANIFEST: a folder for RBOX_LIBEXEC whose rbox-unpack puts that down, and says what is on standard input.
liar() {
  mkdir -p liar
  chmod 755 "$BATS_RUN_TMPDIR" # to root's ids, which run it
  cat >liar/said
  printf '%s' "$1" >liar/manifest
  printf '#!/bin/sh\nmkdir -p files/deep layers\ncat %s >files/manifest.json\ncat %s\n' "$PWD/liar/manifest" "$PWD/liar/said" >liar/rbox-unpack
  chmod 755 liar/rbox-unpack
}

@test "what rbox-unpack says moves no file but its own, and to no place but a blob's" {
  local hex said
  echo mine >"$RBOX_STORE/mine"
  head -c 2000 /dev/zero >any.tar
  hex=$(sha256sum <any.tar | cut -d' ' -f1)
  # A digest that is a path, one that is none, a line that is nothing.
  for said in "../../taken 5 manifest.json" "${hex^^} 5 manifest.json" "$hex 5 manifest.json
unpacked 1 ../../taken 0" "$hex"; do
    liar '[{"Config":"manifest.json","RepoTags":["test/lie:1"],"Layers":[]}]' <<<"$said"
    RBOX_LIBEXEC=$PWD/liar run -125 rbox load -i any.tar
    [[ "$output" == *"rbox-unpack said something else"* ]]
    [ ! -e "$RBOX_STORE/taken" ]
    assert_no_leftovers
  done
  # A name that leads out of the archive's files.
  for said in ../../../mine deep/../../../../mine deep/..; do
    liar "[{\"Config\":\"$said\",\"RepoTags\":[\"test/lie:1\"],\"Layers\":[]}]" <<<"$hex 5 $said
$hex 5 manifest.json"
    RBOX_LIBEXEC=$PWD/liar run -125 rbox load -i any.tar
    [ "$(cat "$RBOX_STORE/mine")" = mine ]
    [ ! -e "$RBOX_STORE/blobs/sha256/$hex" ]
    assert_no_leftovers
  done
  rm "$RBOX_STORE/mine"
}
