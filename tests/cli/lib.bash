# Shared by the command line tests. Each file: `load lib` at its top, setup and teardown from here
# unless it has its own (then it calls common_setup and common_teardown).
#
# RBOX_BUILD  the build under test        RBOX_STORE  a store of this file's own
# RBOX_TESTS  tests/ of the tree          RBOX_TEST_USER  alice, bob or root

bats_require_minimum_version 1.5.0

rbox() {
  "$RBOX_BUILD/rbox" "$@"
}

# Run a shell script in a busybox container without network: the quickest look from inside.
inside() {
  rbox run --rm --network none busybox sh -c "$1"
}

is_user() {
  [ "$RBOX_TEST_USER" = "$1" ]
}

# Skip a test whose reason lies in the machine or in what the user is.
not_for() {
  local user=$1
  shift
  if is_user "$user"; then
    skip "$*"
  fi
}

# The host ids of the test's user and of container user 1.
host_uid() {
  id -u
}

# The host's pid of the supervisor of running container $1.
supervisor_of() {
  awk '/^PPid:/ {print $2}' "/proc/$(rbox inspect --format '{{.State.Pid}}' "$1")/status"
}

# What every test must leave: no running container, no mount, nothing half-made.
assert_no_leftovers() {
  local run tmp
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    run=$(find "$RBOX_STORE/run" -mindepth 2 2>/dev/null)
    [ -n "$run" ] || break
    sleep 0.1
  done
  if [ -n "$run" ]; then
    echo "left in run/: $run" >&2
    return 1
  fi
  tmp=$(find "$RBOX_STORE/tmp" -mindepth 1 -maxdepth 1 2>/dev/null)
  if [ -n "$tmp" ]; then
    echo "left in tmp/: $tmp" >&2
    return 1
  fi
  if grep -q "$RBOX_STORE" /proc/self/mountinfo; then
    echo "left mounted: $(grep "$RBOX_STORE" /proc/self/mountinfo)" >&2
    return 1
  fi
}

# Is the kernel Linux $1.$2 or later?
kernel_is() {
  [ "$(printf '%s\n' "$1.$2" "$(uname -r)" | sort -V | head -1)" = "$1.$2" ]
}

# Wait until a command succeeds.
until_true() {
  for _ in $(seq 200); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.05
  done
  echo "never true: $*" >&2
  return 1
}

# Put the bundled image's static busybox at $1: the host need not have one.
install_busybox() {
  rbox run --rm --network none busybox true
  install -m 755 "$(find "$RBOX_STORE/layers" -path '*/d/bin/busybox' -type f | head -1)" "$1"
}

# busybox.tar: a layer with a shell.
make_busybox_layer() {
  local applet
  mkdir -p bb/bin
  install_busybox bb/bin/busybox
  for applet in sh ls cat stat readlink find env pwd; do
    ln -sf busybox bb/bin/$applet
  done
  tar -C bb --owner=0 --group=0 -cf busybox.tar .
}

# Two layers made by hand: base, and one that changes it.
make_layers() {
  mkdir -p base/keep base/gone base/opaque base/bin change/opaque
  echo base >base/keep/file
  chmod 644 base/keep/file # whatever the umask
  ln base/keep/file base/keep/hard
  ln -s file base/keep/soft
  echo old >base/gone/file
  echo hidden >base/opaque/old
  printf '#!/bin/true\n' >base/bin/suid
  chmod 4755 base/bin/suid
  mkdir -p base/sticky && chmod 1777 base/sticky
  touch change/.wh.gone change/opaque/.wh..wh..opq
  echo new >change/opaque/new
  echo changed >change/added
  tar -C base --owner=0 --group=0 --transform 's,^\./,,' -cf base.tar .
  # A second owner, and a file of its own.
  mkdir owned && echo mine >owned/owned-file
  tar -C owned --owner=33 --group=44 -rf base.tar ./owned-file
  tar -C change --owner=0 --group=0 -cf change.tar .
}

# archive.tar: a docker-archive of them, test/layers:1, on busybox.tar.
make_archive() {
  make_layers
  printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sh"],"Env":["FROM_IMAGE=yes"],"WorkingDir":"/keep"},"rootfs":{"type":"layers","diff_ids":["sha256:%s","sha256:%s","sha256:%s"]}}' \
    "$(sha256sum busybox.tar | cut -d' ' -f1)" "$(sha256sum base.tar | cut -d' ' -f1)" \
    "$(sha256sum change.tar | cut -d' ' -f1)" >config.json
  printf '[{"Config":"config.json","RepoTags":["test/layers:1"],"Layers":["busybox.tar","base.tar","change.tar"]}]' >manifest.json
  tar -cf archive.tar config.json manifest.json busybox.tar base.tar change.tar
}

containers_now() {
  find "$RBOX_STORE/containers" "$RBOX_STORE/names" -mindepth 1 -maxdepth 1 2>/dev/null | sort || true
}

# For tests that keep no container: there are as many as at its beginning.
assert_no_containers() {
  local now
  now=$(containers_now)
  if [ "$now" != "$containers_before" ]; then
    echo "containers before: $containers_before, now: $now" >&2
    return 1
  fi
}

common_setup() {
  cd "$BATS_TEST_TMPDIR" || return 1
  # No test asks the world for an image: a name without a registry is looked for where nobody answers.
  export RBOX_DEFAULT_REGISTRY=127.0.0.1:9
  # What bob is told once is told before, or it would come into some test's output.
  if [ ! -e "$RBOX_STORE/told-one-id" ]; then
    mkdir -p -m 700 "$RBOX_STORE"
    : >"$RBOX_STORE/told-one-id"
  fi
  containers_before=$(containers_now)
}

common_teardown() {
  assert_no_leftovers
}

# For files whose tests keep containers.
teardown_containers() {
  rbox rm -afv >/dev/null
  common_teardown
}

setup() {
  common_setup
}

teardown() {
  common_teardown
}
