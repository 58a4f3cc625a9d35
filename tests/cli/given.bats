#!/usr/bin/env bats
# users: alice bob root
# What the store gives containers: others' volumes, secrets; and volumes as archives (issues 4 and 5).
load lib

setup_file() {
  rbox run --rm --network none busybox true
}

teardown() {
  rbox secret rm --all >/dev/null 2>&1 || true
  teardown_containers
}

@test "--volumes-from gives volumes and binds of another container, read-only if asked, and an own mount goes first" {
  mkdir -m 777 bind own
  echo bound >bind/b
  echo mine >own/b
  rbox run -d --name a --network none -v data:/v -v "$PWD/bind:/b" --tmpfs /t busybox sh -c 'echo shared >/v/f; sleep 1000'
  until_true rbox exec a cat /v/f
  [ "$(rbox run --rm --network none --volumes-from a busybox sh -c 'cat /v/f /b/b; echo new >/v/n; [ -e /t ] || echo no tmpfs')" = "shared
bound
no tmpfs" ]
  [ "$(rbox exec a cat /v/n)" = new ]
  run rbox run --rm --network none --volumes-from a:ro busybox touch /v/x
  [ "$status" -eq 1 ]
  [ "$(rbox run --rm --network none --volumes-from a -v "$PWD/own:/b" busybox cat /b/b)" = mine ]
  run rbox run --rm --network none --volumes-from nobody busybox true
  [ "$status" -eq 125 ]
  run rbox run --rm --network none --volumes-from a:wx busybox true
  [ "$status" -eq 125 ]
  rbox rm -f a
  rbox volume rm data
}

@test "--volumes-from: a volume without a name is its container's alone" {
  rbox create --name a --network none -v /anon busybox true
  run rbox run --rm --network none --volumes-from a busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"'/anon' of 'a' has no name"*"rbox run -v NAME:/anon"* ]]
}

@test "a secret is a file that every user inside may read, and is in no environment, inspect or image" {
  printf 's3cr\0t\n' >file
  rbox secret create db file
  run rbox secret create db file
  [ "$status" -eq 125 ]
  printf other | rbox secret create --replace second -
  MY_VALUE=from-env rbox secret create --env third MY_VALUE
  [ "$(rbox secret ls -q | tr '\n' ' ')" = "db second third " ]
  rbox run --rm --network none --secret db busybox cat /run/secrets/db | cmp - file
  [ "$(rbox run --rm --network none --secret second,target=/etc/pw --secret third busybox sh -c 'cat /etc/pw /run/secrets/third')" = otherfrom-env ]
  rbox run --name box --network none --secret second busybox true
  run ! grep -q other <<<"$(rbox inspect box)"
  rbox commit -q box made
  run rbox run --rm --network none made cat /run/secrets/second
  [[ "$output" != *other* ]]
  run rbox run --rm --network none --secret db busybox sh -c 'echo x >>/run/secrets/db'
  [ "$status" -ne 0 ]
  if ! is_user bob; then
    [ "$(rbox run --rm --network none --user 33 --secret second busybox cat /run/secrets/second)" = other ]
  fi
}

@test "secrets: what is wrong is named" {
  run rbox run --rm --network none --secret nope busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"rbox secret create nope FILE"* ]]
  run rbox run --rm --network none --secret nope,type=env busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"type=mount"* ]]
  run rbox secret create '../x' /etc/hostname
  [ "$status" -eq 125 ]
  run rbox secret create empty /dev/null
  [ "$status" -eq 125 ]
  head -c 600000 /dev/zero >big
  run rbox secret create big big
  [ "$status" -eq 125 ]
  run rbox secret rm nope
  [ "$status" -eq 1 ]
  run rbox secret inspect nope
  [ "$status" -eq 1 ]
}

@test "a volume goes out as an archive and comes back with its owners" {
  local owner=5:6
  if is_user bob; then
    owner=0:0
  fi
  rbox run --rm --network none -v one:/v busybox sh -c "mkdir /v/d; echo x >/v/d/f; chown $owner /v/d/f; chmod 640 /v/d/f; ln -s d/f /v/l"
  rbox volume export -o one.tar one
  rbox volume create two
  rbox volume import two one.tar
  rbox volume export one | cmp - one.tar
  [ "$(rbox run --rm --network none -v two:/v busybox stat -c '%u:%g %a' /v/d/f)" = "$owner 640" ]
  [ "$(rbox run --rm --network none -v two:/v busybox cat /v/l)" = x ]
  run rbox volume export none
  [ "$status" -eq 1 ]
  run rbox volume import two <<<"no archive"
  [ "$status" -eq 125 ]
  rbox volume rm one two
}
