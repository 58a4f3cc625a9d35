# Break a host, see what rbox says of it, run the fix it prints, see that it works: for tests/cli/broken-host.bats (this
# machine) and tests/vm/doctor-faults (a virtual one). Whoever sources this has a function `as USER COMMAND…`, which runs
# a command as that user, logged in as the fault needs it.

# level TEXT ID: what doctor's output TEXT says of ID.
level() {
  awk -v id="$2" '$2 == id {print $1}' <<<"$1"
}

# The command for ID in doctor's output TEXT, and who must run it.
fix_of() {
  grep -A1 "  $2  " <<<"$1" | sed -n '2s/^ *[a-z ]*: //p'
}
who_of() {
  grep -A1 "  $2  " <<<"$1" | sed -n '2s/^ *\([a-z ]*\): .*/\1/p'
}

# fault ID USER LEVEL SAYS BREAK [RUN…]: BREAK is a shell command; LEVEL is what doctor must say then ("-": it asks only when it
# knows the container). RUN are options of a container (default: --network none), and behind -- its image and command
# (default: busybox true). `doctor -- run RUN` must complain of ID, too, and run itself is SAYS: refused (125 or 126, with the id),
# told (it works, and says the id), or works (what it lacks does not show at once). The fix is run by whom doctor says; then
# doctor is content and the container runs. Prints one line, "ok …" or "not ok …" with what was seen.
fault() {
  local id=$1 user=$2 expected=$3 says=$4 break=$5 before asked output status=0 fix who after image=(busybox true) options=()
  shift 5
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  [ $# -eq 0 ] || image=("${@:2}")
  [ ${#options[@]} -gt 0 ] || options=(--network none)
  eval "$break" || {
    echo "not ok $id: this breaks nothing: $break"
    return 1
  }
  before=$(as "$user" rbox doctor 2>&1)
  asked=$(as "$user" rbox doctor -- run "${options[@]}" "${image[@]}" 2>&1)
  output=$(as "$user" rbox run --rm "${options[@]}" "${image[@]}" 2>&1) || status=$?
  [ "$expected" = - ] || [ "$(level "$before" "$id")" = "$expected" ] || {
    echo "not ok $id after: $break"
    grep "$id" <<<"$before"
    return 1
  }
  [[ $(level "$asked" "$id") =~ ^(WARN|FAIL)$ ]] || {
    echo "not ok $id: doctor -- run ${options[*]} does not know, after: $break"
    echo "$asked"
    return 1
  }
  case $says.$status in
    refused.12[56] | told.0) [[ $output == *"($id)"* ]] ;;
    works.0) true ;;
    *) false ;;
  esac || {
    echo "not ok $id: run is not $says but $status, after: $break"
    echo "$output"
    return 1
  }
  fix=$(fix_of "$asked" "$id")
  who=$(who_of "$asked" "$id")
  # What a user types stays with his shell: exports and limits do.
  # shellcheck disable=SC2016
  local script='fix=$1 id=$2
    shift 2
    eval "$fix" <<<y
    for _ in $(seq 50); do # a user manager takes its time
      seen=$(rbox doctor -- run "$@" | grep "  $id  ")
      [[ $seen != OK* ]] || break
      sleep 0.2
    done
    echo "$seen"
    rbox run --rm "$@" 2>&1
    echo "status $?"'
  # Who may sudo runs what has a part for the administrator and one for her.
  if [ "$who" = run ] || [[ $fix == *"systemctl --user"* ]]; then
    after=$(as "$user" bash -c "$script" - "$fix" "$id" "${options[@]}" "${image[@]}" 2>&1)
  else
    output=$(bash -c "$fix" 2>&1)
    after=$(as "$user" bash -c "$script" - true "$id" "${options[@]}" "${image[@]}" 2>&1)
  fi
  [ "$(level "$after" "$id")" = OK ] && [[ $after == *"status 0" ]] && [[ $after != *"($id)"* ]] || {
    echo "not ok $id: broken by: $break; then ran ($who): $fix"
    echo "$output"
    echo "$after"
    return 1
  }
  echo "ok $id ($who): $fix"
}
