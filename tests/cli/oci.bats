#!/usr/bin/env bats
# users: alice bob root
# rbox oci: the command line of an OCI runtime, by hand and as podman's (issue 5).
load lib

setup_file() {
  rbox run --name base --network none busybox true
  mkdir -p "$BATS_FILE_TMPDIR/rootfs"
  rbox export base | tar -C "$BATS_FILE_TMPDIR/rootfs" -xf -
  rbox rm base >/dev/null
}

setup() {
  common_setup
  export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
  mkdir -m 700 "$XDG_RUNTIME_DIR"
  mkdir bundle
  cp -a "$BATS_FILE_TMPDIR/rootfs" bundle/rootfs
  if is_user root; then
    rbox oci spec --bundle bundle
  else
    rbox oci spec --bundle bundle --rootless
  fi
}

# podman's process that keeps its namespaces.
end_pause() {
  local file pid
  for file in "$runroot/tmp/pause.pid" "$XDG_RUNTIME_DIR/libpod/tmp/pause.pid"; do
    if pid=$(cat "$file" 2>/dev/null); then
      kill -KILL "$pid"
      until_true test ! -e "/proc/$pid"
    fi
  done
}

teardown() {
  local id
  if [ -n "${runroot:-}" ]; then
    pod rm -af -t 0 >/dev/null 2>&1 || pod rm -af >/dev/null 2>&1
    pod unshare rm -rf pod "$runroot/containers" "$runroot/vfs-containers"
    end_pause
    rm -rf "$runroot"
  fi
  for id in $(rbox oci list -q); do
    rbox oci delete --force "$id"
  done
  [ ! -d bundle/closed ] || rbox unshare rm -rf bundle/closed
  common_teardown
}

# Change the bundle's config.json by a jq program.
config() {
  jq "$1" bundle/config.json >config.new && mv config.new bundle/config.json
}

# Let the bundle's command be a shell script.
script() {
  jq --arg s "$1" '.process.args = ["sh", "-c", $s]' bundle/config.json >config.new && mv config.new bundle/config.json
}

status_is() {
  [ "$(rbox oci state "$1" | jq -r .status)" = "$2" ]
}

# Listen at $1, say so, and copy what the terminal that comes says to standard output.
receive_terminal() {
  python3 -c '
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(1)
c, _ = s.accept()
_, control, _, _ = c.recvmsg(100, 100)
fd = array.array("i", control[0][2])[0]
try:
    while data := os.read(fd, 4096):
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
except OSError:
    pass
' "$1"
}

@test "create, start, state, kill, delete: one bundle's life" {
  script 'echo begun; exec sleep 1000'
  rbox oci create --bundle bundle --pid-file pid one >out
  status_is one created
  [ "$(rbox oci state one | jq -r '.bundle, .ociVersion, .id')" = "$(realpath bundle)
1.1.0
one" ]
  [ "$(rbox oci state one | jq .pid)" = "$(cat pid)" ]
  [ ! -s out ] # nothing was executed yet
  run rbox oci create --bundle bundle one
  [ "$status" -eq 125 ]
  [[ "$output" == *"'one' exists already"* ]]
  rbox oci start one
  status_is one running
  until_true grep -q begun out
  run rbox oci start one
  [ "$status" -eq 125 ]
  run rbox oci delete one
  [ "$status" -eq 125 ]
  [[ "$output" == *"is running"*"delete --force one"* ]]
  [ "$(rbox oci list -q)" = one ]
  rbox oci list | grep -q "one .*running .* $(id -un)\$"
  [ "$(rbox oci ps --format json one | jq '.[0]')" = "$(cat pid)" ]
  rbox oci kill one SIGKILL
  until_true status_is one stopped
  run rbox oci kill one 15
  [ "$status" -eq 125 ]
  [[ "$output" == *"is not running"* ]]
  rbox oci delete one
  run rbox oci state one
  [ "$status" -eq 125 ]
  [[ "$output" == *"'one' does not exist"* ]]
  rbox oci delete --force one
  [ -z "$(ls -A "$XDG_RUNTIME_DIR/rbox-oci")" ]
}

@test "run: descriptors and status pass through; signals, too" {
  script 'read line; echo "got $line"; echo err >&2; exit 7'
  run bash -c 'echo hello | "$RBOX_BUILD/rbox-oci" run --bundle bundle one 2>err'
  [ "$status" -eq 7 ]
  [ "$output" = "got hello" ]
  [ "$(cat err)" = err ]
  script 'trap "exit 9" TERM; echo ready; while :; do sleep 0.1; done'
  "$RBOX_BUILD/rbox" oci run --bundle bundle two >out &
  local pid=$!
  until_true grep -q ready out
  kill -TERM $pid
  local ended=0
  wait $pid || ended=$?
  [ "$ended" -eq 9 ]
  [ -z "$(rbox oci list -q)" ]
}

@test "the process is what config.json says: user, groups, capabilities, limits, umask, cwd, environment" {
  script 'id -u; id -g; umask; pwd; echo $NAME; ulimit -n; cat /proc/self/oom_score_adj; hostname; cat /proc/sys/kernel/domainname; grep -E "^Cap(Eff|Bnd|Amb)|NoNew" /proc/self/status | tr "\t" " "'
  config '.process.user.umask = 63 | .process.cwd = "/new/place" | .process.env += ["NAME=a b"] | .hostname = "box"
    | .domainname = "example" | .process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}] | .process.oomScoreAdj = 555
    | .process.noNewPrivileges = false | .process.capabilities = {"bounding": ["CAP_KILL", "CAP_CHOWN"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]}'
  run rbox oci run --bundle bundle one
  [ "$status" -eq 0 ]
  [ "$output" = "0
0
0077
/new/place
a b
100
555
box
example
CapEff: 0000000000000021
CapBnd: 0000000000000021
CapAmb: 0000000000000000
NoNewPrivs: 0" ]
}

@test "another user: ids, groups, and capabilities by the ambient set" {
  not_for bob "one id"
  config 'del(.linux.uidMappings) | del(.linux.gidMappings)
    | .process.user = {"uid": 33, "gid": 44, "additionalGids": [55, 66]}
    | .process.capabilities = {"bounding": ["CAP_KILL", "CAP_CHOWN"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]}'
  script 'id -u; id -g; id -G; grep CapEff /proc/self/status; echo $HOME'
  run rbox oci run --bundle bundle one
  [ "$output" = "33
44
44 55 66
CapEff:	0000000000000020
/var/www" ]
}

@test "mounts are those of config.json, in its order; paths are masked and read-only" {
  mkdir data && echo mine >data/file
  ln -s "$PWD/data" bundle/here
  config '.mounts += [{"destination": "/t", "type": "tmpfs", "source": "tmpfs", "options": ["ro", "mode=700", "size=1m"]},
    {"destination": "/t/in", "type": "bind", "source": "here", "options": ["rbind", "ro"]},
    {"destination": "/t/in/file", "type": "bind", "source": "here/file", "options": ["bind"]},
    {"destination": "/etc/up", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}]
    | .root.readonly = true | .linux.maskedPaths = ["/proc/keys", "/sys/firmware"] | .linux.readonlyPaths = ["/proc/sys"]'
  mkdir -p bundle/rootfs/etc/up && echo image >bundle/rootfs/etc/up/file
  script 'cat /t/in/file /etc/up/file; touch /t/x; touch /t/in/x; touch /x; touch /etc/up/y && echo written
    cat /proc/keys; ls /sys/firmware; echo 1 >/proc/sys/kernel/msgmax; test -c /dev/null && test -L /dev/ptmx && echo devices; stat -c %a /t; grep -c -e resolv -e containerenv /proc/mounts'
  run rbox oci run --bundle bundle one
  [[ "$output" == "mine
image
touch: /t/x: Read-only file system
touch: /t/in/x: Read-only file system
touch: /x: Read-only file system
written
"*"Read-only file system
devices
700
0" ]]
}

@test "linux.seccomp holds, in exec too; 32-bit programs are meant when it says so" {
  config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_MIPS"],
    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 122},
                 {"names": ["sched_yield"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": "BIG", "op": "SCMP_CMP_EQ"}]},
                 {"names": ["rmdir", "unlinkat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}'
  script 'mkdir /tmp/a; exec sleep 1000'
  sed -i 's/"BIG"/18446744073709551615/' bundle/config.json # jq has no number like that
  rbox oci run --detach --bundle bundle one 2>out
  until_true grep -q 'quota exceeded' out
  run rbox oci exec one rmdir /proc
  [[ "$output" == *"No space left"* ]]
}

@test "namespaces by path: a second container sees the first one's processes and host name" {
  config '.hostname = "first"'
  script 'exec sleep 1234'
  rbox oci run --detach --pid-file pid --bundle bundle one
  local p
  p=/proc/$(cat pid)/ns
  config '.linux.namespaces = [{"type": "mount"}, {"type": "cgroup"}, {"type": "pid", "path": "'$p/pid'"}, {"type": "uts", "path": "'$p/uts'"},
      {"type": "ipc", "path": "'$p/ipc'"}, {"type": "network", "path": "'$p/net'"}] | del(.hostname) | del(.linux.uidMappings) | del(.linux.gidMappings)'
  is_user root || config '.linux.namespaces += [{"type": "user", "path": "'$p/user'"}]'
  script 'hostname; ps | grep -q "[s]leep 1234" && echo seen; for ns in net ipc; do [ "$(readlink /proc/self/ns/$ns)" = "$(readlink /proc/1/ns/$ns)" ] && echo same; done'
  run rbox oci run --bundle bundle two
  [ "$output" = "first
seen
same
same" ]
  config '.linux.namespaces[2].path = "/no/such"'
  run rbox oci run --bundle bundle three
  [ "$status" -eq 125 ]
  [[ "$output" == *"linux.namespaces"*"/no/such"* ]]
}

@test "hooks are run at their times, and told the state; one that fails ends the start" {
  local kind hooks='{}'
  for kind in prestart createRuntime createContainer poststart poststop; do
    hooks=$(jq --arg k $kind --arg log "$PWD/log" '.[$k] = [{"path": "/bin/sh", "args": ["hook", "-c", ("jq -r \"[.id, .status, (.pid != null)] | join(\\\" \\\")\" | sed \"s/^/" + $k + " $A /\" >>" + $log)], "env": ["PATH=/usr/bin:/bin", "A=b"]}]' <<<"$hooks")
  done
  config ".hooks = $hooks | .hooks.startContainer = [{\"path\": \"/bin/sh\", \"args\": [\"sh\", \"-c\", \"cat >/seen\"]}]"
  script 'grep -o "\"status\":\"[a-z]*\"" /seen'
  run rbox oci run --bundle bundle one
  [ "$output" = '"status":"created"' ]
  [ "$(cat log)" = "prestart b one creating true
createRuntime b one creating true
createContainer b one creating true
poststart b one running true
poststop b one stopped true" ]
  config '.hooks = {"createRuntime": [{"path": "/bin/false"}]}'
  run rbox oci run --bundle bundle two
  [ "$status" -eq 125 ]
  [[ "$output" == *"createRuntime hook '/bin/false' failed with status 1"* ]]
  config '.hooks = {"prestart": [{"path": "/bin/sleep", "args": ["sleep", "1000"], "timeout": 1}]}'
  run rbox oci run --bundle bundle two
  [[ "$output" == *"prestart hook '/bin/sleep'"* ]]
  config '.hooks = {"prestart": [{"path": "sleep"}]}'
  run rbox oci run --bundle bundle two
  [[ "$output" == *"path is missing or not absolute"* ]]
  [ -z "$(rbox oci list -q)" ]
}

@test "a terminal comes by --console-socket, for exec too" {
  config '.process.terminal = true'
  script 'tty; test -t 0 && test -t 1 && test -t 2 && echo all; exec sleep 1000'
  run rbox oci create --bundle bundle one
  [ "$status" -eq 125 ]
  [[ "$output" == *"--console-socket"* ]]
  receive_terminal console.sock >out 3>&- &
  local receivers=$!
  until_true test -S console.sock
  rbox oci create --bundle bundle --console-socket console.sock one
  rbox oci start one
  until_true grep -q all out
  grep -q /dev/pts/0 out
  receive_terminal exec.sock >exec.out 3>&- &
  receivers+=" $!"
  until_true test -S exec.sock
  rbox oci exec --tty --detach --console-socket exec.sock --pid-file exec.pid one sh -c 'tty; echo here; exec sleep 1000'
  until_true grep -q here exec.out
  grep -q /dev/pts/1 exec.out
  cmdline() {
    [ "$(tr '\0' ' ' <"/proc/$(cat exec.pid)/cmdline")" = "sleep 1000 " ]
  }
  until_true cmdline
  rbox oci delete --force one
  # shellcheck disable=SC2086 # words
  wait $receivers
}

@test "exec: words and --process; status, 126 and 127" {
  script 'exec sleep 1000'
  rbox oci run --detach --bundle bundle one
  run rbox oci exec --env A=b --cwd /tmp one sh -c 'echo $A; pwd; exit 3'
  [ "$status" -eq 3 ]
  [ "$output" = "b
/tmp" ]
  jq '.process | .args = ["sh", "-c", "pwd; exit 4"] | .cwd = "/proc"' bundle/config.json >process.json
  run rbox oci exec --process process.json one
  [ "$status" -eq 4 ]
  [ "$output" = /proc ]
  run -127 rbox oci exec one nosuch
  [[ "$output" == *"No such file or directory"* ]]
  run rbox oci exec one /etc
  [ "$status" -eq 126 ]
  run rbox oci exec one
  [ "$status" -eq 125 ]
  echo '{"args": []}' >process.json
  run rbox oci exec --process process.json one
  [ "$status" -eq 125 ]
  [[ "$output" == *process.cwd* ]]
}

@test "descriptors: 3 to 2+N are passed on, and no others" {
  script 'cat <&3; ls /proc/self/fd | tr "\n" " "'
  echo three >three
  run bash -c 'exec 3<three 4</dev/null 9</dev/null; "$RBOX_BUILD/rbox" oci run --preserve-fds 1 --bundle bundle one'
  [ "$output" = "three
0 1 2 3 4 " ] # 4 is of ls itself
}

@test "what rbox cannot do is an error that names the field; nothing is left" {
  cp bundle/config.json good.json
  local change field
  while IFS='|' read -r field change; do
    jq "$change" good.json >bundle/config.json
    run rbox oci create --bundle bundle one
    [ "$status" -eq 125 ]
    [[ "$output" == *"$field"* ]] || { echo "$field: $output"; false; }
  done <<'TABLE'
process.apparmorProfile|.process.apparmorProfile = "x"
process.selinuxLabel|.process.selinuxLabel = "x"
linux.mountLabel|.linux.mountLabel = "x"
linux.intelRdt|.linux.intelRdt = {"closID": "x"}
linux.personality|.linux.personality = {"domain": "LINUX32"}
linux.rootfsPropagation|.linux.rootfsPropagation = "shared"
linux.resources.hugepageLimits|.linux.resources.hugepageLimits = [{"pageSize": "2MB", "limit": 1}]
linux.resources.memory.kernel|.linux.resources.memory.kernel = 1
linux.resources.cpu.realtimeRuntime|.linux.resources.cpu.realtimeRuntime = 1
linux.seccomp.listenerPath|.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/x"}
SCMP_ACT_NOTIFY|.linux.seccomp = {"defaultAction": "SCMP_ACT_NOTIFY"}
linux.namespaces has no mount|.linux.namespaces = []
'time'|.linux.namespaces += [{"type": "time"}]
process.args|.process.args = []
process.cwd|.process.cwd = "relative"
root.path|del(.root)
linux.devices|.linux.devices = [{"type": "c"}]
/dev/no-such|.linux.devices = [{"type": "c", "path": "/dev/no-such", "major": 1, "minor": 3}]
process.rlimits|.process.rlimits = [{"type": "RLIMIT_NONSENSE", "soft": 1, "hard": 1}]
'/x' has no type|.mounts += [{"destination": "/x"}]
process.capabilities|.process.capabilities.bounding = ["CAP_NONSENSE"]
process.user.uid|.process.user.uid = -1
hostname|.linux.namespaces |= map(select(.type != "uts"))
windows|.windows = {"layerFolders": ["x"]}
cannot mount nosuchfs|.mounts += [{"destination": "/x", "type": "nosuchfs", "source": "x"}]
TABLE
  echo '{' >bundle/config.json
  run rbox oci create --bundle bundle one
  [ "$status" -eq 125 ]
  run rbox oci create --bundle no-such one
  [ "$status" -eq 125 ]
  [[ "$output" == *no-such* ]]
  run rbox oci create --bundle bundle ../one
  [ "$status" -eq 125 ]
  cp good.json bundle/config.json
  script nothing
  config '.process.args = ["no-such-program"]'
  run -127 rbox oci create --bundle bundle --pid-file pid one
  [ ! -e pid ]
  run rbox oci frobnicate
  [ "$status" -eq 125 ]
  [ -z "$(ls -A "$XDG_RUNTIME_DIR/rbox-oci")" ]
}

@test "a create that is killed in the middle leaves nothing in the way" {
  config '.hooks = {"prestart": [{"path": "/bin/sh", "args": ["sh", "-c", "kill -KILL $PPID"]}]}'
  run rbox oci create --bundle bundle --pid-file pid one
  [ "$status" -eq 137 ]
  [ ! -e pid ]
  status_is one creating
  config 'del(.hooks)'
  script 'echo again'
  [ "$(rbox oci run --bundle bundle one)" = again ]
  # and a container whose process was killed is stopped, to be deleted without force
  script 'exec sleep 1000'
  rbox oci create --bundle bundle --pid-file pid one
  kill -KILL "$(cat pid)"
  until_true status_is one stopped
  rbox oci delete one
}

@test "--log json has the error; version and features" {
  run "$RBOX_BUILD/rbox-oci" --log-format=json --log "$PWD/log" state nobody
  [ "$status" -eq 125 ]
  [ "$(jq -r '.level, .msg' log)" = "error
container 'nobody' does not exist" ]
  "$RBOX_BUILD/rbox-oci" --version | grep -q '^spec: '
  "$RBOX_BUILD/rbox-oci" features | jq -e '.linux.namespaces | index("user")' >/dev/null
}

@test "a bundle of umoci's runs" {
  not_for root "umoci's bundles for root ask for AppArmor and what root's own containers have"
  make_busybox_layer
  rbox import busybox.tar test/umoci:1
  rbox save -q --format oci-dir -o image test/umoci:1
  umoci unpack --rootless --image "image:$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]' image/index.json)" unpacked
  jq '.process.terminal = false | .process.args = ["/bin/sh", "-c", "echo from umoci; cat /proc/self/uid_map"]' unpacked/config.json >c && mv c unpacked/config.json
  run rbox oci run --bundle unpacked one
  [[ "$output" == *"from umoci"* ]]
}

# podman with everything of its own in the test's folder.
pod() {
  "${pod[@]}" "$@"
}

@test "a root in a folder that only a mapped id may enter: the ids are mapped first" {
  not_for bob "he has one id"
  not_for root "the same as alice's"
  local base
  base=$(awk -F: -v u="$(id -un)" '$1 == u { print $2 }' /etc/subuid)
  mkdir bundle/closed
  mv bundle/rootfs bundle/closed/
  rbox unshare chown 1:1 bundle/closed
  rbox unshare chmod 700 bundle/closed
  config ".root.path = \"closed/rootfs\" | .linux.uidMappings += [{containerID: 1, hostID: $base, size: 100}] |
    .linux.gidMappings += [{containerID: 1, hostID: $base, size: 100}]"
  script 'stat -c %u /'
  [ "$(rbox oci run --bundle bundle shut)" = 0 ]
}

@test "a cgroup that its user may not make is done without, unless a limit wants one" {
  not_for root "root may make it"
  config '.linux.cgroupsPath = "/rbox-not-mine/one"'
  script 'echo runs'
  [ "$(rbox oci run --bundle bundle one)" = runs ]
  config '.linux.resources.memory = {limit: 33554432}'
  run rbox oci run --bundle bundle one
  [ "$status" -eq 125 ]
  [[ "$output" == *"cgroup '/rbox-not-mine': cannot create folder 'rbox-not-mine': Permission denied" ]]
}

@test "podman --runtime rbox-oci: run, exec, stop, start, kill, rm, terminals, 126 and 127" {
  not_for bob "podman needs subordinate ids"
  not_for root "root's is below"
  runroot=$(mktemp -d /tmp/rbox-pod.XXXX) # it takes no longer one
  pod=(podman --root "$PWD/pod" --runroot "$runroot" --tmpdir "$runroot/tmp" --cgroup-manager cgroupfs
    --events-backend file --storage-driver vfs --runtime "$RBOX_BUILD/rbox-oci")
  # The limit that podman 3 asks for is no user's to give without a manager.
  new() { pod run --pids-limit -1 --network none "$@"; }
  pod load -qi "$RBOX_BUILD/images/busybox.tar"
  run new --rm busybox sh -c 'echo hello; id -u; exit 7'
  [ "$status" -eq 7 ]
  [[ "$output" == *"hello
0" ]]
  new -d --name web busybox sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done'
  [ "$(pod exec web echo inside)" = inside ]
  [ "$(echo through | pod exec -i web cat)" = through ]
  run pod exec web sh -c 'exit 9'
  [ "$status" -eq 9 ]
  run -127 pod exec web nosuch
  run -127 new --rm busybox nosuch
  run new --rm busybox /etc
  [ "$status" -eq 126 ]
  command script -qec "${pod[*]} exec -it web tty" typescript </dev/null
  grep -q /dev/pts/0 typescript
  pod stop -t 10 web
  [ "$(pod inspect --format '{{.State.ExitCode}} {{.State.Status}}' web)" = "5 exited" ]
  pod start web
  pod kill -s KILL web
  pod wait web
  pod rm -f web
  [ "$(new --rm --userns keep-id busybox id -u)" = "$(id -u)" ]
  kernel_is 5 12 || return 0 # podman 3 has /proc come last with --read-only: recursive flags go by it there
  run new --rm --read-only --tmpfs /x -v "$PWD:/y:ro" busybox sh -c 'touch /x/a && ls /x; touch /y/b; touch /z'
  [[ "$output" == *"a
touch: /y/b: Read-only file system
touch: /z: Read-only file system"* ]]
}

@test "podman as root --runtime rbox-oci, with cgroups of its own" {
  not_for alice "root's"
  not_for bob "root's"
  runroot=$(mktemp -d /tmp/rbox-pod.XXXX)
  # Limits that even a root without CAP_SYS_RESOURCE and a tree without controllers can give.
  cat >script <<END
set -e
umount -l /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
own=/sys/fs/cgroup/rbox-pod-$$
mkdir "\$own"
trap 'find "\$own" -depth -type d -exec rmdir {} + || true' EXIT
pod() { podman --root $PWD/pod --runroot $runroot --tmpdir $runroot/tmp --cgroup-manager cgroupfs --events-backend file \\
  --storage-driver vfs --runtime $RBOX_BUILD/rbox-oci "\$@"; }
new() { pod run --network none --pids-limit -1 --ulimit nofile=100:100 --ulimit nproc=1000:1000 --cgroup-parent "/\${own##*/}" "\$@"; }
pod load -qi $RBOX_BUILD/images/busybox.tar
new --rm busybox sh -c 'id -u; cat /proc/self/uid_map; ulimit -n; exit 7' && exit 1 || [ \$? -eq 7 ]
new -d --name web busybox sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done'
find "\$own" -name "*\$(pod inspect --format '{{.Id}}' web)*" -type d | grep -q .
pod exec web echo inside
pod pause web
pod inspect --format 'state {{.State.Status}}' web
pod unpause web
pod stop -t 10 web
pod inspect --format 'ended {{.State.ExitCode}}' web
pod rm -f -t 0 web
END
  run unshare -m bash script
  rm -rf "$runroot" # nothing of it is mounted
  runroot=
  echo "$output"
  [ "$status" -eq 0 ]
  [[ "$output" =~ (^|$'\n')0$'\n'\ +0\ +0\ +4294967295$'\n'100$'\n' ]]
  [[ "$output" == *$'\ninside\n'*"state paused"*"ended 5"* ]]
}
