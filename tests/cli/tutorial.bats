#!/usr/bin/env bats
# users: alice
# docs/TUTORIAL.md: every command prints what the page says.
load lib

setup_file() {
  rbox run --rm --network none busybox true
}

teardown() {
  teardown_containers
}

@test "the tutorial's commands print what it says" {
  export PATH=$RBOX_BUILD:$PATH
  run "$RBOX_TESTS/tools/walk-doc.py" "$RBOX_TESTS/../docs/TUTORIAL.md"
  echo "$output"
  [ "$status" -eq 0 ]
}
