#!/bin/sh
# Make the image that ships with rbox: a docker-archive of Debian's static busybox, in two layers.
#
#   bundled-image.sh BUSYBOX OUTPUT.tar
#
# Deterministic: the same busybox gives the same bytes.
set -eu

busybox=$1
output=$2

if [ ! -x "$busybox" ]; then
  echo "bundled-image: cannot find '$busybox': apt-get install busybox-static" >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/base" "$work/applets" "$work/image"

# Layer 1: the system's folders and files.
cd "$work/base"
mkdir -p bin dev etc home proc root run sys tmp usr/bin usr/sbin sbin var/tmp var/log
chmod 1777 tmp var/tmp
chmod 700 root
cat >etc/passwd <<'EOF'
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
sys:x:3:3:sys:/dev:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
EOF
cat >etc/group <<'EOF'
root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:
tty:x:5:
disk:x:6:
www-data:x:33:
users:x:100:
nogroup:x:65534:
EOF
printf 'hosts: files dns\npasswd: files\ngroup: files\n' >etc/nsswitch.conf

# Layer 2: busybox and a link for each of its applets.
cd "$work/applets"
mkdir bin
cp "$busybox" bin/busybox
chmod 755 bin/busybox
for applet in $(bin/busybox --list); do
  [ "$applet" = busybox ] || ln -s busybox "bin/$applet"
done

pack() {
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 --format=gnu -C "$1" -cf "$2" .
}

digest() {
  sha256sum "$1" | cut -d' ' -f1
}

cd "$work/image"
pack "$work/base" base.tar
pack "$work/applets" applets.tar
case $(uname -m) in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  *) architecture=$(uname -m) ;;
esac
cat >config.json <<EOF
{"architecture":"$architecture","os":"linux","created":"1970-01-01T00:00:00Z","config":{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"Cmd":["sh"]},"rootfs":{"type":"layers","diff_ids":["sha256:$(digest base.tar)","sha256:$(digest applets.tar)"]},"history":[{"created_by":"the system's folders and files"},{"created_by":"busybox and its applets"}]}
EOF
printf '[{"Config":"config.json","RepoTags":["docker.io/library/busybox:latest"],"Layers":["base.tar","applets.tar"]}]\n' >manifest.json
pack "$work/image" "$work/image.tar"
mv "$work/image.tar" "$output"
