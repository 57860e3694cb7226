#!/usr/bin/env bash
# Sets up what `winnow bench` runs in: .venv-bench, with the peers of
# requirements-bench.txt (7 GB). A peer that cannot be installed is left out, and
# the benchmarks say why. Run it as often as you like, from anywhere.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
cd -- "$root"

say() { printf 'bench-setup: %s\n' "$*"; }
fail() {
  printf 'bench-setup: error: %s\n' "$*" >&2
  exit 1
}

"$root/tools/setup.sh"

venv="$root/.venv-bench"
python=${WINNOW_PYTHON:-python3}
stamp_is() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

# The lines of requirements-bench.txt between "# [part]" and the next part.
part_of() { sed -n "/^# \\[$1\\]/,/^# \\[/{/^[^#]/p}" requirements-bench.txt; }

# install NAME: its standard input is a list of requirements.
install() {
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --no-deps -r /dev/stdin
}

# The path belongs to the key: a virtual environment does not survive a move.
base_key=$({
  echo "$root"
  "$python" -c 'import sys; print(sys.version, sys.base_prefix)'
  cat requirements.txt
  part_of common
} | sha256sum | cut -d' ' -f1)
stamps="$venv/winnow-parts"

if [ -x "$venv/bin/python" ] && stamp_is "$stamps/common" "$base_key"; then
  say "common packages: present"
else
  say "common packages: installing into .venv-bench"
  rm -rf "$venv"
  "$python" -m venv "$venv" || fail "python3 -m venv failed"
  { cat requirements.txt && part_of common; } | install ||
    fail "pip could not install requirements.txt"
  mkdir -p "$stamps"
  echo "$base_key" >"$stamps/common"
fi

for part in $(sed -n 's/^# \[\([a-z-]*\)\].*/\1/p' requirements-bench.txt); do
  [ "$part" != common ] || continue
  key=$(part_of "$part" | sha256sum | cut -d' ' -f1)
  if stamp_is "$stamps/$part" "$key"; then
    say "$part: present"
    continue
  fi
  say "$part: installing"
  rm -f "$stamps/$part" "$stamps/$part.failed"
  if part_of "$part" | install 2>"$stamps/$part.log"; then
    echo "$key" >"$stamps/$part"
  else
    grep -v '^$' "$stamps/$part.log" | tail -1 >"$stamps/$part.failed"
    say "$part: left out: $(cat "$stamps/$part.failed")"
  fi
done
say "done"
