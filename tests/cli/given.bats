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

@test "an anonymous volume can be shared, and goes with the last container that has it" {
  local volumes=$RBOX_STORE/volumes name
  rbox run --rm --name one --network none -v /anon -v /second -d busybox sh -c 'echo first >/anon/f; exec sleep 1000'
  name=$(rbox inspect -f '{{range .Mounts}}{{.Name}} {{end}}' one)
  [ "$(rbox volume ls -q | tr '\n' ' ')" = "$name" ]
  until_true rbox exec one cat /anon/f
  rbox run -d --rm --name two --network none --volumes-from one busybox sh -c 'cat /anon/f; exec sleep 1000'
  until_true eval '[ "$(rbox logs two)" = first ]'
  run rbox volume rm "${name%% *}"
  [ "$status" -eq 2 ]
  rbox stop -t 0 one
  until_true no_container one
  [ "$(rbox exec two cat /anon/f)" = first ]
  [ "$(rbox volume ls -q | wc -l)" -eq 2 ]
  rbox stop -t 0 two
  until_true no_container two
  [ -z "$(ls "$volumes")" ]
}

# A name of hex digits alone could be the beginning of another one's id.
no_container() {
  ! rbox container exists "$1"
}

@test "a VOLUME of an image is an anonymous volume, with the image's content" {
  rbox create --name base busybox true
  mkdir d
  echo content >d/f
  rbox cp d base:/data
  rbox commit -q -c "VOLUME /data" base vol
  rbox rm base
  rbox run -d --rm --name v1 --network none vol sh -c 'cat /data/f; echo more >>/data/f; exec sleep 1000'
  [ "$(rbox inspect -f '{{range .Mounts}}{{.Type}} {{.Destination}} {{.Name}}{{end}}' v1)" = "volume /data $(rbox volume ls -q)" ]
  until_true eval '[ "$(rbox logs v1)" = content ]'
  [ "$(rbox run --rm --network none --volumes-from v1 vol cat /data/f)" = "content
more" ]
  [ "$(rbox volume ls -q | wc -l)" -eq 1 ]
  rbox stop -t 0 v1
  until_true no_container v1
  [ -z "$(rbox volume ls -q)" ]
  rbox rmi vol
}

@test "anonymous volumes stay after rm, and go with rm -v, --rm, a start that fails and a name that is taken" {
  local volumes=$RBOX_STORE/volumes
  rbox run --name one --network none -v /anon busybox sh -c 'echo kept >/anon/f'
  rbox start -a one
  rbox rm one
  [ "$(cat "$volumes"/*/_data/f)" = kept ]
  [ "$(rbox volume ls -q | wc -l)" -eq 1 ]
  rbox volume prune -f
  rbox create --name one --network none -v /anon busybox true
  run rbox run --name one --network none -v /anon busybox true
  [ "$status" -eq 125 ]
  [ "$(ls "$volumes" | wc -l)" -eq 1 ]
  rbox rm -v one
  rbox run --rm --network none -v /anon busybox true
  run rbox run --rm --network none -v /anon busybox no-such-command
  [ "$status" -eq 127 ]
  [ -z "$(ls "$volumes")" ]
  # Killed: the next command removes what was to go.
  rbox run -d --rm --name three --network none -v /anon busybox sleep 1000
  kill -9 "$(supervisor_of three)"
  until_true no_container three
  [ -z "$(ls "$volumes")" ]
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

@test "a secret's owner and mode; a secret as a variable, in run, exec and start, and nowhere else (issue 4)" {
  printf w0rd | rbox secret create --replace tok -
  [ "$(rbox run --rm --network none --secret tok busybox stat -c %u:%g:%a /run/secrets/tok)" = 0:0:444 ]
  [ "$(rbox run --rm --network none --secret tok,mode=0400,target=/a/b busybox stat -c %u:%g:%a /a/b)" = 0:0:400 ]
  if ! is_user bob; then
    run rbox run --rm --network none --user 33 --secret tok,uid=33,gid=44,mode=0400 busybox sh -c 'stat -c %u:%g:%a /run/secrets/tok; cat /run/secrets/tok'
    [ "${lines[*]}" = "33:44:400 w0rd" ]
    run rbox run --rm --network none --user 34 --secret tok,uid=33,mode=0400 busybox cat /run/secrets/tok
    [ "$status" -ne 0 ]
    [[ "$output" != *w0rd* ]]
  else
    run rbox run --rm --network none --userns host --secret tok,uid=33 busybox true
    [ "$status" -eq 125 ]
    [[ "$output" == *"cannot belong to 33:0"* ]]
  fi
  rbox run -d --name holder --network none --secret tok,type=env,target=TOKEN --secret tok,type=env --secret tok,mode=0400 busybox sh -c 'echo "$TOKEN $tok"; exec sleep 1000' >/dev/null
  [ "$(rbox exec holder sh -c 'echo "$TOKEN $tok"')" = "w0rd w0rd" ]
  until_true sh -c '"$RBOX_BUILD/rbox" logs holder | grep -q "^w0rd w0rd$"'
  run ! grep -q w0rd <<<"$(rbox inspect holder)"
  run ! grep -q w0rd "$RBOX_STORE/containers/$(rbox inspect -f '{{.Id}}' holder)/config.json"
  # What it is at the next start.
  printf new | rbox secret create --replace tok -
  rbox stop -t 0 holder
  rbox commit -q holder with-env
  [ "$(rbox run --rm --network none with-env sh -c 'echo "[$TOKEN]"')" = "[]" ]
  rbox start holder
  [ "$(rbox exec holder sh -c 'cat /run/secrets/tok; echo ":$TOKEN"')" = "new:new" ]
  rbox run --rm --network none --volumes-from holder busybox sh -c '[ ! -e /run/secrets/tok ]'
  rbox stop -t 0 holder
  rbox rm holder
  rbox secret rm tok
}

@test "secrets have labels; ls takes filters" {
  local store=$RBOX_STORE
  export RBOX_STORE=$BATS_TEST_TMPDIR/store
  echo a | rbox secret create -d file -l team=web --label empty alpha -
  echo b | rbox secret create beta -
  [ "$(rbox secret inspect alpha | jq -c '.[0].Spec.Labels')" = '{"team":"web","empty":""}' ] ||
    [ "$(rbox secret inspect alpha | jq -cS '.[0].Spec.Labels')" = '{"empty":"","team":"web"}' ]
  [ "$(rbox secret inspect beta | jq -c '.[0].Spec.Labels')" = '{}' ]
  [ "$(rbox secret ls -q --filter name=lph)" = alpha ]
  [ "$(rbox secret ls -q -f id=alpha -f name=bet | tr '\n' ' ')" = "alpha beta " ]
  [ -z "$(rbox secret ls -q -f name=zeta)" ]
  echo c | rbox secret create --replace alpha -
  [ "$(rbox secret inspect alpha | jq -c '.[0].Spec.Labels')" = '{}' ]
  rbox secret rm --all
  [ -z "$(find "$RBOX_STORE/secrets" "$RBOX_STORE/secret-labels" -type f)" ]
  run rbox secret create -d shell x /etc/hostname
  [ "$status" -eq 125 ]
  RBOX_STORE=$store
}

@test "what is not there is named with the command that lists what is (issue 4)" {
  local verb
  for verb in "volume rm" "volume inspect" "volume export"; do
    run rbox $verb nope
    [ "$status" -ne 0 ]
    [[ "$output" == *"there is no volume 'nope'"*"hint: rbox volume ls   (or: rbox volume create nope)"* ]]
  done
  for verb in rmi untag; do
    run rbox $verb nope
    [[ "$output" == *"cannot find image 'nope'"*"hint: rbox images" ]]
  done
}

@test "secrets: what is wrong is named" {
  run rbox run --rm --network none --secret nope busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"rbox secret create nope FILE"* ]]
  run rbox run --rm --network none --secret nope,type=env busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"rbox secret create nope FILE"* ]]
  echo x >one
  rbox secret create --replace one one
  local bad
  for bad in one,type=file one,uid=x one,gid=-1 one,mode=99 one,mode=77777 one,uid= one,type=env,uid=1 one,type=env,target=A=B \
    one,what=1 ,type=env source=; do
    run rbox run --rm --network none --secret "$bad" busybox true
    [ "$status" -eq 125 ]
    [[ "$output" == *"--secret"* ]]
  done
  printf 'a\0b' >nul
  rbox secret create --replace nul nul
  run rbox run --rm --network none --secret nul,type=env busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"secret 'nul' holds a NUL byte"* ]]
  run rbox secret create one one
  [[ "$output" == *"hint: rbox secret create --replace one FILE"* ]]
  run rbox secret ls --filter label=x
  [ "$status" -eq 125 ]
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
