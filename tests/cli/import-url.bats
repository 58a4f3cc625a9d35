#!/usr/bin/env bats
# users: alice bob
# import from the network (issue 4).
load lib

setup() {
  common_setup
  export RBOX_STORE=$BATS_TEST_TMPDIR/store
  make_busybox_layer
  gzip -kn busybox.tar
  python3 "$RBOX_TESTS/tools/web.py" . >port 2>web.log 3>&- &
  web=$!
  until_true test -s port
  at=http://127.0.0.1:$(cat port)
}

teardown() {
  kill "$web"
  wait "$web" 2>/dev/null || true
  [ -z "$(ls -A "$RBOX_STORE/partial" 2>/dev/null)" ]
  common_teardown
}

@test "import takes a URL: plain, compressed, through redirects, after a broken connection" {
  local path
  for path in busybox.tar "busybox.tar.gz?a=b" "to/$at/busybox.tar.gz" once/busybox.tar; do
    run --separate-stderr rbox import -c 'CMD ["/bin/sh", "-c", "echo in"]' "$at/$path" "got:1"
    [ "$status" -eq 0 ]
    [[ "$output" =~ ^sha256:[0-9a-f]{64}$ ]]
    [[ "$stderr" == *"Copied blob busybox.tar"* ]]
    run rbox run --rm --network none got:1
    [ "$output" = in ]
    rbox rmi -q got:1 2>/dev/null || rbox rmi got:1
  done
  [ "$(grep -c 'GET /once/' web.log)" -eq 2 ]
  run --separate-stderr rbox import -q "$at/busybox.tar" quiet
  [ -z "$stderr" ]
  [ "$(rbox image inspect -f '{{.RootFS.Layers}}' quiet)" = "[sha256:$(sha256sum <busybox.tar | cut -d' ' -f1)]" ]
}

@test "import refuses what a URL must not do, and nothing is left" {
  run -125 rbox import "$at/missing.tar" x
  [[ "$output" == *"cannot download: $at/missing.tar: the server answers 404"* ]]
  run -125 rbox import "$at/to/file:///etc/passwd" x
  [[ "$output" == *"file"*"not supported"* ]] || [[ "$output" == *"Protocol"* ]]
  run -125 rbox import "$at/huge" x
  [[ "$output" == *"is larger than the space that is left here"* ]]
  RBOX_REGISTRY_TIMEOUT=1 run -125 timeout 60 "$RBOX_BUILD/rbox" import "$at/stall" x
  [[ "$output" == *"cannot download"* ]]
  # A server elsewhere leads to no service of this machine.
  local other
  other=$(hostname -I 2>/dev/null | tr ' ' '\n' | grep -m1 -E '^[0-9.]+$' || true)
  if [ -n "$other" ]; then
    run -125 rbox import "http://$other:$(cat port)/to/$at/busybox.tar" x
    [[ "$output" == *"cannot download"* ]]
  fi
  run -125 rbox import "http://user:secret@127.0.0.1:1/x.tar" x
  [[ "$output" == *"URL with a password"*"curl"* ]]
  run -125 rbox import "http:///x.tar" x
  run -125 rbox import "http://127.0.0.1:1" x
  [[ "$output" == *"names no file"* ]]
  run -125 rbox import "https://127.0.0.1:$(cat port)/busybox.tar" x
  [[ "$output" == *"TLS"* ]]
  head -c 5000 busybox.tar >cut.tar
  run -125 rbox import "$at/cut.tar" x
  # The name is looked at before anything is fetched.
  local before
  before=$(wc -l <web.log)
  run -125 rbox import "$at/busybox.tar" 'Bad Name'
  [ "$(wc -l <web.log)" -eq "$before" ]
  [ -z "$(rbox images -q --filter reference=x)" ]
}
