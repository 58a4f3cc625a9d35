#!/usr/bin/env bats
# users: alice bob root
# The options of `rbox run`, one by one, seen from inside (issue 2).
load lib

# Layers are unpacked once for each user, with a notice: not in the tests below.
setup_file() {
  rbox run --rm --network none busybox true
}

# Run with options, print from inside.
with() {
  rbox run --rm --network none "$@"
}

# ---- forms of options

@test "options are understood in all their forms" {
  run with -e A=1 --env=B=2 -eC=3 --env D=4 -it=false --tty=false busybox sh -c 'echo $A$B$C$D'
  [ "$status" -eq 0 ]
  [ "$output" = 1234 ]
}

@test "what follows the image is the command's, options and -- included" {
  run with busybox echo --rm -- -t
  [ "$status" -eq 0 ]
  [ "$output" = "--rm -- -t" ]
}

@test "an unknown option is refused with the nearest name" {
  run with --volumne /x busybox true
  [ "$status" -eq 125 ]
  [ "${lines[0]}" = "rbox: unknown option '--volumne'" ]
  [ "${lines[1]}" = "  hint: did you mean --volume?" ]
}

@test "an option of docker's that is not there yet is refused by name" {
  for option in --gpus=all --link=x --pod=y; do
    run with "$option" busybox true
    [ "$status" -eq 125 ]
    [ "${lines[0]}" = "rbox: ${option%%=*} is not supported yet" ]
  done
}

@test "what has another way here is refused with that way" {
  run -125 with --link db busybox true
  [[ "$output" == *"hint: rbox network create NET"* ]]
  run -125 with --storage-opt size=1g busybox true
  [[ "$output" == *"hint: a quota takes root"*"--tmpfs PLACE:size=BYTES"* ]]
  run -125 with --mount type=image,source=busybox,destination=/x busybox true
  [[ "$output" == *"hint: rbox image mount IMAGE COMMAND"* ]]
  run -125 with --env-merge A=b busybox true
  [[ "$output" == *"hint: -e NAME=VALUE"* ]]
  run -125 rbox start --checkpoint it
  [[ "$output" == *"takes root of the host"* ]]
  run -125 rbox exec --cidfile it true
  [[ "$output" == *'hint: rbox exec $(cat FILE) COMMAND'* ]]
}

@test "--attach: of the outputs those that are named, standard input by -i; not with -d" {
  local both=(busybox sh -c 'echo out; echo err >&2; cat')
  [ "$(with -a stdout "${both[@]}" 2>&1 <<<in)" = out ]
  [ "$(with --attach STDERR "${both[@]}" 2>&1 <<<in)" = err ]
  [ "$(with -a stdout -a stderr "${both[@]}" 2>&1 <<<in | sort | tr '\n' ' ')" = "err out " ]
  [ "$(with -i -a stdin -a stdout "${both[@]}" 2>&1 <<<in | tr '\n' ' ')" = "out in " ]
  [[ "$(with -i -a stdin "${both[@]}" 2>&1 <<<in)" =~ ^[0-9a-f]{64}$ ]]
  run -125 with -a stdout,stderr busybox true
  [[ "$output" == *"hint: of several each has an option of its own"* ]]
  run -125 with -d -a stdout busybox true
  [[ "$output" == *"--attach is for the foreground"* ]]
  run -125 with -t -a stderr busybox true
  [[ "$output" == *"a terminal has one output"* ]]
  assert_no_containers
  rbox create -a stdout --network none --name later "${both[@]}"
  [ "$(rbox start -a later 2>&1 | sort | tr '\n' ' ')" = "err out " ]
}

@test "--image-volume: the image's volumes are anonymous ones, tmpfs, or none" {
  rbox create --network none --name plain busybox true
  rbox commit -q -c 'VOLUME /vol' plain with-volume
  local kind
  for kind in anonymous bind; do
    with --image-volume "$kind" with-volume grep -q ' /vol ' /proc/mounts
    ! with --image-volume "$kind" with-volume grep '^tmpfs /vol ' /proc/mounts || false
  done
  with --image-volume tmpfs with-volume grep '^tmpfs /vol ' /proc/mounts
  ! with --image-volume ignore with-volume grep ' /vol ' /proc/mounts || false
  run -125 with --image-volume some with-volume true
  [[ "$output" == *"'some' is not anonymous, bind, tmpfs or ignore"* ]]
  rbox rm plain
  rbox rmi with-volume
}

@test "--help names every option, and nothing runs" {
  run rbox run --help busybox
  [ "$status" -eq 0 ]
  [[ "$output" == *"--volume [SOURCE:]PLACE[:OPTIONS]"* ]]
  [[ "$output" == *"Examples:"* ]]
}

@test "--dry-run prints the spec and runs nothing" {
  run with --dry-run -v "$PWD:/x:ro" -m 64m busybox touch /x/made
  [ "$status" -eq 0 ]
  [ ! -e made ]
  jq -e '.process.args == ["touch", "/x/made"]' <<<"$output"
  jq -e '.linux.resources.memory.limit == 67108864' <<<"$output"
  jq -e '[.mounts[] | select(.destination == "/x") | .options] == [["ro"]]' <<<"$output"
  jq -e '.process.user != null and .rbox.image == "docker.io/library/busybox:latest"' <<<"$output"
  assert_no_containers
}

# ---- environment

@test "variables: the option wins over the file, the file over the host, the host over the image" {
  printf '# a comment\nA=file\nB=file\n\nFROM_HOST\n' >vars
  A=host B=host C=host FROM_HOST=yes run with --env-host --env-file vars -e A=option busybox \
    sh -c 'echo $A $B $C $FROM_HOST'
  [ "$output" = "option file host yes" ]
}

@test "-e NAME copies the host's value, -e 'PRE*' all with that beginning" {
  LC_A=1 LC_B=2 X=3 run with -e X -e 'LC_*' -e NOT_SET busybox sh -c 'echo $X $LC_A $LC_B ${NOT_SET-unset}'
  [ "$output" = "3 1 2 unset" ]
}

@test "nothing of the host's environment comes in unasked, but the proxies" {
  SECRET=x http_proxy=p run with busybox env
  [[ "$output" != *SECRET* ]]
  [[ "$output" == *"http_proxy=p"* ]]
  http_proxy=p run with --http-proxy=false busybox env
  [[ "$output" != *http_proxy* ]]
}

@test "the default variables are docker's" {
  run with -h web busybox env
  [[ "$output" == *"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"* ]]
  [[ "$output" == *"HOME=/root"* ]]
  [[ "$output" == *"HOSTNAME=web"* ]]
  [[ "$output" == *"container=rbox"* ]]
  run with --unsetenv-all -e ONLY=1 busybox /bin/busybox env
  [[ "$output" == *"ONLY=1"* ]]
  [[ "$output" != *container=* ]]
}

# ---- process

@test "-w is where the command starts, and must exist" {
  run with -w /usr/bin busybox pwd
  [ "$output" = /usr/bin ]
  run with -w relative busybox pwd
  [ "$status" -eq 125 ]
  [ "$output" = "rbox: -w: 'relative' is not an absolute path" ]
}

@test "--entrypoint replaces the image's, as a string or as JSON" {
  run with --entrypoint echo busybox a b
  [ "$output" = "a b" ]
  run with --entrypoint '["echo", "a  b"]' busybox c
  [ "$output" = "a  b c" ]
  run with --entrypoint '["echo"' busybox c
  [ "$status" -eq 125 ]
}

@test "--umask, --ulimit: the command has them" {
  run with --umask 0077 --ulimit nofile=100:200 --ulimit core=0 busybox \
    sh -c 'umask; ulimit -n; ulimit -Hn; ulimit -c'
  [ "$status" -eq 0 ]
  [ "$output" = "0077
100
200
0" ]
}

@test "a limit above the caller's own is an error, the default one is lowered" {
  ulimit -n 512
  if ! is_user root; then
    run with --ulimit nofile=1024 busybox true
    [ "$status" -eq 125 ]
    [[ "$output" == *nofile* || "$output" == *limit* ]]
  fi
  run with busybox sh -c 'ulimit -Hn'
  [ "$status" -eq 0 ]
}

@test "--init is PID 1, reaps, and gives back the command's status" {
  run with --init busybox sh -c 'sh -c "sleep 0.1 & exit" ; sleep 0.3; ps -o pid,stat,args; exit 3'
  [ "$status" -eq 3 ]
  [[ "${lines[1]}" == *"1 "*"/run/rbox-init"* ]]
  [[ "$output" != *"Z "* ]]
  run -127 with --init busybox no-such-command
  [ "$status" -eq 127 ]
  [ "$output" = "rbox: cannot execute 'no-such-command': not found in the container's PATH" ]
  run with --init busybox sh -c 'echo x >/proc/1/exe'
  [[ "$output" == *"Read-only file system"* ]]
}

# Run $@ as systemd does with a socket unit: a listening socket is descriptor 3.
with_socket() {
  python3 -c '
import os, socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(1)
print(os.fstat(s.fileno()).st_ino, flush=True)
os.dup2(s.fileno(), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_FDNAMES="web", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], sys.argv[1:])
' "$@"
}

@test "socket activation: the sockets that systemd opened are the command's (issue 5)" {
  run with_socket "$RBOX_BUILD/rbox" run --rm --network none busybox sh -c 'echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES; readlink /proc/self/fd/3'
  [ "${lines[1]}" = "1 1 web" ]
  [ "${lines[2]}" = "socket:[${lines[0]}]" ]
  run with_socket "$RBOX_BUILD/rbox" run -d --network none busybox sleep 1000
  [ "$status" -eq 125 ]
  [[ "$output" == *LISTEN_FDS* ]]
  # meant for somebody else: not passed on
  LISTEN_FDS=1 LISTEN_PID=1 run rbox run --rm --network none busybox sh -c 'echo "[$LISTEN_FDS]"'
  [ "$output" = "[]" ]
}

@test "--preserve-fds passes descriptors on, and no others" {
  run with --preserve-fds 1 busybox sh -c 'cat <&3; ls /proc/self/fd' 3<<<three 4<<<four
  [ "$status" -eq 0 ]
  # the highest is the folder that ls reads
  [ "$output" = "three
0
1
2
3
4" ]
}

@test "--pidfile gets the host's pid of PID 1 while it runs" {
  with --pidfile pid -i busybox cat >/dev/null < <(
    for _ in $(seq 100); do
      [ -s pid ] && break
      sleep 0.02
    done
    readlink "/proc/$(cat pid)/exe" >exe 2>&1 || stat "/proc/$(cat pid)" >exe
  )
  [ -s pid ]
  [ -s exe ]
}

@test "--tz gives the zone's file" {
  [ -e /usr/share/zoneinfo/Asia/Tokyo ] || skip "no tzdata here"
  run with --tz Asia/Tokyo busybox md5sum /etc/localtime
  [ "${output%% *}" = "$(md5sum </usr/share/zoneinfo/Asia/Tokyo | cut -d' ' -f1)" ]
  run with --tz Mars/Olympus busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"--tz: cannot use '/usr/share/zoneinfo/Mars/Olympus'"* ]]
}

@test "--hostname, --add-host and --dns are seen inside" {
  run with -h web --add-host 'db;store:1.2.3.4' --dns 9.9.9.9 --dns-search example.org \
    --dns-option ndots:3 busybox sh -c 'hostname; cat /etc/hosts /etc/resolv.conf'
  [ "${lines[0]}" = web ]
  [[ "$output" == *"1.2.3.4"*"db store"* ]]
  [[ "$output" == *"nameserver 9.9.9.9"* ]]
  [[ "$output" == *"search example.org"* ]]
  [[ "$output" == *"options ndots:3"* ]]
}

@test "--sysctl sets those of the container's namespaces, and only those" {
  [ "$(rbox run --rm --network none --sysctl net.ipv4.ip_forward=1 busybox cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
  run with --sysctl kernel.shmmax=123456 busybox cat /proc/sys/kernel/shmmax
  if kernel_is 5 19; then
    [ "$output" = 123456 ]
  else # only the first user namespace's root may
    [ "$status" -eq 125 ]
    [[ "$output" == *"cannot set sysctl 'kernel.shmmax'"*"Permission denied" ]]
  fi
  run with --sysctl kernel.panic=1 busybox true
  [ "$status" -eq 125 ]
  run rbox run --rm --network host --sysctl net.ipv4.ip_forward=1 busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"would be set for the host"* ]]
}

@test "capabilities: the default 11, added, dropped, none" {
  run with busybox grep CapBnd /proc/self/status
  [[ "$output" == *00000000800405fb ]]
  run with --cap-drop ALL --cap-add net_bind_service busybox grep CapEff /proc/self/status
  [[ "$output" == *0000000000000400 ]]
  run with --cap-add CHWON busybox true
  [ "$status" -eq 125 ]
}

# ---- mounts

@test "--mount and --tmpfs say the same as -v in words" {
  mkdir src && echo x >src/file
  run with --mount "type=bind,src=$PWD/src,dst=/a,ro" --mount type=tmpfs,dst=/b,tmpfs-size=1m \
    --tmpfs /c:size=2m,mode=700 busybox sh -c 'cat /a/file; touch /a/y 2>&1; df -k /b /c | tail -n 2; stat -c %a /c'
  [[ "${lines[0]}" = x ]]
  [[ "$output" == *"Read-only file system"* ]]
  [[ "$output" == *" 1024 "*" 2048 "* ]]
  [ "${lines[-1]}" = 700 ]
}

@test "a relative source of -v is beneath the current folder" {
  mkdir here && echo x >here/file
  run with -v ./here:/h busybox cat /h/file
  [ "$output" = x ]
}

@test "-v option create makes the folder, O throws changes away" {
  not_for root "root is not mapped: what belongs to it is not the container's to write"
  run with -v "$PWD/new/deep:/n:create" busybox touch /n/file
  [ "$status" -eq 0 ]
  [ -e new/deep/file ]
  run with -v "$PWD/new/deep:/n:O" busybox sh -c 'rm /n/file; touch /n/other; ls /n'
  if kernel_is 5 11; then
    [ "$output" = other ]
  else
    [ "$status" -eq 125 ]
    [[ "$output" == *"volume at '/n': cannot mount overlay: "*"Linux 5.11"*"cp -a $PWD/new/deep COPY, -v COPY:/n" ]]
  fi
  [ "$(ls new/deep)" = file ]
}

@test "a named volume keeps its content, and begins with the image's" {
  run with -v data:/etc busybox sh -c 'echo kept >/etc/kept; ls /etc/passwd'
  [ "$status" -eq 0 ]
  run with -v data:/x busybox cat /x/kept
  [ "$output" = kept ]
  run with -v data:/x:ro busybox touch /x/no
  [ "$status" -ne 0 ]
  [[ "$output" == *"Read-only file system"* ]]
}

@test "an anonymous volume goes with its container" {
  run with -v /data busybox sh -c 'echo x >/data/file; cat /data/file'
  [ "$output" = x ]
  assert_no_containers
}

@test "--device gives a device of the caller's" {
  run with --device /dev/null:/dev/zip busybox sh -c 'echo x >/dev/zip && ls -l /dev/zip'
  [ "$status" -eq 0 ]
  [[ "$output" == c* ]]
}

@test "--shm-size is the size of /dev/shm" {
  run with --shm-size 1m busybox df -k /dev/shm
  [[ "${lines[-1]}" == *" 1024 "* ]]
}

@test "--publish without a network of its own warns and goes on" {
  run with -p 8080:80 busybox echo hello
  [ "$status" -eq 0 ]
  [ "${lines[0]}" = "rbox: warning: --publish has no effect with --network none" ]
  [ "${lines[1]}" = hello ]
}

# ---- bad input: one line, the cause, exit 125, nothing left

@test "bad input is refused in one line that names the option" {
  while IFS='|' read -r options message; do
    [ -n "$options" ] || continue
    # shellcheck disable=SC2086 # the words of a row are words
    run with $options busybox true
    if [ "$status" -ne 125 ] || [ "${lines[0]}" != "rbox: $message" ]; then
      echo "$options gave $status: $output" >&2
      return 1
    fi
  done <<'ROWS'
--name a/b|--name: 'a/b' is not a name: letters, digits and _.- after the first
-v /a:/b:/c:/d|-v: '/a:/b:/c:/d' is not [SOURCE:]PLACE[:OPTIONS]
-v /etc:/etc:ro,rw|-v: 'ro' and 'rw' contradict each other
-v /etc:/x -v /tmp:/x|-v: '/x' has a mount already
--mount type=bind,src=/etc|--mount: there is no dst=PLACE
--tmpfs x|--tmpfs: 'x' is not an absolute path
-p 70000:80|-p: '70000' is not a port from 1 to 65535
-p 4294967376:80|-p: '4294967376' is not a port from 1 to 65535
-m lots|-m: 'lots' is not a size such as 512m or 2g
-m 99999999999999999999g|-m: '99999999999999999999g' is too large a size
--cpus 0.001|--cpus: '0.001' is not a number of processors: 0.01 or more
--pids-limit 99999999999|--pids-limit: '99999999999' is not from -1 to 4194304
--ulimit nofile=5:4|--ulimit: 'nofile=5:4' has a soft limit above the hard one
--umask 8|--umask: '8' is not an octal mode such as 0022
--stop-signal NONE|--stop-signal: 'NONE' is not a signal such as TERM or 15
--timeout soon|--timeout: 'soon' is not a time such as 10, 300ms or 1m30s
--userns mine|--userns: 'mine' is not default, keep-id[:uid=N,gid=N], nomap, container:NAME or ns:PATH
--userns keep-id --uidmap 0:0:1|--uidmap: '0:0:1' and --userns contradict each other
--network mynet|--network: 'mynet' cannot be had beside another kind of network
--ip 10.1.2.3|--ip needs a network of your own
--mac-address 01:00:00:00:00:01|--mac-address: '01:00:00:00:00:01' is not the hardware address of an interface
--network none:x|--network: 'none' has no options
--security-opt none|--security-opt: 'none' is not a security option
--restart perhaps|--restart: 'perhaps' is not no, on-failure[:TRIES], always or unless-stopped
--add-host web|--add-host: 'web' is not NAME:ADDRESS or NAME:host-gateway
--dns x|--dns: 'x' is not an address, or none
--hostname a_b|--hostname: 'a_b' is not a host name: at most 63 letters, digits, . and -
--env-file /no/such|--env-file: cannot open '/no/such': No such file or directory
--pull sometimes|--pull: 'sometimes' is not missing, never, always or newer
--rm=perhaps|--rm: 'perhaps' is neither true nor false
--no-hosts --add-host a:1.2.3.4|--no-hosts and --add-host contradict each other
--uts host -h web|--hostname and --uts host contradict each other
--cap-add ALL --cap-drop ALL|--cap-add ALL and --cap-drop ALL contradict each other
ROWS
  assert_no_containers
}

@test "bad paths, images and users: an error with its cause, nothing left" {
  run with -v /no/such:/x busybox true
  [ "$status" -eq 125 ]
  [[ "${lines[0]}" == *"/no/such"* ]]
  [[ "${lines[1]}" == *"mkdir -p /no/such"* ]]
  run with no-such-image true
  [ "$status" -eq 125 ]
  [[ "${lines[1]}" == "rbox: image 'no-such-image' is not here: "* ]]
  run with --pull never no-such-image true
  [ "$status" -eq 125 ]
  [ "${lines[0]}" = "rbox: cannot find image 'no-such-image'" ]
  run with 'BAD//name' true
  [ "$status" -eq 125 ]
  run with -u nobody-here busybox true
  [ "$status" -eq 125 ]
  run rbox run
  [ "$status" -eq 125 ]
  [ "${lines[0]}" = "rbox: rbox run needs an image" ]
  run rbox --root /proc/x run busybox true
  [ "$status" -eq 125 ]
  assert_no_containers
}

@test "a store that cannot be written is an error, HOME unset is none" {
  if ! is_user root; then
    mkdir sealed && chmod 500 sealed
    RBOX_STORE=$PWD/sealed/store run with busybox true
    [ "$status" -eq 125 ]
    [[ "${lines[0]}" == *"cannot make the store"* ]]
  fi
  run env -u HOME "$RBOX_BUILD/rbox" run --rm --network none busybox echo ok
  [ "$status" -eq 0 ]
  [ "$output" = ok ]
}
