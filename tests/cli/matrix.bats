#!/usr/bin/env bats
# users: root
# What each lack of a host does to each kind of command (issue 3): each row breaks one thing in a mount namespace
# of its own and runs every column there as a normal user. matrix.txt has what must come out; on a difference the
# new table is printed.
load lib

export ALICE=${RBOX_MATRIX_ALICE:-rbox-alice} BOB=${RBOX_MATRIX_BOB:-rbox-bob}

# A cell: ok; ok+RBX-n, it worked and told what was less; RBX-n, refused with the fix; else the exit status.
cell() {
  local status=0 out id
  out=$(timeout 60 "$@" 2>&1 </dev/null) || status=$?
  id=$(grep -o 'RBX-[0-9]*' <<<"$out" | head -1)
  if [ "$status" -eq 0 ]; then
    # What the command itself printed is one word.
    [ "$(wc -l <<<"$out")" -le 1 ] && echo ok || echo "ok+${id:-told}"
  elif [ "$status" -eq 125 ]; then
    grep -o 'RBX-[0-9]*' <<<"$out" | tail -1 | grep . || echo 125
  else
    echo "$status"
  fi
}

# As the user $1, with what comes before ":" in front of rbox.
cells() {
  local user=$1 before=()
  shift
  while [ "$1" != : ]; do
    before+=("$1")
    shift
  done
  local home store
  store=${MATRIX_STORE:-$MATRIX/$user}
  home=$(getent passwd "$user" | cut -d: -f6)
  local run=(setpriv --reuid "$user" --regid "$user" --init-groups env -i "HOME=$home" "PATH=$PATH"
    "RBOX_STORE=$store" RBOX_DEFAULT_REGISTRY=127.0.0.1:9 ${MATRIX_ENV:-} "${before[@]}" "$RBOX_BUILD/rbox")
  rm -f "$store/told-one-id"
  printf '%-10s %-10s %-10s %-10s %s\n' \
    "$(cell "${run[@]}" run --rm --network none busybox echo yes)" \
    "$(cell "${run[@]}" run --rm busybox echo yes)" \
    "$(cell "${run[@]}" run --rm --network none -m 64m busybox echo yes)" \
    "$(cell "${run[@]}" run --rm --network none --user 1 busybox echo yes)" \
    "$(cell "${run[@]}" run --rm --network none --storage-driver fuse-overlayfs busybox echo yes)"
}

# row NAME BREAK USER [BEFORE…] :
row() {
  local name=$1 break=$2
  shift 2
  export -f cells cell
  printf '%-22s %s\n' "$name" "$(MATRIX=$MATRIX unshare -m bash -c "$break"'; cells "$@"' - "$@" 2>&1 | tail -1)"
}

table() {
  printf '%-22s %s\n' "# host lacks" "isolated   network    limit      user       fuse"
  row nothing true $ALICE :
  row "subordinate ids" true $BOB :
  row "setuid newuidmap" 'mount --bind /usr/bin /usr/bin; mount -o remount,bind,nosuid /usr/bin' $ALICE :
  row "/dev/net/tun" 'mount -t tmpfs none /dev/net' $ALICE :
  row "/dev/fuse" 'touch $MATRIX/no; chmod 0 $MATRIX/no; mount --bind $MATRIX/no /dev/fuse' $ALICE :
  row "an open /proc" 'mount --bind /dev/null /proc/timer_list' $ALICE :
  row "a runtime folder" 'export MATRIX_ENV=XDG_RUNTIME_DIR=/nonexistent' $ALICE :
  row "slirp4netns" 'mount --bind /dev/null /usr/bin/slirp4netns' $ALICE :
  row "attributes in store" 'mkdir -p $MATRIX/poor; mount -t ramfs none $MATRIX/poor; chown $ALICE: $MATRIX/poor; export MATRIX_STORE=$MATRIX/poor' $ALICE :
  row "privileges (no_new_…)" true $ALICE setpriv --no-new-privs :
  row "user namespaces" true $ALICE "$RBOX_BUILD/tests/deny" clone3=ENOSPC -- :
  row "mount (outer filter)" true $ALICE "$RBOX_BUILD/tests/deny" mount=EPERM -- :
  row "newer calls (old host)" true $BOB "$RBOX_BUILD/tests/deny" openat2=ENOSYS,clone3=ENOSYS,mount_setattr=ENOSYS,close_range=ENOSYS -- :
}

@test "the matrix of lacks and commands is as it is written down" {
  # The column with a limit is another where a real systemd has cgroup v2: that is the VM.
  local expected=matrix.txt
  [ -z "${RBOX_MATRIX_VM:-}" ] || expected=matrix-vm.txt
  if [ "$expected" = matrix.txt ]; then
    grep -q ' /sys/fs/cgroup/memory ' /proc/self/mountinfo || skip "this machine has no cgroup v1"
  fi
  MATRIX=$(mktemp -d /var/tmp/rbox-matrix.XXXXXX)
  export MATRIX
  chmod 755 "$MATRIX"
  for user in $ALICE $BOB; do
    install -d -o "$user" "$MATRIX/$user"
  done
  table >seen
  for user in $ALICE $BOB; do
    setpriv --reuid "$user" --regid "$user" --init-groups env RBOX_STORE="$MATRIX/$user" \
      "$RBOX_BUILD/rbox" rm-tree "$MATRIX/$user/"* || true
  done
  rm -rf "$MATRIX"
  cp "$RBOX_TESTS/cli/$expected" expected
  # Without /dev/fuse the image is copied there, and that is told.
  kernel_is 5 11 || sed -i '/^\/dev\/fuse / s/ok     /ok+told/g' expected
  diff expected seen
}
