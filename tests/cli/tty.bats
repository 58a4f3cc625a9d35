#!/usr/bin/env bats
# users: alice bob root
# Terminals: size, resizing, keys, and the caller's terminal as it was afterwards.
load lib

on_tty() {
  python3 "$RBOX_TESTS/tools/terminal.py" "$@"
}

@test "-t: the size is right from the first instruction" {
  run on_tty 43x132 -- "$RBOX_BUILD/rbox" run --rm --network none -it busybox stty size
  [ "$status" -eq 0 ]
  [[ "$output" == *"43 132"* ]]
}

@test "the container's size follows the terminal's" {
  run on_tty 24x80 expect=ready resize=50x100 expect=changed 'send=stty size\n' 'expect=50 100' 'send=exit\n' -- \
    "$RBOX_BUILD/rbox" run --rm --network none -it busybox sh -c 'trap "echo changed" WINCH; echo ready; sleep 2; exec sh'
  [ "$status" -eq 0 ]
}

@test "it is a terminal of the container's own" {
  run on_tty 24x80 -- "$RBOX_BUILD/rbox" run --rm --network none -it busybox sh -c 'tty; [ -c /dev/console ] && echo console'
  [[ "$output" == */dev/pts/0* ]]
  [[ "$output" == *console* ]]
}

@test "Ctrl-C is the container's, and the modes come back" {
  run on_tty 24x80 expect=ready 'send=\x03' expect=interrupted modes -- \
    "$RBOX_BUILD/rbox" run --rm --network none -it busybox sh -c 'trap "echo interrupted; exit 5" INT; echo ready; while :; do sleep 0.1; done'
  [ "$status" -eq 5 ]
  [[ "$output" == *"modes kept"* ]]
}

@test "the modes come back after SIGTERM too" {
  run on_tty 24x80 expect=ready signal=TERM modes -- \
    "$RBOX_BUILD/rbox" run --rm --network none -it busybox sh -c 'echo ready; exec sleep 100'
  [ "$status" -eq 143 ]
  [[ "$output" == *"modes kept"* ]]
}

@test "typed text arrives, Ctrl-D ends it, and output comes whole" {
  run on_tty 24x80 expect=ready 'send=some words\n' 'send=\x04' -- \
    "$RBOX_BUILD/rbox" run --rm --network none -it busybox sh -c 'echo ready; cat >/tmp/f; echo "got: $(cat /tmp/f)"; seq 1 20000 | tail -1'
  [ "$status" -eq 0 ]
  [[ "$output" == *"got: some words"* ]]
  [[ "$output" == *20000* ]]
}

@test "-t without a terminal warns, and goes on" {
  run bash -c '"$RBOX_BUILD/rbox" run --rm --network none -t busybox echo fine </dev/null | cat'
  [ "$status" -eq 0 ]
  [[ "$output" == *fine* ]]
}

@test "closing the terminal ends the container" {
  local mark=97$(id -u)
  run on_tty 24x80 expect=ready signal=KILL -- \
    "$RBOX_BUILD/rbox" run --rm --network none -it busybox sh -c "echo ready; trap '' HUP TERM INT; sleep $mark"
  [ "$status" -eq 137 ]
  until_true eval '! pgrep -f "sleep $mark"'
}

@test "a program that closes its terminal for a while finds it again, and ends it when it ends" {
  # shellcheck disable=SC2016 # for the shell inside
  run rbox run --rm --network none -t busybox sh -c 'exec 3</dev/null; for fd in 0 1 2; do eval "exec $fd>&3"; done; exec 3>&-; sleep 0.3; echo again >/dev/console; sleep 0.1; echo once more >/dev/console'
  [ "$status" -eq 0 ]
  [ "$(tr -d '\r' <<<"$output")" = "again
once more" ]
}

# ---- in a real terminal emulator

mux() {
  tmux -S "$BATS_TEST_TMPDIR/tmux" -f /dev/null "$@"
}

# Wait until window $1 shows a line that matches $2.
shows() {
  for _ in $(seq 300); do
    ! mux capture-pane -p -t "$1" | grep -qx -e "$2" || return 0
    sleep 0.1
  done
  mux capture-pane -p -t "$1"
  mux kill-server
  return 1
}

# Is the terminal of the container $1 large?
box_is() {
  [ "$(rbox exec box stty -F /dev/console size)" = "$1" ]
}

# Does the shell in the container answer to window $1?
prompts() {
  mux send-keys -t "$1" Enter
  sleep 0.1
  mux capture-pane -p -t "$1" | grep -q '^box:'
}

@test "tmux: two attached terminals, resized, detached, attached again" {
  command -v tmux >/dev/null || skip "no tmux on this machine"
  local store="--root ${RBOX_STORE@Q}" rbox=${RBOX_BUILD@Q}/rbox
  PS1='$ ' mux new-session -d -s a -x 90 -y 20 "env PS1='host: ' bash --norc -i"
  mux send-keys -t a "$rbox $store run -it --name box --network none -e PS1='box: ' busybox sh" Enter
  shows a 'box:'
  mux send-keys -t a 'stty size' Enter
  shows a '20 90'
  mux resize-window -t a -x 120 -y 30
  until_true box_is '30 120'
  mux send-keys -t a 'stty size' Enter
  shows a '30 120'

  mux new-session -d -s b -x 100 -y 25 "env PS1='host: ' bash --norc -i"
  mux send-keys -t b "$rbox $store attach box" Enter
  until_true prompts b
  mux send-keys -t b 'echo line $((n += 1))' Enter
  shows a 'line 1'
  shows b 'line 1'

  mux send-keys -t a C-p Enter # half of the detach keys is held by nobody: the shell's last line again
  shows a 'line 2'
  mux send-keys -t a C-p C-q
  shows a '.*host:'
  mux send-keys -t b C-u 'echo still here' Enter # the shell got the Ctrl-P, too
  shows b 'still here'
  mux send-keys -t a "clear; $rbox $store attach box" Enter
  until_true prompts a
  mux send-keys -t a 'stty size' Enter
  shows a '30 120'
  mux send-keys -t a 'exit 7' Enter
  shows b 'host: .*'
  shows a 'host:'
  mux send-keys -t a 'echo status $?' Enter
  shows a 'status 7'
  mux kill-server
  rbox rm box
}
