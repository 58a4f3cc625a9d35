#!/usr/bin/env bats
# users: alice bob root
# doctor, explain, info, unshare, rm-tree.
load lib

@test "doctor finds nothing that a plain run lacks, and a plain run works" {
  run rbox doctor
  [ "$status" -eq 0 ]
  [[ "$output" != *FAIL* ]]
  rbox run --rm busybox true
}

@test "doctor names the command that gives bob his ids" {
  is_user bob || skip "only bob has none"
  run rbox doctor
  [[ "$output" == *"usermod --add-subuids"*"$(id -un)"* ]]
}

@test "doctor --json says the same" {
  rbox doctor --json >json
  [ "$(jq length json)" -ge 15 ]
  [ "$(jq -r '.[] | select(.id == "RBX-105") | .level' json)" = "$(is_user bob && echo WARN || echo OK)" ]
}

@test "a fault: doctor fails, and run gives the same text by the same id" {
  # A store that cannot be had: a fault that takes no root to make.
  RBOX_STORE=/proc/rbox run rbox doctor
  [ "$status" -eq 1 ]
  [[ "$output" == *"FAIL  RBX-110"* ]]
  local fix
  fix=$(grep -A1 'FAIL  RBX-110' <<<"$output" | sed -n 's/^ *run: //p')
  [ -n "$fix" ]
  RBOX_STORE=/proc/rbox run rbox run --rm busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"$fix"* ]]
  [[ "$output" == *RBX-110* ]]
}

@test "doctor -- run checks what that run needs, and what it would lack is a failure" {
  run rbox doctor -- run --network none busybox
  [ "$status" -eq 0 ]
  [[ "$output" != *slirp4netns* ]]
  [[ "$output" != *"low ports"* ]]
  if ! is_user root; then
    run rbox doctor -- run -p 80:80 -p 8080:80 busybox
    [ "$status" -eq 1 ]
    [[ "$output" == *"FAIL  RBX-116"*"ip_unprivileged_port_start=80"* ]]
  fi
  run rbox doctor -- run -p 8080:80 busybox
  [ "$status" -eq 0 ]
  run rbox doctor -- run --frobnicate busybox
  [ "$status" -eq 125 ]
  run rbox doctor -- ps
  [ "$status" -eq 125 ]
  [[ "$output" == *"not a command that doctor can look at"* ]]
}

@test "a limit that cannot be had: doctor and run name the same controller" {
  rbox run --rm --network none -m 64m busybox true 2>err && skip "limits hold here"
  run rbox doctor -- run -m 64m busybox
  [[ "$output" == *"FAIL  RBX-118  limits: cannot set --memory"* ]]
  [[ "$output" == *"$(sed -n '1s/^rbox: //p' err | cut -d: -f1-2 | head -c 30)"* ]]
}

@test "every id can be explained, and an unknown one is refused" {
  local id
  for id in $(rbox explain | awk '{print $1}'); do
    run rbox explain "$id"
    [ "$status" -eq 0 ]
    [[ "$output" == *Fix* ]]
    # Commands of a shell, all of them.
    bash -n <<<"$(sed -n 's/^Fix ([a-z ]*): //p' <<<"$output")"
  done
  run rbox explain RBX-999
  [ "$status" -eq 125 ]
}

@test "info tells map and store, as text and as JSON" {
  run rbox info
  [ "$status" -eq 0 ]
  [[ "$output" == *"$RBOX_STORE"* ]]
  [ "$(rbox info --format json | jq -r .store.path)" = "$RBOX_STORE" ]
}

@test "unshare: root of the namespace, with the exit codes of a run" {
  run rbox unshare id -u
  [ "$output" = 0 ]
  run rbox unshare sh -c 'exit 7'
  [ "$status" -eq 7 ]
  run -127 rbox unshare no-such-command
  status=0
  rbox unshare no-such-command 2>&- || status=$?
  [ "$status" -eq 127 ]
}

@test "rm-tree removes what subordinate ids own" {
  not_for bob "he has no subordinate ids"
  rbox unshare sh -c 'mkdir -p d/e && echo x >d/e/f && chown -R 33:33 d' || skip "the folder is out of reach for root's range"
  is_user root || ! rm -rf d 2>/dev/null
  rbox rm-tree d
  [ ! -e d ]
  run rbox rm-tree /
  [ "$status" -eq 125 ]
  run rbox rm-tree ..
  [ "$status" -eq 125 ]
}

@test "a path of the host that is missing: doctor names where it ends, and its fix makes the run work" {
  run rbox doctor -- run -v "$PWD/a/b:/x" busybox
  [ "$status" -gt 0 ]
  [[ "$output" == *"FAIL  RBX-122"*"see '$PWD/a'"* ]] || [[ "$output" == *"FAIL  RBX-122"* ]]
  eval "$(sed -n '/RBX-122/{n;s/^ *run: \(mkdir -p [^ ]*\).*/\1/p}' <<<"$output")"
  rbox doctor -- run -v "$PWD/a/b:/x" busybox | grep -q '^OK    RBX-122'
  rbox run --rm --network none -v "$PWD/a/b:/x" busybox ls /x
}

@test "what killed loads left is told, and system prune takes it" {
  export RBOX_STORE=$BATS_TEST_TMPDIR/store
  rbox run --rm --network none busybox true 2>/dev/null
  rbox doctor | grep -q '^OK    RBX-127'
  mkdir -p "$RBOX_STORE/tmp/load.dead"
  rbox doctor | grep -q '^WARN  RBX-127.*: 1 of'
  eval "$(rbox doctor | sed -n '/RBX-127/{n;s/^ *run: /"$RBOX_BUILD\/"/p}')" <<<y
  rbox doctor | grep -q '^OK    RBX-127'
  rbox rm-tree "$RBOX_STORE"
}

@test "doctor --net says whether an image's registry answers" {
  run rbox doctor --net 127.0.0.1:9/x
  [[ "$output" == *"FAIL  RBX-130"*"127.0.0.1:9"* ]]
  run rbox doctor
  [[ "$output" != *RBX-130* ]]
}

@test "in a chroot: doctor and run say so, and what to do" {
  is_user root || skip "only root can enter a chroot"
  mkdir inside
  chrooted() {
    # shellcheck disable=SC2016
    unshare --mount bash -c 'mount --rbind / inside && exec chroot inside "$@"' - "$RBOX_BUILD/rbox" "$@"
  }
  run chrooted doctor
  [[ "$output" == *"FAIL  RBX-132  the root folder: you are in a chroot"* ]]
  run chrooted run --network none busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"you are in a chroot"*"rbox run --rootfs"*"RBX-132"* ]]
}

# mended ID: what doctor says of ID now is a fault; its fix, run to the letter, mends it.
mended() {
  local id=$1 before fix
  before=$(rbox doctor) || true
  grep -qE "^(WARN|FAIL)  $id  " <<<"$before"
  fix=$(grep -A1 "  $id  " <<<"$before" | sed -n '2s/^ *[a-z ]*: //p')
  eval "$fix"
  before=$(rbox doctor) || true
  grep -qE "^OK    $id  " <<<"$before"
  rbox run --rm --network none busybox true
}

@test "another's XDG_RUNTIME_DIR: doctor warns, and its fix mends it" {
  export XDG_RUNTIME_DIR=/var
  mended RBX-120
}

@test "no /proc to tell the boot by: doctor names it, and its fix mends it" {
  is_user root || skip "only root can mount"
  export -f mended rbox
  mkdir empty
  unshare --mount bash -ec 'mount --bind empty /proc; mended RBX-129'
}
