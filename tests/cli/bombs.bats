#!/usr/bin/env bats
# users: alice bob root
# Images that want more of the disk than they may have: few bytes that become many, be it in one file
# or in very many.
load lib

# Refused for what it unpacks to, in one line and with the way out; nothing of it is left.
too_big() {
  run -125 rbox "$@"
  [[ "${lines[0]}" == *"unpacks to more than "* ]]
  [[ "${lines[1]}" == "  hint: "*"--max-size"* ]]
  [ "${#lines[@]}" -eq 2 ]
  [ -z "$(ls "$RBOX_STORE/tmp" "$RBOX_STORE/layers" "$RBOX_STORE/blobs/sha256" | grep -v :)" ]
}

@test "what unpacks to more than --max-size is refused (issue 4)" {
  local n
  export RBOX_STORE=$BATS_TEST_TMPDIR/store
  for n in 1 2 3; do
    mkdir -p "zero$n"
    head -c 4M /dev/zero >"zero$n/zeros$n"
    tar -C "zero$n" --owner=0 --group=0 -cf "zero$n.tar" "zeros$n"
    gzip -k "zero$n.tar"
  done
  too_big import --max-size 3m zero1.tar.gz bomb
  too_big import --max-size 3m zero1.tar bomb
  rbox import --max-size 5m zero1.tar.gz fine
  rbox rmi fine
  # The layers together, compressed or not, in an archive or a folder, unpacked by one process or side by side.
  umoci init --layout three
  umoci new --image three:1
  for n in 1 2 3; do
    umoci raw add-layer --image three:1 "zero$n.tar"
  done
  skopeo copy -q oci:three:1 oci-archive:three.oci:test/three
  skopeo copy -q oci:three:1 docker-archive:three.tar:test/three:1
  for n in three.oci three.tar three; do
    too_big load --max-size 11m -i "$n"
    rbox load -q --max-size 14m -i "$n"
    [ "$(rbox images -q | wc -l)" -eq 1 ]
    rbox rmi -a
  done
  # What came before counts, to the byte; and compressed bytes that nothing comes out of.
  too_big load --max-size $((2 * $(stat -c %s zero1.tar))) -i three
  mkdir hollow
  python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex("1f8b080000000000000303000000000000000000") * 60000)' >hollow/layer.tar
  tar -C hollow -cf - layer.tar | gzip >hollow.tar.gz
  too_big load --max-size 1m -i hollow.tar.gz
  run -125 rbox load --max-size 1x -i three
  [[ "$output" == *"--max-size: '1x' is not a size"* ]]
}

# An archive of little that is much on a disk: bomb KIND COUNT FILE.
bomb() {
  python3 - "$@" <<'END'
import io, sys, tarfile

kind, count, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def entry(name, data=b"", **attributes):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in attributes.items():
        setattr(info, key, value)
    archive.addfile(info, io.BytesIO(data))


with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
    if kind == "sparse":  # of every block one byte
        pieces = f"{count}\n" + "".join(f"{n * 4096}\n1\n" for n in range(count))
        data = pieces.encode().ljust(-(-len(pieces) // 512) * 512, b"\0") + b"x" * count
        entry("GNUSparseFile.0/sparse", data, pax_headers={
            "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "sparse",
            "GNU.sparse.realsize": str(count * 4096)})
    for n in range(count if kind != "sparse" else 0):
        if kind == "tiny":
            entry(f"tiny{n}", b"x")
        elif kind == "empty":
            entry(f"empty{n}")
        elif kind == "folders":
            entry(f"folder{n}", type=tarfile.DIRTYPE, mode=0o755)
        elif kind == "missing":  # folders that have no entry
            entry(f"{n}/" + "a/" * 500 + "file")
        elif kind == "links":
            entry(f"link{n}", type=tarfile.SYMTYPE, linkname="x" * 90)
END
}

# image.tar: a docker-archive of the layers given.
image_of() {
  local layer ids='' names=''
  for layer in "$@"; do
    ids+="\"sha256:$(sha256sum <"$layer" | cut -d' ' -f1)\","
    names+="\"$layer\","
  done
  printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[%s]}}' "${ids%,}" >config.json
  printf '[{"Config":"config.json","RepoTags":["test/bomb:1"],"Layers":[%s]}]' "${names%,}" >manifest.json
  tar -cf image.tar config.json manifest.json "$@"
}

@test "very many tiny files, folders, links and pieces of files count as what they take of the disk (issue 4)" {
  local kind taken
  local -A count=([tiny]=500 [folders]=500 [links]=500 [missing]=1 [sparse]=500)
  export RBOX_STORE=$BATS_TEST_TMPDIR/store
  for kind in "${!count[@]}"; do
    bomb "$kind" "${count[$kind]}" "$kind.tar"
    [ "$(stat -c %s "$kind.tar")" -lt 900000 ] # so much as a stream
    image_of "$kind.tar"
    too_big load --max-size 1900000 -i image.tar
  done
  too_big import --max-size 1900000 tiny.tar bomb
  # All layers together.
  image_of tiny.tar folders.tar links.tar missing.tar sparse.tar
  too_big load --max-size 9m -i image.tar
  rbox load -q --max-size 12m -i image.tar
  taken=$(du -s --block-size=1 "$RBOX_STORE/layers" | cut -f1)
  echo "taken: $taken"
  [ "$taken" -gt $((9 << 20)) ]
  [ "$taken" -lt $((12 << 20)) ]
}

@test "what is no image takes no more than one while that is found out (issue 4)" {
  export RBOX_STORE=$BATS_TEST_TMPDIR/store
  bomb missing 1 missing.tar
  too_big load --max-size 1900000 -i missing.tar
  bomb tiny 500 tiny.tar
  too_big load --max-size 1900000 -i tiny.tar
  # Without an end.
  run -125 bash -c '"$RBOX_BUILD/rbox" import --max-size 1m - endless </dev/zero'
  [[ "${lines[0]}" == *"the image unpacks to more than the 1048576 bytes of --max-size" ]]
  [ -z "$(ls "$RBOX_STORE/tmp" "$RBOX_STORE/blobs/sha256" | grep -v :)" ]
}

@test "what would take nearly all files that a disk can hold is refused, before it can hold none (issue 4)" {
  is_user root || skip "only root can mount a small file system, in a namespace of its own"
  bomb empty 2000 empty.tar
  run unshare -m --propagation private bash -c 'mount -t tmpfs -o size=100m,nr_inodes=1500 none /mnt && mkdir -m 700 /mnt/s && export RBOX_STORE=/mnt/s
    "$RBOX_BUILD/rbox" import empty.tar bomb; echo "status $?"; ls /mnt/s/tmp; df --output=iused /mnt | tail -1'
  [[ "${lines[0]}" == *"more than nine tenths of what is free, in bytes or in files, on the disk of the store '/mnt/s'" ]]
  [[ "${lines[1]}" == "  hint: rbox system prune, or --root DIR"*"--max-size"* ]]
  [ "${lines[2]}" = "status 125" ]
  [ "${lines[3]}" -lt 100 ]
  bomb empty 1000 empty.tar
  run -0 unshare -m --propagation private bash -c 'mount -t tmpfs -o size=100m,nr_inodes=1500 none /mnt && mkdir -m 700 /mnt/s && export RBOX_STORE=/mnt/s
    "$RBOX_BUILD/rbox" import empty.tar fine'
}
