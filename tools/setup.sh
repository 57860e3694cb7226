#!/usr/bin/env bash
# Sets up all that Winnow needs: system packages, .venv, build/ and the Python
# package. Run it as often as you like, from anywhere: what is up to date is
# left alone. tools/demo.sh and tools/test.sh call it first.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
cd -- "$root"

say() { printf 'setup: %s\n' "$*"; }
fail() {
  printf 'setup: error: %s\n' "$*" >&2
  exit 1
}

# ---- system packages --------------------------------------------------------

packages=(
  cmake ninja-build ccache pkg-config
  g++ clang-22 lld-22
  llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools
  libprotobuf-dev protobuf-compiler libssl-dev zlib1g-dev
  python3 python3-venv python3-pip
)

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

install_system_packages() {
  local missing=() package
  for package in "${packages[@]}"; do
    is_installed "$package" || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    say "system packages: present"
    return
  fi
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      fail "need root or sudo to install system packages; run as root: apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo)
  fi
  # Ubuntu and Debian differ in nothing here; env reaches apt through sudo.
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q)
  say "system packages: installing ${missing[*]}"
  "${apt[@]}" update </dev/null ||
    fail "apt-get update failed; is a package mirror reachable?"
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null ||
    fail "apt-get could not install ${missing[*]}; Winnow needs LLVM and MLIR 22, which Debian 12 has"
}

if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
  install_system_packages
else
  say "system packages: no apt-get here; expecting cmake, ninja, protoc, LLVM and MLIR 22 to be installed"
  for tool in cmake ninja protoc python3; do
    command -v "$tool" >/dev/null || fail "$tool not found"
  done
fi

# ---- .venv ------------------------------------------------------------------

python=${WINNOW_PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "expected Python 3.11 or later, got $("$python" --version 2>&1); set WINNOW_PYTHON"

venv_python="$root/.venv/bin/python"
# The path belongs to the key: a virtual environment does not survive a move.
venv_key=$({
  echo "$root"
  "$python" -c 'import sys; print(sys.version, sys.base_prefix)'
  cat requirements.txt
} | sha256sum | cut -d' ' -f1)

stamp_is() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

if [ -x "$venv_python" ] && stamp_is .venv/winnow-packages "$venv_key"; then
  say "Python packages: present"
else
  say "Python packages: installing into .venv"
  rm -rf .venv
  "$python" -m venv .venv || fail "python3 -m venv failed"
  "$venv_python" -m pip install --quiet --disable-pip-version-check --no-input \
    --no-deps -r requirements.txt </dev/null ||
    fail "pip could not install requirements.txt"
  echo "$venv_key" >.venv/winnow-packages
fi

# ---- build ------------------------------------------------------------------

onnx_proto=$("$venv_python" - <<'PY'
import importlib.util, os
print(os.path.join(os.path.dirname(importlib.util.find_spec("onnx").origin), "onnx.proto"))
PY
)
[ -f "$onnx_proto" ] || fail "expected $onnx_proto in the onnx package; remove .venv and try again"

# Another clone's ccache entries serve this one too.
export CCACHE_BASEDIR="${CCACHE_BASEDIR:-$root}"
export CCACHE_NOHASHDIR="${CCACHE_NOHASHDIR:-1}"

build="$root/build"
configure_args=(
  -G Ninja -S "$root" -B "$build"
  -DWINNOW_ONNX_PROTO="$onnx_proto"
  -DWINNOW_PYTHON="$venv_python"
)
configure_key=$({
  printf '%s\n' "${configure_args[@]}"
  cmake --version
} | sha256sum | cut -d' ' -f1)

if [ -f build/CMakeCache.txt ] &&
  ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" build/CMakeCache.txt; then
  say "build: build/ was configured in another folder; starting over"
  rm -rf build
fi
if [ -f build/build.ninja ] && stamp_is build/winnow-configured "$configure_key"; then
  say "build: configured"
else
  say "build: configuring build/"
  log=$(cmake "${configure_args[@]}" 2>&1) || {
    printf '%s\n' "$log" >&2
    fail "cmake could not configure build/"
  }
  echo "$configure_key" >build/winnow-configured
fi

say "build: running ninja (the first build takes some minutes)"
export NINJA_STATUS="${NINJA_STATUS:-[%f/%t, %es] }"
ninja -C build || fail "the build failed"

# ---- the Python package -----------------------------------------------------

package_key=$({
  echo "$venv_key"
  cat python/pyproject.toml python/setup.py python/setup.cfg 2>/dev/null || true
} | sha256sum | cut -d' ' -f1)
if stamp_is .venv/winnow-package "$package_key"; then
  say "Python package winnow: installed"
else
  say "Python package winnow: installing from python/"
  "$venv_python" -m pip install --quiet --disable-pip-version-check --no-input \
    --no-deps --no-build-isolation -e python </dev/null ||
    fail "pip could not install python/"
  echo "$package_key" >.venv/winnow-package
fi
say "done"
