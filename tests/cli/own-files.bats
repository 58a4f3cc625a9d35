#!/usr/bin/env bats
# users: alice bob root
# Files stay mine: keep-id that is chosen by itself, files of subordinate ids that are named and
# given back (issue 7, item 7).
load lib

setup() {
  common_setup
  mkdir d
  if ! rbox image exists node-image; then
    make_busybox_layer
    mkdir bb/etc
    printf 'root:x:0:0::/root:/bin/sh\nnode:x:1234:1235::/home/node:/bin/sh\n' >bb/etc/passwd
    printf 'root:x:0:\nnode:x:1235:\nextra:x:50:node\n' >bb/etc/group
    rm busybox.tar
    tar -C bb --owner=0 --group=0 -cf image.tar .
    rbox import -c 'USER node' image.tar node-image >/dev/null
    rbox import -c 'USER 1234:7' image.tar number-image >/dev/null
    rbox import -c 'USER nosuch' image.tar wrong-image >/dev/null
  fi
  rm -f "$RBOX_STORE/told-keep-id"
}

run_in() {
  run rbox run --rm --network none "$@"
}

TOUCH='busybox touch /d/made; busybox id -u; busybox id -g'

@test "with a folder of the host the image's user is the caller; said once; --userns=default is as ever" {
  not_for root "root is mapped nowhere"
  run_in -v "$PWD/d:/d" node-image sh -c "$TOUCH; busybox id"
  [ "$status" -eq 0 ]
  [[ $output == *"you are the image's user 'node'"*"--userns=default"* ]]
  [[ $output == *$'\n1234\n1235\n'* ]]
  is_user bob || [[ $output == *"groups=50(extra)"* ]]
  [ "$(stat -c %u:%g d/made)" = "$(id -u):$(id -g)" ]
  run_in -v "$PWD/d:/d" node-image sh -c "$TOUCH"
  [ "$output" = $'1234\n1235' ]
  run_in --mount "type=bind,src=$PWD/d,dst=/d" number-image sh -c 'busybox id -u; busybox id -g'
  [[ $output == *$'1234\n7' ]]

  chmod 777 d
  run_in -v "$PWD/d:/d" --userns=default node-image sh -c 'busybox touch /d/other; busybox id -u'
  if is_user bob; then
    [ "$status" -eq 125 ]
    return
  fi
  [ "$status" -eq 0 ]
  [ "$(stat -c %u d/other)" != "$(id -u)" ]
}

@test "it is not chosen for a user, a map or a root that was asked for, without a folder, beside a named volume" {
  not_for bob "the image's user is not among his ids, which is an error"
  chmod 777 d
  for options in "-u 1234" "--uidmap 0:0:3000 --gidmap 0:0:3000" "--userns=host" "-v vol:/vol"; do
    # shellcheck disable=SC2086 # words
    run_in $options -v "$PWD/d:/d" node-image sh -c 'busybox touch /d/other; busybox id -u'
    [ "$status" -eq 0 ]
    [[ $output == *1234* && $output != *"you are the image's user"* ]]
    [ "$(stat -c %u d/other)" != "$(id -u)" ]
    rbox chown-back d && rm d/other
  done
  run_in node-image busybox id -u
  [ "$output" = 1234 ]
  run_in -v "$PWD/d:/d" -u 0 node-image busybox id -u
  [ "$output" = 0 ]
  run_in -v "$PWD/d:/d" wrong-image true
  [ "$status" -eq 125 ]
  [[ $output == *"cannot find user 'nosuch'"* ]]
}

@test "what subordinate ids own in a folder is named at the end, with the command that gives it back" {
  not_for bob "he has one id"
  chmod 777 d
  echo old >d/old
  ln -s "$PWD/outside" d/link
  mkdir outside
  chmod 777 outside
  make='mkdir -p /d/sub/deep; touch /d/sub/deep/file; chown -R 33:44 /d/sub; touch /d/nobody; chown 65534 /d/nobody; ln -s file /d/sub/soft; chown -h 33 /d/sub/soft'
  run_in -v "$PWD/d:/d" busybox sh -c "$make"
  [ "$status" -eq 0 ]
  [[ $output == *" made below '$PWD/d' "*" rbox chown-back '$PWD/d'" ]]
  is_user root || [[ $output == "rbox: 5 files"* ]]
  [[ $(find d -user "$(id -u)") != *d/nobody* ]]
  # A subordinate id's file that only a link leads to stays as it is.
  run_in -v "$PWD/outside:/d" --userns=default busybox sh -c 'touch /d/file; chown 33 /d/file'
  [[ $output == *"1 file made below '$PWD/outside' (first: 'file', user 33)"* ]]

  run rbox chown-back d
  [ "$status" -eq 0 ]
  [[ $output =~ ^d:\ [5-9]\ given\ back$ ]]
  [ -z "$(find d ! -user "$(id -u)" -o ! -group "$(id -g)")" ]
  [ -n "$(find outside/file ! -user "$(id -u)")" ]
  run rbox chown-back d/old
  [ "$output" = "d/old: 0 given back" ]
  rbox chown-back outside
}

@test "nothing is said of what is older, of :ro and :U, nor of the caller's own" {
  not_for root "all of his containers' files are of subordinate ids"
  chmod 777 d
  run_in -v "$PWD/d:/d" busybox sh -c 'touch /d/mine'
  [ "$output" = "" ]
  not_for bob "he has one id"
  rbox run --rm --network none -v "$PWD/d:/d:U" -u 33 busybox touch /d/his 2>said
  [ ! -s said ]
  [ "$(stat -c %u d)" != "$(id -u)" ]
  rbox chown-back d
  [ "$(stat -c %u d/his)" = "$(id -u)" ]

  rbox run --rm --network none -v "$PWD/d:/d" busybox sh -c 'touch /d/old; chown 33 /d/old' 2>said
  grep -q "rbox chown-back" said
  is_old() {
    [ "$(($(date +%s) - $(stat -c %Z d/old)))" -ge 3 ]
  }
  until_true is_old
  run_in -v "$PWD/d:/d" busybox true
  [ "$output" = "" ]
  rbox chown-back d
}

@test "chown-back: paths that are not there, and others' files are let alone" {
  run rbox chown-back nosuch
  [ "$status" -eq 125 ]
  [[ $output == *"cannot open 'nosuch'"* ]]
  run rbox chown-back
  [ "$status" -eq 125 ]
  run rbox chown-back /etc/hostname d
  [ "$status" -eq 0 ]
  [ "$output" = $'/etc/hostname: 0 given back\nd: 0 given back' ]
}
