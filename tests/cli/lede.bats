#!/usr/bin/env bats
# users: alice bob
# LEDE/OpenWrt: import, and its own package manager against a feed on the host's loopback.
load lib

image() {
  local file=${RBOX_TEST_IMAGES:-}/lede-17.01.2-x86-64-generic-rootfs.tar.gz
  [ -f "$file" ] || skip "set RBOX_TEST_IMAGES to the folder that has the LEDE root file system"
  rbox image exists lede || rbox import "$file" lede
}

# A feed with one package, hello, that brings /usr/bin/hello. An ipk is a gzipped tar of three files.
feed() {
  mkdir -p feed build/control build/data/usr/bin
  printf '#!/bin/sh\necho hello from a package\n' >build/data/usr/bin/hello
  chmod 755 build/data/usr/bin/hello
  printf 'Package: hello\nVersion: 1.0\nArchitecture: all\nMaintainer: test\nSection: test\nDescription: a test\n' >build/control/control
  echo 2.0 >build/debian-binary
  tar -C build/control --owner=0 --group=0 -czf build/control.tar.gz ./control
  tar -C build/data --owner=0 --group=0 -czf build/data.tar.gz ./usr
  tar -C build --owner=0 --group=0 -czf feed/hello_1.0_all.ipk ./debian-binary ./data.tar.gz ./control.tar.gz
  {
    cat build/control/control
    echo "Filename: hello_1.0_all.ipk"
    echo "Size: $(stat -c %s feed/hello_1.0_all.ipk)"
    echo "SHA256sum: $(sha256sum feed/hello_1.0_all.ipk | cut -d' ' -f1)"
    echo
  } >feed/Packages
  gzip -9c feed/Packages >feed/Packages.gz
}

@test "the root of LEDE: its files, its links, opkg's list" {
  image
  run rbox run --rm --network none lede /bin/sh -c 'mkdir -p /var/lock; . /etc/openwrt_release; echo $DISTRIB_ID; opkg list-installed | wc -l'
  [ "$status" -eq 0 ]
  [ "${lines[-2]}" = LEDE ]
  [ "${lines[-1]}" -gt 50 ]
}

@test "opkg update, install and remove from a feed on the host's loopback" {
  image
  feed
  python3 -u -m http.server --bind 127.0.0.1 --directory feed 0 >http 2>&1 &
  local server=$! port i
  for i in $(seq 50); do
    port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' http)
    [ -z "$port" ] || break
    sleep 0.1
  done
  run rbox run --rm --network slirp4netns:allow_host_loopback=true -e PORT="$port" lede /bin/sh -c '
    set -e
    mkdir -p /var/lock
    echo "src/gz test http://10.0.2.2:$PORT" >/etc/opkg/customfeeds.conf
    : >/etc/opkg/distfeeds.conf
    sed -i /check_signature/d /etc/opkg.conf
    opkg update
    opkg install hello
    hello
    opkg remove hello
    ! [ -e /usr/bin/hello ] && echo removed'
  kill "$server"
  echo "$output"
  [ "$status" -eq 0 ]
  [[ "$output" == *"hello from a package"* ]]
  [ "${lines[-1]}" = removed ]
}
