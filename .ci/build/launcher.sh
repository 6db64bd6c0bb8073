#!/bin/sh
# epsilon @VERSION@ for @TRIPLE@ in one file: this script and, behind its last line, a .tar.gz. The first start compares
# the archive's SHA-256 and unpacks it into the user's cache folder; every later start runs what lies there. To remove
# the program remove this file and that folder (see docs/install.md).

name='@NAME@'
sha256='@SHA256@'
archive_start='@START@'
unpacked_bytes='@BYTES@'
user_cache='@USER_CACHE@'

export DENO_DIR=/dev/null DENO_NO_UPDATE_CHECK=1

fail() {
  printf 'error: %s\n' "$1" >&2
  exit 3
}

# run FOLDER ARGUMENT…: becomes the unpacked program.
run() {
  runtime=$1/epsilon
  main=$1/app/main.js
  shift
  case $runtime in
    *,*) own=--allow-run ;; # a comma would end the path
    *) own=--allow-run=$runtime ;;
  esac
  exec "$runtime" @RUNTIME_ARGUMENTS@ "$own" "$main" "$@"
}

# is_complete FOLDER: all files are there in full length. A start cannot afford to read them; the folder's name ends in
# the archive's SHA-256, and nothing gets its name before it is complete.
is_complete() {
  set -- $(cd "$1" 2>/dev/null && wc -c @FILES@ 2>/dev/null | tail -n 1)
  [ "${1-}" = "$unpacked_bytes" ]
}

# is_ready FOLDER: complete, and its program may be started.
is_ready() {
  [ -x "$1/epsilon" ] && is_complete "$1"
}

archive() {
  tail -c "+$archive_start" "$0"
}

# Prints the SHA-256 of standard input, nothing where no tool for it is there.
digest() {
  if command -v sha256sum >/dev/null; then
    set -- $(sha256sum)
  elif command -v shasum >/dev/null; then
    set -- $(shasum -a 256)
  elif command -v openssl >/dev/null; then
    set -- $(openssl dgst -sha256 -r)
  else
    set --
  fi
  printf '%s' "${1-}"
}

# Removes what an unpacking has left behind.
clean_up() {
  [ -z "$stage" ] || rm -rf "$stage"
  [ -z "$lock" ] || rm -rf "$lock"
  stage='' lock=''
}

# is_abandoned LOCK: the start that holds it has died (on this machine), or is at it for more than five minutes.
is_abandoned() {
  [ -z "$(find "$1" -prune -mmin +5 2>/dev/null)" ] || return 0
  holder=$(cat "$1/holder" 2>/dev/null) || return 1
  case $holder in
    "$(uname -n) "*) ! kill -0 "${holder##* }" 2>/dev/null ;;
    *) return 1 ;;
  esac
}

# take_lock LOCK FOLDER: waits while another start unpacks. The lock spares work and disk space when many start at once;
# what makes them safe is that a complete folder gets its name by one rename.
take_lock() {
  until mkdir "$1" 2>/dev/null; do
    ! is_ready "$2" || return 0
    [ -d "$1" ] || return 1
    if is_abandoned "$1"; then rm -rf "$1"; else sleep 1; fi
  done
  lock=$1
  printf '%s %s' "$(uname -n)" "$$" >"$1/holder"
}

# unpack ROOT: makes ROOT/$name ready, or says in $reason why it cannot.
unpack() {
  reason="$1 cannot be written"
  (umask 077 && mkdir -p "$1") 2>/dev/null || return 1
  take_lock "$1/.$name.lock" "$1/$name" || return 1
  if ! is_ready "$1/$name"; then
    stage=$(umask 077 && mktemp -d "$1/.unpacking-XXXXXXXX" 2>/dev/null) || { stage=''; return 1; }
    find "$1" -maxdepth 1 -name '.unpacking-*' -mmin +60 -exec rm -rf {} + 2>/dev/null
    [ ! -t 2 ] || printf 'Unpacking epsilon into %s, once\n' "$1/$name" >&2
    reason="$1 has no room for $unpacked_bytes bytes"
    mkdir "$stage/$name" && archive | gzip -dc 2>/dev/null | tar -xf - -C "$stage/$name" 2>/dev/null &&
      is_complete "$stage/$name" || return 1
    if ! said=$("$stage/$name/epsilon" --version 2>&1 >/dev/null </dev/null); then
      reason="a program for @TRIPLE@ does not start from $1 on this machine ($(uname -sm))"
      [ -z "$said" ] || reason="$reason: $(printf '%s\n' "$said" | sed -n '1p')"
      return 1
    fi
    publish "$1"
  fi
  clean_up
}

# publish ROOT: the one rename. `mv` into a folder never goes inside one of the same name; a damaged one makes room.
publish() {
  mv -f "$stage/$name" "$1/" 2>/dev/null && return 0
  ! is_ready "$1/$name" || return 0
  mv -f "$1/$name" "$stage/damaged" 2>/dev/null
  mv -f "$stage/$name" "$1/" 2>/dev/null || is_ready "$1/$name" ||
    fail "Cannot unpack epsilon: $1/$name is in the way. Remove it."
}

# is_own FOLDER: in a place that everybody may write to only a folder that this user has made is used.
is_own() {
  [ -d "$1" ] && [ ! -h "$1" ] && [ -O "$1" ]
}

case ${XDG_CACHE_HOME-} in
  /*) root=$XDG_CACHE_HOME/epsilon/program ;;
  *)
    case ${HOME-} in
      /*) root=$HOME/$user_cache/epsilon/program ;;
      *) root='' ;;
    esac
    ;;
esac

[ -z "$root" ] || ! is_ready "$root/$name" || run "$root/$name" "$@"

# Without a cache folder that can be used the program lies in a folder for temporary files.
temporary=${TMPDIR:-/tmp}
temporary=${temporary%/}/epsilon-$(id -u)
! is_own "$temporary" || ! is_ready "$temporary/$name" || run "$temporary/$name" "$@"

[ -r "$0" ] || fail "Cannot read $0. Start it by its path."
found=$(archive | digest)
[ -n "$found" ] || fail 'Cannot check the program: there is no sha256sum, shasum or openssl. Install one of them.'
[ "$found" = "$sha256" ] ||
  fail "Cannot run $0: it is damaged or was changed (SHA-256 of its archive $found, wanted $sha256). Copy it again."

stage='' lock=''
trap 'clean_up' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

reason='neither XDG_CACHE_HOME nor HOME is set to an absolute path'
if [ -n "$root" ] && unpack "$root"; then
  trap - EXIT HUP INT TERM
  run "$root/$name" "$@"
fi
clean_up
first=$reason
reason="$temporary cannot be made or is somebody else's"
mkdir -m 700 "$temporary" 2>/dev/null
if is_own "$temporary" && unpack "$temporary"; then
  printf 'warning: epsilon lies in %s for now: %s\n' "$temporary/$name" "$first" >&2
  trap - EXIT HUP INT TERM
  run "$temporary/$name" "$@"
fi
fail "Cannot unpack epsilon: $first; $reason. Set XDG_CACHE_HOME to a folder with 110 MB of space that programs may start from."
