# Scopes of a real `systemd --user`, which with-user-manager runs without a systemd as PID 1, and the
# cgroupfs way below a delegated cgroup (issue 6).
# users: root

load lib

setup() {
  work=$(mktemp -d /var/tmp/rbox-scope.XXXXXX)
  chown rbox-alice: "$work"
  export RBOX_STORE=$work/store
}

teardown() {
  common_teardown
  rm -rf "$work"
}

# Run a script as rbox-alice beside her user manager; $rbox runs a container without network.
managed() {
  # shellcheck disable=SC2016 # for the inner shell
  run "$RBOX_TESTS/cgroup/with-user-manager" rbox-alice bash -euc '
    cd "${RBOX_STORE%/*}"
    top=/sys/fs/cgroup/$WUM_CGROUP
    rbox() { "$RBOX_BUILD/rbox" "$@"; }
    fails() { if "$@"; then return 1; fi; } # bash -e passes over "! command"
    start() { "$RBOX_BUILD/rbox" run --rm --network none --name web "$@" busybox sleep 30 & until pgrep -f "^sleep 30" >/dev/null; do sleep 0.02; done; }
    scope() { find "$top" -name "rbox-*.scope"; }
    '"$1"
  echo "$output"
  [ "$status" -eq 0 ]
}

@test "a scope has the container in box/, the supervisor beside it, and shows its name (issue 6)" {
  managed '
    start --cgroups=enabled
    grep -q "/box\$" "/proc/$(pgrep -f "^sleep 30")/cgroup"
    [ -n "$(cat "$(scope)/supervisor/cgroup.procs")" ]
    systemctl --user show -p Description "$(basename "$(scope)")" | grep -x "Description=rbox container web"
    kill -KILL $!'
}

@test "the container sees its cgroup as the root, and nothing is left of the scope (issue 6)" {
  managed '
    [ "$(rbox run --rm --network none --cgroups=enabled busybox cat /proc/self/cgroup | tail -1)" = "0::/" ]
    for i in {1..50}; do [ -n "$(scope)" ] || break; sleep 0.05; done
    [ -z "$(scope)" ]
    [ -z "$(systemctl --user list-units --all --plain --no-legend "rbox-*")" ]'
}

@test "what serves the root has a leaf of its own, after a restart, too, and goes with the container (issue 6)" {
  managed '
    rbox --storage-driver fuse-overlayfs run -d --name web --cgroups=enabled --network none busybox sleep 1000
    is_in_leaf() { [ "$(wc -l <"$(scope)/server/cgroup.procs")" = 1 ] && grep -qx fuse-overlayfs "/proc/$(cat "$(scope)/server/cgroup.procs")/comm"; }
    is_in_leaf
    rbox restart -t 0 web
    is_in_leaf
    rbox rm -f -t 0 web
    for _ in $(seq 100); do [ -n "$(scope)" ] || break; sleep 0.02; done
    [ -z "$(scope)" ]'
}

@test "a foreground run without limits makes no scope (issue 6)" {
  managed 'start; [ -z "$(scope)" ]; kill -KILL $!'
}

@test "--cgroup-parent names the slice, and only a slice (issue 6)" {
  managed '
    start --cgroups=enabled --cgroup-parent web.slice
    [[ $(scope) == */web.slice/rbox-* ]]
    kill -KILL $!
    fails rbox run --rm --network none --cgroups=enabled --cgroup-parent web busybox true 2>err
    grep -q "not the name of a slice" err'
}

@test "--cgroups=split makes a folder below the cgroup of the caller and removes it (issue 6)" {
  managed '
    start --cgroups=split
    [ -d "$top"/session/rbox-*/box ]
    kill -TERM $!; wait $! || true
    [ -z "$(find "$top/session" -mindepth 1 -name "rbox-*" ! -name rbox-caller)" ]'
}

@test "a killed supervisor leaves no folder after the next command (issue 6)" {
  managed '
    start --cgroups=split
    kill -KILL "$(cat "$top"/session/rbox-*/supervisor/cgroup.procs | head -1)"
    wait $! || true
    rbox run --rm --network none busybox true
    [ -z "$(find "$top/session" -mindepth 1 -name "rbox-*" ! -name rbox-caller)" ]'
}

@test "without a bus the manager answers itself; without a manager --cgroups=enabled is refused with the fix (issue 6)" {
  managed '
    rm "$XDG_RUNTIME_DIR/bus"
    rbox --cgroup-manager systemd run --rm --network none --cgroups=enabled busybox true # by the private socket
    rm "$XDG_RUNTIME_DIR/systemd/private"
    fails rbox --cgroup-manager systemd run --rm --network none --cgroups=enabled busybox true 2>err
    grep -q "no systemd user manager answers" err
    grep -q "RBX-119" err'
}

@test "a bus of its own, as dbus-run-session makes, that knows no manager is passed by (issue 6)" {
  managed 'dbus-run-session -- "$RBOX_BUILD/rbox" run --rm --network none --cgroups=enabled busybox true'
}

@test "pause stops everything in the container, unpause lets it go on (issue 6)" {
  managed '
    "$RBOX_BUILD/rbox" run --rm --network none --name web --cgroups=enabled busybox sh -c "while :; do echo; sleep 0.02; done" >ticks &
    until [ -s ticks ]; do sleep 0.02; done
    [ "$(rbox pause web)" = web ]
    before=$(stat -c %s ticks); sleep 0.2
    [ "$(stat -c %s ticks)" = "$before" ]
    [ "$(rbox inspect --format "{{.State.Status}} {{.State.Paused}}" web)" = "paused true" ]
    rbox ps | grep -q "(Paused)"
    fails rbox pause web 2>err
    grep -q "paused already" err
    [ "$(rbox unpause --all)" = "$(rbox inspect --format "{{.Id}}" web)" ]
    sleep 0.2
    [ "$(stat -c %s ticks)" -gt "$before" ]
    fails rbox unpause web 2>err
    grep -q "not paused" err
    kill -KILL $!'
}

@test "stats tells what the cgroup and the network have, and why it does not (issue 6)" {
  managed '
    start --cgroups=enabled
    "$RBOX_BUILD/rbox" run --rm --network none --name bare busybox sleep 31 &
    until pgrep -f "^sleep 31" >/dev/null; do sleep 0.02; done
    rbox stats --no-stream --format "{{.Name}} {{.CPUPerc}} {{.NetIO}}" 2>err | tee table
    grep -E "^web [0-9.]+% 0 bytes / 0 bytes\$" table
    grep -x "bare n/a 0 bytes / 0 bytes" table
    grep -q "bare runs without a cgroup" err
    grep -q "controllers that do not reach the cgroup of web: memory pids io; rbox doctor" err
    rbox stats --no-stream --format json web | grep -q "\"name\": *\"web\""
    fails rbox stats --no-stream nobody 2>err
    grep -q "no container .nobody." err
    kill -KILL %1 %2'
}

@test "update refuses what cannot hold, and keeps the rest (issue 6)" {
  managed '
    start --cgroups=enabled
    fails rbox update web 2>err
    grep -q "needs a limit" err
    fails rbox update --memory 0 web 2>err
    grep -q -- "--memory" err
    rbox update --cgroup-conf cgroup.max.depth=7 web
    [ "$(cat "$(scope)/box/cgroup.max.depth")" = 7 ]
    [ "$(rbox inspect --format "{{range .Limits}}{{.Option}} {{.Asked}} {{.EnforcedBy}} {{.Exact}}{{end}}" web)" = \
      "--cgroup-conf cgroup.max.depth 7 systemd true" ]
    rbox update --cgroup-conf cgroup.max.depth=8 web
    rbox update --cgroup-conf cgroup.max.depth=7 web
    [ "$(grep -o cgroup.max.depth "$RBOX_STORE"/containers/*/config.json | wc -l)" = 1 ]
    # One that cannot be set takes back those before it.
    fails rbox update --cgroup-conf cgroup.max.descendants=9 --cgroup-conf cgroup.max.depth=zzz web 2>err
    [ "$(cat "$(scope)/box/cgroup.max.descendants")" = max ]
    [ "$(cat "$(scope)/box/cgroup.max.depth")" = 7 ]
    fails grep -q descendants "$RBOX_STORE"/containers/*/config.json
    if ! rbox update --memory 64m web 2>err; then grep -q "cannot update .web.: cannot set --memory" err; fi
    kill -KILL $!'
}

@test "what serves the networks is in no container's scope, and one whose anchor has started it restarts with its cgroup (issue 8)" {
  managed '
    await() { for _ in $(seq 200); do "$@" && return 0; sleep 0.05; done; echo "never: $*"; return 1; }
    # Limits have no controller here; tests/cli/cgroup.bats has them.
    rbox network create back >/dev/null
    rbox run -d --name web --cgroups=enabled --network back busybox sleep 1000 >/dev/null
    id=$(rbox inspect --format "{{.Id}}" web)
    kill -KILL "$(pgrep -x rbox-networks)"
    await eval "rbox logs web 2>&1 | grep -q \"the networks died and was started again\""
    for name in rbox-networks slirp4netns rbox-names; do
      cat "/proc/$(pgrep -x $name)/cgroup"
      fails grep -q "$id" "/proc/$(pgrep -x $name)/cgroup"
    done
    rbox run -d --name other --network back busybox sleep 1000 >/dev/null # what serves them goes on
    rbox restart -t 0 web
    grep -q "/rbox-$id.scope/box\$" "/proc/$(rbox inspect --format "{{.State.Pid}}" web)/cgroup"
    rbox rm -af -t 0 >/dev/null'
}

@test "--sdnotify: systemd takes a container for started when it says so, and its supervisor for the main process (issue 5)" {
  managed '
    service() { systemd-run --user --quiet --unit "$1" -p Type=notify -p NotifyAccess=all -p TimeoutStartSec=60 -p Delegate=yes -E RBOX_STORE="$RBOX_STORE" "${@:2}"; }
    main() { systemctl --user show -p MainPID --value "$1"; }
    supervisor() { sed -n "s/^PPid:.//p" "/proc/$(rbox inspect --format "{{.State.Pid}}" "$1")/status"; }
    probe=(-v "$RBOX_BUILD/tests/netprobe:/netprobe:ro")
    service one "$RBOX_BUILD/rbox" run -d --rm --name one --network none --cgroups=split --sdnotify=conmon busybox sleep 1000
    [ "$(main one)" = "$(supervisor one)" ]
    systemctl --user stop one
    service two "$RBOX_BUILD/rbox" run -d --rm --name two --network none --cgroups=split "${probe[@]}" busybox sh -c "/netprobe notify STATUS=up; /netprobe notify READY=1; exec sleep 1000"
    [ "$(main two)" = "$(supervisor two)" ]
    [ "$(systemctl --user show -p StatusText --value two)" = up ]
    systemctl --user stop two
    fails service three -p TimeoutStartSec=1 "$RBOX_BUILD/rbox" run --rm --network none busybox true
    for _ in $(seq 100); do [ -n "$(rbox ps -aq)" ] || break; sleep 0.05; done
    [ -z "$(rbox ps -aq)" ]
    # A unit that is made for a container that says so waits for it.
    rbox create --name four --sdnotify container --network none "${probe[@]}" busybox sh -c "/netprobe notify READY=1; exec sleep 1000" >/dev/null
    mkdir -p "$XDG_RUNTIME_DIR/systemd/user"
    rbox generate systemd --new -t 1 -e "RBOX_STORE=$RBOX_STORE" four >"$XDG_RUNTIME_DIR/systemd/user/four.service"
    systemctl --user daemon-reload
    systemctl --user start four
    [ "$(systemctl --user is-active four)" = active ]
    systemctl --user stop four'
}

@test "a Debian with systemd as PID 1 boots, takes exec in, and stops by itself (issue 3)" {
  [ -n "${RBOX_TEST_ROOTS:-}" ] || skip "RBOX_TEST_ROOTS names no roots"
  managed '
    rbox import -q - debian <"$RBOX_TEST_ROOTS/debian.tar" >/dev/null
    is() { [ "$(rbox exec "$1" systemctl is-system-running)" = running ]; }
    await() { for _ in $(seq 200); do "$@" && return 0; sleep 0.1; done; echo "never: $*"; return 1; }
    for options in "" "-t --health-cmd true --health-interval 1s"; do
      rbox run -d --name sd --network none $options debian /sbin/init >/dev/null
      await is sd
      [ -z "$(rbox exec sd systemctl --failed --no-legend)" ]
      rbox exec sd systemctl is-active dbus.service systemd-journald.service
      if [ -n "$options" ]; then
        await eval "rbox logs sd | grep -q \"Reached target\""
        rbox healthcheck run sd
      fi
      rbox stop sd
      [ "$(rbox inspect --format "{{.State.ExitCode}} {{.State.Reason}}" sd)" = "0 stop" ]
      rbox rm sd
    done
    # Without one nothing changes.
    [ "$(rbox run --rm --network none --systemd false debian stat -fc %T /run)" != tmpfs ]
    [ "$(rbox run --rm --network none debian stat -fc %T /run)" != tmpfs ]
    [ "$(rbox run --rm --network none --systemd always debian sh -c "stat -fc %T /run; mkdir /sys/fs/cgroup/own && rmdir /sys/fs/cgroup/own && echo writable" | tr "\n" " ")" = "tmpfs writable " ]
    fails rbox run --rm --network none --systemd maybe debian true'
}

@test "rbox oci --systemd-cgroup: a scope of the name and slice that config.json says (issue 5)" {
  managed '
    rbox create --network none --name base busybox true >/dev/null
    mkdir -p bundle/rootfs
    rbox export base | tar -C bundle/rootfs -xf -
    rbox rm base >/dev/null
    rbox oci spec --rootless --bundle bundle
    jq ".process.args=[\"sleep\",\"1000\"] | .process.terminal=false | .linux.cgroupsPath=\"web.slice:pre:one\"" bundle/config.json >new
    mv new bundle/config.json
    rbox oci --systemd-cgroup create --bundle bundle one >/dev/null
    grep -qE "/web.slice/pre-one.scope(/|\$)" "/proc/$(rbox oci state one | jq .pid)/cgroup"
    systemctl --user is-active pre-one.scope
    rbox oci start one
    rbox oci pause one
    [ "$(rbox oci state one | jq -r .status)" = paused ]
    rbox oci resume one
    [ "$(rbox oci state one | jq -r .status)" = running ]
    rbox oci delete --force one
    for _ in $(seq 100); do systemctl --user is-active pre-one.scope >/dev/null || break; sleep 0.05; done
    fails systemctl --user is-active pre-one.scope
    jq ".linux.cgroupsPath=\"no-slice:pre:one\"" bundle/config.json >new
    mv new bundle/config.json
    fails rbox oci --systemd-cgroup create --bundle bundle one
    [ -z "$(rbox oci list -q)" ]'
}

@test "generate systemd: the unit starts, restarts and stops the container, made before or new each time (issue 5)" {
  managed '
    units=$XDG_RUNTIME_DIR/systemd/user
    mkdir -p "$units"
    is_up() { [ "$(rbox ps --format "{{.Names}}")" = "$1" ]; }
    await() { for _ in $(seq 200); do "$@" && return 0; sleep 0.05; done; echo "never: $*"; return 1; }
    none_up() { [ -z "$(rbox ps -q)" ]; }
    rbox create --name web --network none -e "ODD=a b %h \$x" busybox sh -c "echo \"\$ODD\" >/odd; exec sleep 1000" >/dev/null
    for how in "" --new; do
      rbox generate systemd $how -t 1 -e "RBOX_STORE=$RBOX_STORE" web >"$units/web$how.service"
    done
    ! rbox generate systemd nobody
    systemctl --user daemon-reload
    for unit in web web--new; do
      systemctl --user start "$unit"
      await is_up web
      await rbox exec web cat /odd
      [ "$(rbox exec web cat /odd)" = "a b %h \$x" ]
      first=$(rbox inspect --format "{{.State.Pid}}" web)
      kill -KILL "$first"
      again() { is_up web && [ "$(rbox inspect --format "{{.State.Pid}}" web)" != "$first" ]; }
      [ "$unit" = web ] || sleep 0.1
      systemctl --user restart "$unit"
      await again
      systemctl --user stop "$unit"
      await none_up
    done
    rbox rm -f web >/dev/null 2>&1 || true'
}
