#!/usr/bin/env bats
# users: root
# A user without subordinate ids gets them: what was loaded before then has its owners (issue 3).
load lib

setup() {
  common_setup
  id rbox-carol >/dev/null 2>&1 || skip "tests/setup makes the user rbox-carol"
  home=$(mktemp -d /var/tmp/rbox-carol.XXXXXX)
  chown rbox-carol: "$home"
}

teardown() {
  as_carol rm-tree "$home/store" || true
  sed -i '/^rbox-carol:/d' /etc/subuid /etc/subgid
  rm -rf "$home"
}

as_carol() {
  (cd "$home" && setpriv --reuid rbox-carol --regid rbox-carol --init-groups \
    env HOME="$home" RBOX_STORE="$home/store" "$RBOX_BUILD/rbox" "$@")
}

@test "the same image has one owner without ids, and its own with them" {
  make_busybox_layer
  mkdir extra && echo x >extra/theirs
  tar --owner=33 --group=44 -C extra -rf busybox.tar ./theirs
  run as_carol import - owned <busybox.tar
  [ "$status" -eq 0 ]
  run as_carol run --rm --network none owned /bin/stat -c %u:%g /theirs
  [ "${lines[-1]}" = 0:0 ]
  # The command that it was told, to the letter.
  local fix
  fix=$(sed -n 's/.*for all of them: sudo \(.*\)  (RBX-105)$/\1/p' <<<"$output")
  [[ "$fix" == usermod* ]]
  eval "$fix"
  run as_carol run --rm --network none owned /bin/stat -c %u:%g /theirs
  [ "${lines[-1]}" = 33:44 ]
  run as_carol run --rm --network none --user 33:44 owned /bin/sh -c 'echo mine >>/theirs && cat /theirs'
  [ "${lines[-1]}" = mine ]
}
