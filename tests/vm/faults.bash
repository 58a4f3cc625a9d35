# tests/faults.bash in the VM, where users log in as on any host; for doctor-faults and reboot-guest, which end with `finish`.
# shellcheck source=tests/faults.bash
source "$(dirname "${BASH_SOURCE[0]}")/../faults.bash"

passed=0
failed=0

# Logged in through PAM; with $AS_SU set, as su leaves it. $AS_BEFORE is in front. What is told once is told each time.
as() {
  local user=$1
  shift
  rm -f "/home/$user/.local/share/rbox/told-one-id" 2>/dev/null || true # where root may (NFS)
  if [ -n "${AS_SU:-}" ]; then
    (cd "/home/$user" && setpriv --reuid "$user" --regid "$user" --init-groups env -i "HOME=/home/$user" "USER=$user" "PATH=$PATH" "$@")
    return
  fi
  # To systemd-run $$ is one $.
  # shellcheck disable=SC2086 # words
  systemd-run --quiet --wait --pipe --collect -p User="$user" -p PAMName=login -p 'WorkingDirectory=~' \
    -E XDG_SESSION_TYPE=tty -E XDG_SESSION_CLASS=user /bin/bash -lc 'exec "$@"' - ${AS_BEFORE:-} "${@//\$/\$\$}"
}

count() {
  if fault "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
}

finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}
