#!/usr/bin/env bats
# users: alice bob root
# The second wall: nothing in a container opens a file of the host, whatever it got hold of (issue 7, item 6).
load lib

setup() {
  common_setup
  if rbox info | grep -q 'Landlock: .*without'; then
    skip "this kernel has no Landlock that serves"
  fi
  mkdir outside
  echo secret >outside/file
  chmod 755 . outside
}

@test "a folder of the host that came in as standard input leads nowhere, in run; with SYS_ADMIN or --nested it may" {
  cat_it=(busybox cat /proc/self/fd/0/file)
  run rbox run -i --rm --network none "${cat_it[@]}" <outside
  [ "$status" -ne 0 ]
  echo "$output"
  [[ $output == *"Permission denied"* ]]
  for option in "--cap-add SYS_ADMIN" --nested --privileged; do
    # shellcheck disable=SC2086 # words
    run rbox run -i --rm --network none $option "${cat_it[@]}" <outside
    [ "$output" = secret ]
  done
  run rbox run --rm --network none --preserve-fds 1 busybox cat /proc/self/fd/3/file 3<outside
  [ "$output" = secret ]
  # Whoever may not mount anyhow has it, too.
  run rbox run -i --rm --network none --cap-drop ALL --security-opt no-new-privileges "${cat_it[@]}" <outside
  [ "$status" -ne 0 ]
}

@test "files that are standard streams can be opened again by name" {
  echo word >in
  touch out err
  chmod 666 in out err # root of his containers is somebody else
  [ "$(rbox run -i --rm --network none busybox cat /dev/stdin <in)" = word ]
  rbox run --rm --network none busybox sh -c 'echo out >/dev/stdout; echo err >/dev/stderr' >out 2>err
  [ "$(cat out err)" = $'out\nerr' ]
  is_user root || [ "$(rbox run --rm --network none busybox sh -c 'echo piped >/dev/stdout' | cat)" = piped ]
  not_for root "his pipes and terminals are nobody's inside"
  run python3 "$RBOX_TESTS/tools/terminal.py" 24x80 expect=typed -- "$RBOX_BUILD/rbox" run --rm --network none busybox sh -c 'echo typed >/dev/stderr'
  [ "$status" -eq 0 ]
}

@test "inside everything goes as without it: renames and links from folder to folder, volumes, tmpfs, /dev/shm, exec" {
  mkdir v
  chmod 777 v
  run rbox run --rm --network none -v "$PWD/v:/v" --tmpfs /t busybox sh -euc '
    mkdir -p /a/b /c; echo x >/a/b/f; mv /a/b/f /c/; mv /a/b /c/; ln /c/f /a/g; mkdir /v/d /v/e; echo y >/v/d/f
    mv /v/d/f /v/e/; ln -s f /v/e/l; mkfifo /v/p; rm -r /v/d; echo z >/t/f; echo z >/dev/shm/f; truncate -s 0 /c/f
    chroot / true; mkdir /x; cp /bin/busybox /x/; /x/busybox true; [ -w /dev/null ]; cat /v/e/l'
  echo "$output"
  [ "$output" = y ]
  rbox run -d --name box --network none busybox sleep 1000 >/dev/null
  [ "$(rbox exec box sh -c 'tr "\0" "\n" </proc/1/environ | grep container')" = container=rbox ]
  rbox exec box sh -c 'echo x >/file; kill -0 1; readlink /proc/1/exe'
  rbox rm -f box
}

@test "a container that joins another's processes may look into them, --pid host does not" {
  rbox run -d --name box --network none busybox sleep 1000 >/dev/null
  run rbox run --rm --network none --pid container:box --userns container:box busybox sh -c 'tr "\0" "\n" </proc/1/environ | grep container'
  [ "$output" = container=rbox ]
  rbox rm -f box
  # This test's own shell is the caller's process.
  run rbox run --rm --network none --pid host busybox cat "/proc/$$/environ"
  [ "$status" -ne 0 ]
}

@test "without Landlock containers go on, and info and doctor say so" {
  not_for alice "the fault takes the setuid helpers' bit away"
  "$RBOX_BUILD/tests/deny" landlock_create_ruleset=ENOSYS -- "$RBOX_BUILD/rbox" run --rm --network none busybox true
  run "$RBOX_BUILD/tests/deny" landlock_create_ruleset=ENOSYS -- "$RBOX_BUILD/rbox" info
  [[ $output == *"Landlock: this kernel has none: containers go on without the second wall"* ]]
  run "$RBOX_BUILD/tests/deny" landlock_create_ruleset=ENOSYS -- "$RBOX_BUILD/rbox" doctor
  [[ $output == *"RBX-131"*"without the second wall"* ]]
}
