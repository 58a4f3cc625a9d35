#!/usr/bin/env bats
# users: alice bob root
# A container's files from outside: cp, diff, export, commit (issue 5).
load lib

setup_file() {
  rbox run --rm --network none busybox true
}

teardown() {
  teardown_containers
}

run_detached() {
  rbox run -d --network none "$@"
}

# A stopped container "box" that had the script $1 run in it.
stopped() {
  rbox run --network none --name box busybox sh -c "$1"
}

make_tree() {
  mkdir -p tree/sub
  echo file >tree/sub/file
  chmod 644 tree/sub/file # whatever the umask
  printf '#!/bin/sh\n' >tree/run
  chmod 751 tree/run
  ln -s /etc/passwd tree/link
  ln tree/sub/file tree/hard
  touch -d '2001-02-03 04:05:06' tree/sub/file
}

@test "cp: a file to a name, into a folder, over a file; the owner is the container's user" {
  run_detached --name box busybox sleep 1000
  echo one >one
  rbox cp one box:/etc/two
  rbox cp one box:/tmp
  echo changed >one
  rbox cp ./one box:/tmp/
  [ "$(rbox exec box cat /etc/two /tmp/one | tr '\n' ' ')" = "one changed " ]
  [ "$(rbox exec box stat -c '%u:%g' /tmp/one)" = 0:0 ]
  rbox cp box:/etc/two three
  [ "$(cat three)" = one ]
  [ "$(stat -c %u three)" = "$(id -u)" ]
  rbox cp box:/etc/passwd .
  grep -q ^root: passwd
}

@test "cp: what comes into a container is its user's, with --archive=false root's" {
  not_for bob "has no second id"
  run_detached --user 7:8 --name box busybox sleep 1000
  echo x >x
  rbox cp x box:/tmp/own
  rbox cp --archive=false x box:/tmp/roots
  [ "$(rbox exec box stat -c '%u:%g' /tmp/own /tmp/roots | tr '\n' ' ')" = "7:8 0:0 " ]
}

@test "cp: folders with all that is in them, as docker counts the names" {
  run_detached --name box busybox mkdir /there
  rbox start box
  make_tree
  rbox cp tree box:/new
  rbox cp tree box:/there
  rbox cp tree/. box:/there
  rbox start -a box || true
  rbox commit -q box tree
  run rbox run --rm --network none tree sh -c 'cd /new; find . | sort; stat -c "%a %Y" run sub/file; readlink link; [ hard -ef sub/file ] && echo linked; ls /there'
  [ "$output" = ".
./hard
./link
./run
./sub
./sub/file
751 $(stat -c %Y tree/run)
644 $(date -d '2001-02-03 04:05:06' +%s)
/etc/passwd
linked
hard
link
run
sub
tree" ]
  rbox cp box:/new back
  diff -r --no-dereference tree back
  mkdir into
  rbox cp box:/new into
  diff -r --no-dereference tree into/new
}

@test "cp works on containers that run, that stopped and that never ran, and changes stay" {
  rbox create --network none --name box busybox cat /greeting
  echo hello >greeting
  rbox cp greeting box:/greeting
  [ "$(rbox start -a box)" = hello ]
  echo again >greeting
  rbox cp greeting box:/
  rbox cp box:/greeting copy
  [ "$(cat copy)" = again ]
  [ "$(rbox start -a box)" = again ]
}

@test "cp: - is a tar archive, in and out" {
  run_detached --name box busybox sleep 1000
  make_tree
  tar -C tree -cf - . | rbox cp - box:/tmp
  [ "$(rbox exec box cat /tmp/sub/file)" = file ]
  mkdir out
  rbox cp box:/tmp - | tar -C out -xf -
  diff -r --no-dereference tree out/tmp
  run rbox cp - box:/nosuch </dev/null
  [ "$status" -eq 125 ]
}

@test "cp: links inside lead nowhere but inside" {
  mkdir -p "$BATS_TEST_TMPDIR/outside"
  stopped "ln -s $BATS_TEST_TMPDIR/outside /evil; ln -s ../../../../../../../..$BATS_TEST_TMPDIR/outside /up; ln -s /etc/hostname /abs; ln -s / /root-link"
  echo payload >payload
  run rbox cp payload box:/evil/x
  [ "$status" -eq 125 ]
  run rbox cp payload box:/up/x
  [ "$status" -eq 125 ]
  rbox cp payload box:/root-link/etc/landed
  [ -z "$(ls -A "$BATS_TEST_TMPDIR/outside")" ]
  [ ! -e /etc/landed ]
  echo secret >"$BATS_TEST_TMPDIR/outside/secret"
  run rbox cp box:/evil/secret stolen
  [ "$status" -eq 125 ]
  [ ! -e stolen ]
}

@test "cp: an archive's names and links lead nowhere but into the folder" {
  run_detached --name box busybox sleep 1000
  mkdir a && echo x >a/x
  tar -cf up.tar --transform 's,^a/x,../../up,' -P a/x
  run rbox cp - box:/tmp <up.tar
  [ "$status" -eq 125 ]
  [[ "$output" == *"leads out of it"* ]]
  ln -s /etc b && tar -cf link.tar b && rm b && mkdir b && echo y >b/y && tar -rf link.tar b/y
  # A link of the archive is followed as the container would, at most to its own /etc.
  run rbox cp - box:/tmp <link.tar
  [ ! -e /etc/y ]
}

@test "cp: a folder is not put in place of a file, nor a file in that of a folder, but with --overwrite" {
  run_detached --name box busybox sh -c 'mkdir -p /d/tree; echo keep >/d/tree/keep; echo f >/f; sleep 1000'
  until_true rbox exec box cat /f
  make_tree
  echo file >file
  run rbox cp tree box:/f
  [ "$status" -eq 125 ]
  tar -cf names.tar --transform 's,^file,tree,' file
  run rbox cp - box:/d <names.tar
  [ "$status" -eq 125 ]
  [ "$(rbox exec box cat /d/tree/keep)" = keep ]
  rbox cp --overwrite - box:/d <names.tar
  [ "$(rbox exec box cat /d/tree)" = file ]
}

@test "cp: what is missing is named, and where" {
  run_detached --name box busybox sleep 1000
  run rbox cp box:/nosuch .
  [ "$status" -eq 125 ]
  [[ "$output" == *"there is no '/nosuch' in container box"* ]]
  run rbox cp nosuch box:/
  [ "$status" -eq 125 ]
  [[ "$output" == *"on the host"* ]]
  echo x >x
  run rbox cp x box:/no/such/place
  [ "$status" -eq 125 ]
  [[ "$output" == *"no folder '/no/such'"* ]]
  run rbox cp x box:/tmp/new/
  [ "$status" -eq 125 ]
  run rbox cp x y
  [ "$status" -eq 125 ]
  [[ "$output" == *"neither"* ]]
  run rbox cp x none:/tmp
  [ "$status" -eq 125 ]
  [[ "$output" == *"no container 'none'"* ]]
  run rbox cp x/. box:/tmp
  [ "$status" -eq 125 ]
  [ ! -e y ]
}

@test "cp sees the volumes of a running container, and what the reader may not read is an error" {
  mkdir vol && echo v >vol/file && chmod 777 vol # root's containers are not root's
  run_detached -v "$PWD/vol:/vol" --name box busybox sleep 1000
  rbox cp box:/vol/file got
  [ "$(cat got)" = v ]
  echo w >w
  rbox cp w box:/vol/
  [ "$(cat vol/w)" = w ]
  if ! is_user root; then
    mkdir locked && touch locked/f && chmod 0 locked/f
    run rbox cp /etc/shadow box:/tmp
    [ "$status" -eq 125 ]
    [[ "$output" == *"denied"* ]]
  fi
}

@test "cp between two containers" {
  run_detached --name one busybox sh -c 'echo from-one >/x; sleep 1000'
  until_true rbox exec one cat /x
  stopped true
  rbox cp one:/x box:/y
  rbox cp box:/y y
  [ "$(cat y)" = from-one ]
}

@test "a read-only container takes nothing" {
  run_detached --read-only --name box busybox sleep 1000
  echo x >x
  run rbox cp x box:/etc/x
  [ "$status" -eq 125 ]
  [[ "$output" == *"Read-only"* ]]
  rbox stop -t 0 box
  run rbox cp x box:/etc/x
  [ "$status" -eq 125 ]
  [[ "$output" == *"Read-only"* ]]
}

@test "diff: added, changed, deleted; while it runs and after" {
  stopped 'echo x >/etc/new; rm /etc/group; chmod 700 /home; echo y >>/etc/passwd; rm -r /var/log; mkdir /var/log'
  local expected="C /etc
D /etc/group
A /etc/new
C /etc/passwd
C /home"
  run rbox diff box
  [ "$output" = "$expected" ]
  [ "$(rbox diff --format json box | tr -d ' \n')" = '{"changed":["/etc","/etc/passwd","/home"],"deleted":["/etc/group"],"added":["/etc/new"]}' ]
  rbox rm box
  mkdir -m 777 mnt
  run_detached --name box -v "$PWD/mnt:/mnt" busybox sh -c 'touch /here /mnt/there; sleep 1000'
  until_true rbox exec box test -e /mnt/there
  run rbox diff box
  [[ "$output" == *"A /here"* ]]
  [[ "$output" != *there* ]]
}

@test "diff: touching is a change, reading and opening are none" {
  stopped 'cat /etc/passwd >/dev/null; : >>/etc/group; touch -d "2001-01-01 00:00" /bin/busybox'
  [ "$(rbox diff box | tr '\n' ' ')" = "C /bin C /bin/busybox " ]
}

@test "diff, commit and cp with the copying driver" {
  rbox run --storage-driver copy --network none --name box busybox sh -c 'echo x >/etc/new; rm /etc/group' 2>/dev/null
  [ "$(rbox diff box | tr '\n' ' ')" = "C /etc D /etc/group A /etc/new " ]
  rbox commit -q box copied
  [ "$(rbox run --rm --network none copied sh -c 'cat /etc/new; ls /etc/group 2>&1')" = "x
ls: /etc/group: No such file or directory" ]
  rbox cp box:/etc/new new
  [ "$(cat new)" = x ]
}

@test "export: the root's files, not what is mounted in it; import makes an image of them" {
  mkdir vol && echo v >vol/inside
  run_detached -v "$PWD/vol:/vol" --name box busybox sh -c 'echo x >/here; sleep 1000'
  until_true rbox exec box test -e /here
  rbox export -o root.tar box
  tar -tf root.tar >list
  grep -qx here list
  grep -qx vol/ list
  run ! grep -q 'vol/inside\|proc/1\|dev/null' list
  rbox stop -t 0 box
  rbox export box | rbox import - flat
  [ "$(rbox run --rm --network none flat cat /here)" = x ]
  run rbox export -o nosuch/x box
  [ "$status" -eq 125 ]
  [ "$(ls -A)" = "list
root.tar
vol" ]
}

@test "commit: an image with the changes, the command and the config; deleted stays deleted" {
  rbox run --network none --name box -e KEY=value -w /tmp --label a=b busybox sh -c 'echo x >/etc/new; rm /etc/group; rm -r /var; mkdir /var; mkfifo /pipe; ln /etc/new /hard'
  id=$(rbox commit -a me -m 'a comment' -c 'CMD ["sh","-c","pwd; echo $KEY $MORE"]' -c 'ENV MORE=m' box made:v1)
  [[ $id =~ ^[0-9a-f]{64}$ ]]
  [ "$(rbox run --rm --network none made:v1)" = "/tmp
value m" ]
  run rbox run --rm --network none made:v1 sh -c 'ls /etc/group; ls -A /var; [ -p /pipe ] && [ /hard -ef /etc/new ] && echo good'
  [ "$output" = "ls: /etc/group: No such file or directory
good" ]
  [ "$(rbox image inspect --format '{{.Id}} {{.Config.Labels}}' made:v1)" = "sha256:$id map[a:b]" ] || rbox image inspect made:v1
  rbox history made:v1 | grep -q 'a comment'
  # On top of it, once more; other tools read it.
  rbox run --network none --name two made:v1 sh -c 'rm /etc/new'
  rbox commit -q two made:v1
  run rbox run --rm --network none made:v1 ls /etc/new
  [ "$status" -eq 1 ]
  rbox save --format oci-dir -o layout made:v1
  skopeo inspect --config "oci:layout" >config.json || skip "no skopeo here"
  grep -q MORE=m config.json
}

@test "commit without a name, of a running container, and what cannot be committed" {
  run_detached --name box busybox sh -c 'echo x >/x; sleep 1000'
  until_true rbox exec box cat /x
  id=$(rbox commit box)
  [ "$(rbox run --rm --network none "$id" cat /x)" = x ]
  rbox commit --iidfile iid -q box named
  [ "$(rbox image inspect --format '{{.Id}}' named)" = "$(cat iid)" ]
  mkdir root
  install_busybox root/sh
  rbox create --network none --name dir --rootfs root /sh
  run rbox commit dir x
  [ "$status" -eq 125 ]
  [[ "$output" == *"not made of an image"* ]]
  rbox rmi -f busybox
  run rbox commit box x
  [ "$status" -eq 125 ]
  [[ "$output" == *"the image of container 'box'"*"rbox export box | rbox import - NAME"* ]]
  run rbox commit box 'UPPER/case'
  [ "$status" -eq 125 ]
  run rbox commit -c 'FROM x' box x
  [ "$status" -eq 125 ]
}

@test "while a stopped container is copied from, it is not started; after that it is" {
  rbox run -d --network none --name box busybox \
    sh -c '[ -e /big ] || dd if=/dev/zero of=/big bs=1M count=64 2>/dev/null; touch /ready; exec sleep 1000'
  until_true rbox exec box cat /ready
  rbox stop -t 0 box
  mkfifo slow
  "$RBOX_BUILD/rbox" export box >slow 3>&- &
  local pid=$!
  exec 5<slow
  head -c 1000 <&5 >/dev/null
  "$RBOX_BUILD/rbox" start box 3>&- 5<&- &
  local starter=$!
  sleep 0.5
  [[ "$(rbox ps --format '{{.Status}}')" != Up* ]]
  cat <&5 >/dev/null
  exec 5<&-
  wait $pid
  wait $starter
  [[ "$(rbox ps --format '{{.Status}}')" = Up* ]]
  rbox stop -t 0 box
}

@test "killed copies leave nothing that lives, and the next command works" {
  stopped true
  mkdir big && head -c 30000000 /dev/urandom >big/file
  for delay in 0.01 0.03 0.06 0.1; do
    timeout -s KILL "$delay" "$RBOX_BUILD/rbox" cp big box:/ || true
    timeout -s KILL "$delay" "$RBOX_BUILD/rbox" commit box k || true
  done
  rbox cp big box:/
  rbox cp box:/big/file back
  cmp back big/file
  rbox commit -q box k
  rbox rm box
  rbox image prune -f
}

@test "with fuse-overlayfs: cp, diff, commit and export, while it runs and when it does not" {
  [ -w /dev/fuse ] || skip "no /dev/fuse on this machine"
  rbox run --storage-driver fuse-overlayfs -d --network none --name box busybox sh -c 'rm /etc/group; echo x >/x; sleep 1000'
  until_true rbox exec box cat /x
  echo y >y
  rbox cp y box:/y
  [ "$(rbox diff box | tr '\n' ' ')" = "C /etc D /etc/group A /x A /y " ]
  rbox commit -q box fused
  [ "$(rbox run --rm --network none fused cat /x /y | tr '\n' ' ')" = "x y " ]
  rbox stop -t 0 box
  rbox cp box:/x x
  [ "$(cat x)" = x ]
  echo z >z
  rbox cp z box:/z
  [ "$(rbox diff box | tr '\n' ' ')" = "C /etc D /etc/group A /x A /y A /z " ]
  rbox export box | tar -tf - | grep -qx z
  rbox commit -q box fused
  [ "$(rbox run --rm --network none fused cat /y /z | tr '\n' ' ')" = "y z " ]
  run rbox cp box:/none x
  [ "$status" -eq 125 ]
  rbox start box
  [ "$(rbox exec box cat /z)" = z ]
}
