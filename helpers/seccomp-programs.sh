#!/bin/sh
# Print src/box/seccomp.c's header of finished filter programs, made by the rbox-seccomp given.
set -eu

helper=$1
caps=800405fb # podman's 11, as spec_init() sets them

array() {
  printf 'static const unsigned int %s[] = {' "$1"
  shift
  "$helper" "$@" | od -An -v -tx4 | sed 's/ *\([0-9a-f]\{8\}\)/0x\1,/g'
  echo '};'
}

echo '/* Made by helpers/seccomp-programs.sh; struct sock_filter[] as 32-bit words. */'
echo "enum { SECCOMP_DEFAULT_CAPS = 0x$caps };"
array SECCOMP_ALLOW allow $caps
array SECCOMP_DENY deny $caps
array SECCOMP_SINGLE_ID single-id
printf 'static const char SECCOMP_BUILD[] = "%s";\n' "$(sha256sum "$helper" | cut -c1-16)"
