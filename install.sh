#!/bin/sh
# Install rbox: what it needs, a build, the programs, and subordinate ids.
#
#   ./install.sh               as root or through sudo: packages, build (as the invoking user),
#                              PREFIX=/usr/local, subordinate ids for that user and for root
#   ./install.sh --user        without any privilege, into ~/.local; names what only an
#                              administrator can do
#   ./install.sh --deps        packages only
#   ./install.sh --built       no packages, no compiler: install what `make` has built
#   ./install.sh --delegate    let systemd hand every cgroup controller to users (limits on CPU sets
#                              and disk I/O need it); with --built too. A plain install asks.
#   ./install.sh --uninstall   take everything away again
#   ./install.sh --dry-run     print the commands and run none
set -eu

cd "$(dirname "$0")"
action=install
dry=
delegate=ask
for option in "$@"; do
  case $option in
    --user) action=user ;;
    --deps) action=deps ;;
    --built) action=built ;;
    --delegate) delegate=yes ;;
    --uninstall) action=uninstall ;;
    --dry-run) dry=1 ;;
    -h | --help)
      sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0" | sed '$d'
      exit 0
      ;;
    *)
      echo "install.sh: unknown option '$option' (see --help)" >&2
      exit 2
      ;;
  esac
done

say() {
  printf 'install.sh: %s\n' "$*"
}

fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

# Run a command, or print it.
run() {
  if [ -n "$dry" ]; then
    printf '%s\n' "$*"
  else
    "$@"
  fi
}

# ---- packages: manager, its install command, what to build with, what to run with

# Only the apt row is tested; the others are what these distributions call the same things.
packages() {
  case $1 in
    apt)
      install='env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends'
      build='gcc make libc6-dev pkg-config libcap-dev libjansson-dev libarchive-dev libisal-dev libseccomp-dev libssl-dev libcurl4-openssl-dev libsystemd-dev busybox-static'
      need='uidmap slirp4netns'
      want='fuse-overlayfs fuse3 dbus-user-session ca-certificates'
      ;;
    dnf)
      install='dnf install -y'
      build='gcc make glibc-devel glibc-static pkgconf libcap-devel jansson-devel libarchive-devel isa-l-devel libseccomp-devel openssl-devel libcurl-devel systemd-devel busybox'
      need='shadow-utils slirp4netns'
      want='fuse-overlayfs fuse3 ca-certificates'
      ;;
    apk)
      install='apk add'
      build='gcc make musl-dev pkgconf libcap-dev libcap-static jansson-dev jansson-static libarchive-dev isa-l-dev libseccomp-dev openssl-dev curl-dev elogind-dev busybox-static linux-headers'
      need='shadow-uidmap slirp4netns'
      want='fuse-overlayfs fuse3 ca-certificates'
      ;;
    pacman)
      install='pacman -S --needed --noconfirm'
      build='gcc make pkgconf libcap jansson libarchive isa-l libseccomp openssl curl systemd-libs busybox'
      need='shadow slirp4netns'
      want='fuse-overlayfs fuse3 ca-certificates'
      ;;
    zypper)
      install='zypper --non-interactive install'
      build='gcc make glibc-devel glibc-devel-static pkg-config libcap-devel libjansson-devel libarchive-devel isa-l-devel libseccomp-devel libopenssl-devel libcurl-devel systemd-devel busybox-static'
      need='shadow slirp4netns'
      want='fuse-overlayfs fuse3 ca-certificates'
      ;;
  esac
}

find_manager() {
  for candidate in apt-get dnf apk pacman zypper; do
    if command -v "$candidate" >/dev/null 2>&1; then
      manager=${candidate%-get}
      return 0
    fi
  done
  fail "no package manager of apt, dnf, apk, pacman, zypper found: install by hand gcc, make, libcap, jansson, libarchive, isa-l, libseccomp, openssl, libcurl (with headers), a static busybox, newuidmap, slirp4netns"
}

# Names of the list that are not installed; other managers than apt skip these themselves.
missing() {
  for name in "$@"; do
    if [ "$manager" != apt ] || ! dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed'; then
      printf '%s ' "$name"
    fi
  done
}

install_packages() {
  find_manager
  packages "$manager"
  [ "$manager" = apt ] || say "packages for $manager: this row of the table is untested"
  # shellcheck disable=SC2086 # lists of names
  names=$(missing $build $need $want)
  if [ -z "$names" ]; then
    say "all packages are there"
    return 0
  fi
  say "installing $names"
  [ "$manager" != apt ] || run apt-get update -qq
  # shellcheck disable=SC2086
  run $install $names
}

# ---- building

# As the user who called sudo, so that nothing in the tree becomes root's.
build_tree() {
  if [ "$(id -u)" -eq 0 ] && [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ]; then
    run setpriv --reuid "$SUDO_USER" --regid "$(id -g "$SUDO_USER")" --init-groups make -j2 all
  else
    run make -j2 all
  fi
}

# ---- subordinate ids

# First id from which 65536 are free in FILE.
free_start() {
  awk -F: 'BEGIN {n = 100000} $2 + $3 > n {n = $2 + $3} END {print n}' "$1" 2>/dev/null || echo 100000
}

give_ids() {
  user=$1
  for kind in uid gid; do
    file=/etc/sub$kind
    if ! grep -q "^$user:" "$file" 2>/dev/null && ! grep -q "^$(id -u "$user" 2>/dev/null || echo -):" "$file" 2>/dev/null; then
      start=$(free_start "$file")
      say "giving $user the subordinate ${kind}s $start-$((start + 65535))"
      if [ -n "$dry" ]; then
        echo "echo $user:$start:65536 >>$file"
      else
        echo "$user:$start:65536" >>"$file"
      fi
    fi
  done
}

# Root's containers live in a range that is not root's: the name "rbox" needs no account.
give_all_ids() {
  if [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ]; then
    give_ids "$SUDO_USER"
  fi
  grep -qE '^(root|containers|rbox):' /etc/subuid 2>/dev/null || give_ids rbox
}

# What distributions ship with mode 666 and a bare machine may not.
open_devices() {
  for device in /dev/net/tun /dev/fuse; do
    if [ -c "$device" ] && [ "$(stat -c %a "$device")" != 666 ]; then
      say "opening $device for all users"
      run chmod 666 "$device"
    fi
  done
}

check_helpers() {
  for helper in newuidmap newgidmap; do
    path=$(command -v "$helper" || true)
    if [ -n "$path" ] && [ ! -u "$path" ] && ! getcap "$path" 2>/dev/null | grep -q cap_set; then
      say "$path is not setuid root: chmod u+s $path"
      run chmod u+s "$path"
    fi
  done
}

# ---- limits and policies

delegation=/etc/systemd/system/user@.service.d/delegate.conf

write_delegation() {
  say "writing $delegation; it holds from the next login on"
  run mkdir -p "${delegation%/*}"
  if [ -n "$dry" ]; then
    printf '%s\n' "printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' >$delegation"
  else
    printf '[Service]\nDelegate=cpu cpuset io memory pids\n' >"$delegation"
  fi
  [ ! -d /run/systemd/system ] || run systemctl daemon-reload
}

# Without it, systemd hands out what its version sees fit: mostly cpu, memory and pids.
offer_delegation() {
  if [ "$delegate" = ask ]; then
    [ -d /run/systemd/system ] && ! grep -qs '^Delegate=.*cpuset.*io' /etc/systemd/system/user@.service.d/*.conf || return 0
    if [ ! -t 0 ]; then
      say "for limits on CPU sets and disk I/O: ./install.sh --delegate"
      return 0
    fi
    printf 'Let systemd hand the controllers cpu, cpuset, io, memory and pids to all users? [Y/n] '
    read -r answer || answer=n
    case $answer in
      '' | [yY]*) ;;
      *) return 0 ;;
    esac
  fi
  write_delegation
}

# Where programs need a profile to make user namespaces: Ubuntu 23.10 and later say so by a sysctl; on Linux 6.7
# and later any policy may. The profile allows them to this rbox, by its real path, and restricts nothing.
write_apparmor_profile() {
  if [ "$(cat /proc/sys/kernel/apparmor_restrict_unprivileged_userns 2>/dev/null)" != 1 ] &&
    ! grep -qs userns_create /sys/kernel/security/apparmor/features/namespaces/mask; then
    return 0
  fi
  if ! command -v apparmor_parser >/dev/null; then
    say "AppArmor may restrict user namespaces, and there is no apparmor_parser: install apparmor and run this again"
    return 0
  fi
  say "writing /etc/apparmor.d/rbox"
  if [ -n "$dry" ]; then
    echo "rbox doctor --print-apparmor >/etc/apparmor.d/rbox"
  else
    "${PREFIX:-/usr/local}/bin/rbox" doctor --print-apparmor >/etc/apparmor.d/rbox
  fi
  run apparmor_parser -r /etc/apparmor.d/rbox
}

# ---- without privilege

name_what_is_missing() {
  todo=
  note() {
    [ -n "$todo" ] || echo "An administrator can still do, once:"
    todo=1
    echo "  $1"
  }
  command -v newuidmap >/dev/null || note "sudo apt-get install -y uidmap            # more than one id in a container"
  command -v slirp4netns >/dev/null || note "sudo apt-get install -y slirp4netns       # a network in a container"
  if ! grep -qE "^($(id -un)|$(id -u)):" /etc/subuid 2>/dev/null; then
    start=$(free_start /etc/subuid)
    note "sudo usermod --add-subuids $start-$((start + 65535)) --add-subgids $start-$((start + 65535)) $(id -un)"
  fi
  if [ -c /dev/net/tun ] && [ ! -w /dev/net/tun ]; then
    note "sudo chmod 666 /dev/net/tun"
  fi
  [ -n "$todo" ] || echo "Nothing is left for an administrator."
}

install_for_user() {
  prefix=${PREFIX:-$HOME/.local}
  for tool in gcc make; do
    command -v "$tool" >/dev/null || fail "cannot build without $tool; an administrator can: sudo ./install.sh --deps"
  done
  build_tree
  run make -s install PREFIX="$prefix"
  name_what_is_missing
  case :$PATH: in
    *":$prefix/bin:"*) ;;
    *) echo "Put it into the PATH:  export PATH=$prefix/bin:\$PATH" ;;
  esac
}

need_root() {
  [ -n "$dry" ] || [ "$(id -u)" -eq 0 ] || fail "needs root: sudo ./install.sh, or ./install.sh --user"
}

# --delegate alone does only that.
if [ "$delegate" = yes ] && [ "$action" = install ]; then
  action=delegate
fi

case $action in
  delegate)
    need_root
    write_delegation
    ;;
  deps)
    need_root
    install_packages
    ;;
  user)
    install_for_user
    ;;
  uninstall)
    if [ -z "${PREFIX:-}" ] && [ "$(id -u)" -ne 0 ]; then
      PREFIX=$HOME/.local
    fi
    run make -s uninstall PREFIX="${PREFIX:-/usr/local}"
    # The range of root's containers was made here, and is nobody else's.
    if [ "$(id -u)" -eq 0 ]; then
      run sed -i '/^rbox:/d' /etc/subuid /etc/subgid
      if [ -e /etc/apparmor.d/rbox ]; then
        run apparmor_parser -R /etc/apparmor.d/rbox || true
        run rm -f /etc/apparmor.d/rbox
      fi
    fi
    ;;
  install | built)
    need_root
    if [ "$action" = install ]; then
      install_packages
      build_tree
    fi
    run make -s install PREFIX="${PREFIX:-/usr/local}"
    check_helpers
    give_all_ids
    open_devices
    offer_delegation
    write_apparmor_profile
    say "done: rbox run busybox echo hello"
    ;;
esac
