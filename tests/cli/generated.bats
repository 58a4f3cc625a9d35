#!/usr/bin/env bats
# users: alice
# What is made from the option tables: man pages and completions (issue 3).
load lib

share() {
  echo "$RBOX_BUILD/share/$1"
}

setup() {
  common_setup
  export PATH=$RBOX_BUILD:$PATH
}

teardown() {
  teardown_containers
}

# The words of the command whose man page is $1: "rm-tree", "container prune".
command_of() {
  local name=${1##*/rbox-}
  name=${name%.1}
  rbox "$name" --help >/dev/null 2>&1 || name=${name/-/ }
  echo "$name"
}

@test "each command has a man page that groff takes without a word, with every option that --help has" {
  command -v groff >/dev/null || skip "no groff on this machine"
  local pages page command
  pages=("$(share man)"/man1/rbox-*.1)
  # Those of rbox oci are in no list.
  [ "$(printf '%s\n' "${pages[@]}" | grep -vc /rbox-oci-)" -eq "$(rbox --help | sed '1,/^Containers:/d' | grep -c '^  [a-z]')" ]
  for page in "${pages[@]}" "$(share man)/man1/rbox.1"; do
    groff -K utf8 -man -Tutf8 -ww "$page" 2>warnings | sed 's/\x1b\[[0-9]*m//g; s/.\x08//g' >text
    [ ! -s warnings ]
    [[ $page != */rbox.1 ]] || break
    command=$(command_of "$page")
    [[ $page == */rbox-oci-* ]] || sed '1,/^EXAMPLES/d' text | grep -q "^ *rbox " || {
      echo "$command: no example"
      return 1
    }
    # shellcheck disable=SC2086 # words
    rbox $command --help | sed -nE '/^Global options/q; s/^ *(-., )?--([a-z0-9-]+).*/\2/p' >options
    for option in $(cat options); do
      grep -q -e "--$option" text || {
        echo "$command: no --$option"
        return 1
      }
    done
  done
}

@test "bash completes commands, options, containers and images" {
  rbox create --name web --network none busybox true
  # shellcheck source=/dev/null
  source "$(share bash-completion)/completions/rbox"
  completes() {
    COMP_WORDS=("${@:2}")
    COMP_CWORD=$(($# - 2))
    _rbox
    echo "$1: ${COMPREPLY[*]}"
    [[ " ${COMPREPLY[*]} " == *" $1 "* ]]
  }
  completes doctor rbox doc
  completes --network rbox run --netw
  completes web rbox rm we
  completes busybox rbox run --rm bus
  completes prune rbox system pr
}

@test "fish completes the same" {
  command -v fish >/dev/null || skip "no fish on this machine"
  rbox create --name web --network none busybox true
  complete_in_fish() {
    HOME=$PWD fish --no-config -c "source $(share fish)/vendor_completions.d/rbox.fish; complete -C '$1'" | cut -f1
  }
  complete_in_fish 'rbox doc' | grep -qx doctor
  complete_in_fish 'rbox run --netw' | grep -qx -- --network
  complete_in_fish 'rbox rm we' | grep -qx web
  complete_in_fish 'rbox run --rm bus' | grep -qx busybox
}

@test "zsh completes the same" {
  command -v zsh >/dev/null || skip "no zsh on this machine"
  rbox create --name web --network none busybox true
  zsh -f -c 'zmodload zsh/zpty
    zpty z zsh -f -i
    zpty -w z "fpath=($1 \$fpath); PS1=; autoload -U compinit; compinit -u -D; touch ready"
    for i in {1..100}; do [ -e ready ] && break; sleep 0.1; done
    zpty -w z $'"'rbox expl\\t >list; rbox rm we\\t >name; touch done'"'
    for i in {1..100}; do [ -e done ] && break; sleep 0.1; done
    zpty -d z' - "$(share zsh)/site-functions"
  grep -q RBX-105 list
  [ "$(cat name)" = web ]
}
