#!/usr/bin/env bats
# users: alice bob root
# The world inside: namespaces, ids, mounts, devices, files.
load lib

@test "every namespace but time is the container's own" {
  local ns
  inside 'cd /proc/self/ns; for n in user mnt pid ipc uts net cgroup; do readlink $n; done' >ns
  [ "$(wc -l <ns)" -eq 7 ]
  for ns in user mnt pid ipc uts net cgroup; do
    ! grep -qxF "$(readlink /proc/self/ns/$ns)" ns
  done
}

@test "the command is PID 1 and root" {
  run inside 'echo $$; id -u; id -g'
  [ "${lines[-3]}" = 1 ]
  [ "${lines[-2]}" = 0 ]
  [ "${lines[-1]}" = 0 ]
}

@test "the whole subordinate range is mapped, for users and for groups" {
  not_for bob "he has no range"
  inside 'cat /proc/self/uid_map /proc/self/gid_map' >maps
  local first total
  total=$(awk 'NR > 0 {n += $3} END {print n}' maps)
  [ "$total" -ge 131072 ]
  first=$(awk 'NR == 1 {print $2}' maps)
  if is_user root; then
    [ "$first" -ne 0 ]
  else
    [ "$first" -eq "$(id -u)" ]
  fi
}

@test "root of the host is mapped nowhere" {
  inside 'cat /proc/self/uid_map /proc/self/gid_map' >maps
  ! awk '{exit !($2 == 0)}' maps
}

@test "with one id, chown, setgroups, set*id and mknod succeed, and change nothing" {
  is_user bob || skip "the others have more ids"
  run inside 'cd /tmp && echo x >f && chown 33:44 f && stat -c %u:%g f
    mknod n c 1 3 && ls n 2>&1
    su -s /bin/sh nobody -c "id -u"'
  [ "$output" = "0:0
ls: n: No such file or directory
0" ]
}

@test "setgroups works with a range" {
  not_for bob "he has one group only"
  run inside 'cat /proc/self/setgroups'
  [ "${lines[-1]}" = allow ]
}

@test "the root is an overlay, and no trace of the host's root is left" {
  inside 'cat /proc/self/mountinfo' >mounts
  grep -Eq ' / / .* - (overlay|fuse.fuse-overlayfs) ' mounts
  ! grep -q "$RBOX_STORE" mounts
  ! grep -q "$HOME" mounts
}

@test "/dev has the usual devices and links, and they work" {
  run inside 'for d in null zero full random urandom tty; do [ -c /dev/$d ] || echo no $d; done
    for d in ptmx fd stdin stdout stderr; do [ -L /dev/$d ] || echo no $d; done
    for d in pts shm mqueue; do [ -d /dev/$d ] || echo no $d; done
    echo x >/dev/null && head -c 4 /dev/zero | wc -c && head -c 8 /dev/urandom | wc -c'
  [ "$status" -eq 0 ]
  [[ "$output" != *"no "* ]]
  [ "${lines[-1]}" = 8 ]
}

@test "/proc and /sys are the container's, and what is dangerous is masked or read-only" {
  run inside 'ls /proc | grep -c "^[0-9]"; for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /sys/kernel/x; do
    (echo 1 >$f) 2>/dev/null && echo wrote $f; done; cat /proc/timer_list /proc/keys 2>/dev/null | wc -c; ls /sys/firmware | wc -l'
  [[ "$output" != *wrote* ]]
  [ "${lines[-1]}" = 0 ]
  [ "${lines[-2]}" = 0 ]
}

@test "host name, hosts and resolv.conf are the container's" {
  run rbox run --rm --network none --hostname box busybox sh -c 'hostname; cat /etc/hostname; grep box /etc/hosts'
  [ "$status" -eq 0 ]
  [ "${lines[0]}" = box ] || [ "${lines[1]}" = box ]
  [[ "$output" == *"box"* ]]
}

@test "loopback is up, and low ports can be used" {
  run inside 'ip addr show lo | grep -c 127.0.0.1; (echo hi | nc -l -p 80 &); sleep 0.5; nc 127.0.0.1 80 </dev/null'
  [ "$status" -eq 0 ]
  [[ "$output" == *hi* ]]
}

@test "a file made in a bind mount belongs to the caller" {
  not_for root "root is not mapped"
  mkdir d
  rbox run --rm --network none -v "$PWD/d:/d" busybox sh -c 'echo x >/d/f'
  [ "$(stat -c %u d/f)" -eq "$(id -u)" ]
}

@test "a missing host folder in -v is an error with a hint, and nothing is made" {
  run rbox run --rm --network none -v "$PWD/missing:/d" busybox true
  [ "$status" -eq 125 ]
  [[ "$output" == *"missing"* ]]
  [[ "$output" == *hint:* ]]
  [ ! -e missing ]
  assert_no_containers
}

@test "binds are nosuid and nodev; ro is read-only" {
  mkdir d
  chmod 755 . d
  inside_mounts=$(rbox run --rm --network none -v "$PWD/d:/d:ro" busybox sh -c 'grep " /d " /proc/self/mountinfo; touch /d/x 2>&1; true')
  [[ "$inside_mounts" == *ro,nosuid,nodev* ]]
  [[ "$inside_mounts" == *"Read-only"* ]]
}

@test "--read-only: the root can't be written, /tmp and /run can" {
  run rbox run --rm --network none --read-only busybox sh -c 'touch /x 2>&1; touch /tmp/x /run/x && echo fine'
  [[ "$output" == *Read-only* ]]
  [ "${lines[-1]}" = fine ]
}

@test "--tmpfs keeps what the image has there" {
  run rbox run --rm --network none --tmpfs /etc busybox sh -c 'grep -c root /etc/passwd; touch /etc/new && echo written'
  [ "$status" -eq 0 ]
  [ "${lines[-1]}" = written ]
}

@test "users: by number, by name, with groups" {
  not_for bob "he has one id only"
  run rbox run --rm --network none -u 33 busybox id
  [[ "${lines[-1]}" == "uid=33(www-data) gid=33(www-data)"* ]]
  run rbox run --rm --network none -u www-data busybox id -u
  [ "${lines[-1]}" = 33 ]
  run rbox run --rm --network none -u 1234:5678 busybox id
  [[ "${lines[-1]}" == "uid=1234 gid=5678"* ]]
  run rbox run --rm --network none -u nobody-here busybox id
  [ "$status" -eq 125 ]
  run rbox run --rm --network none -u 4294967296 busybox id
  [ "$status" -eq 125 ]
}

@test "keep-id: the caller's own id inside" {
  not_for root "root is not mapped"
  run rbox run --rm --network none --userns keep-id busybox sh -c 'id -u'
  [ "$status" -eq 0 ]
  [ "${lines[-1]}" = "$(id -u)" ]
}

@test "files injected beneath the root follow links of the image within it" {
  not_for root "the folder must belong to a mapped user"
  mkdir -p root/bin root/etc root/tmp
  install_busybox root/bin/busybox
  ln -s /tmp/resolv.conf root/etc/resolv.conf
  run rbox run --rm --network none --rootfs "$PWD/root" --dns 192.0.2.1 /bin/busybox cat /etc/resolv.conf
  [ "$status" -eq 0 ]
  [[ "$output" == *192.0.2.1* ]]
  [ ! -e /tmp/resolv.conf ]
}

@test "no-nested-userns: no user namespace can be made inside, not even without the filter" {
  if is_user root; then
    run rbox run --rm --network none --security-opt no-nested-userns busybox true
    [ "$status" -eq 125 ]
    [[ "$output" == *"second user namespace"* ]]
    return
  fi
  run rbox run --rm --network none --security-opt seccomp=unconfined busybox unshare -U true
  [ "$status" -eq 0 ]
  run rbox run --rm --network none --security-opt seccomp=unconfined --security-opt no-nested-userns busybox \
    sh -c 'id -u; unshare -U true'
  [ "$status" -ne 0 ]
  [[ "$output" == 0* ]]
}

@test "the filter: new namespaces, keyrings and odd sockets are denied, --nested opens namespaces" {
  run inside 'unshare -U true'
  [ "$status" -ne 0 ]
  run inside 'unshare -n true'
  [ "$status" -ne 0 ]
  run inside 'grep Seccomp: /proc/self/status'
  [[ "${lines[-1]}" == *2 ]]
  run rbox run --rm --network none --nested busybox unshare -Ur id -u
  [ "$status" -eq 0 ]
  [ "${lines[-1]}" = 0 ]
}
