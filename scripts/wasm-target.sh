#!/usr/bin/env bash
# Brings the standard library of wasm32-unknown-unknown for the Rust toolchain in use.
#
#   scripts/wasm-target.sh DIR
#
# Prints nothing on standard output where plain cargo can build for the target afterwards, else the path of a compiler
# to use as RUSTC. What happens is told on standard error. Tries, in this order:
#   1. rustup, unless WASM_TARGET_FROM=debian
#   2. Debian's packages, unpacked below DIR; nothing is installed, no root is needed
set -euo pipefail

target=wasm32-unknown-unknown
oldest=1.85
dir=${1:?usage: scripts/wasm-target.sh DIR}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
root=$dir/root
compiler=$dir/rustc

note() { printf 'wasm-target: %s\n' "$*" >&2; }
fail() {
  note "$1"
  note "hint: $2"
  exit 1
}

# Whether that compiler can build for the target.
has_std() {
  local sysroot
  sysroot=$("$1" --print sysroot 2>/dev/null) || return 1
  compgen -G "$sysroot/lib/rustlib/$target/lib/libstd-*.rlib" >/dev/null
}

if [[ ${WASM_TARGET_FROM:-} != debian ]]; then
  if has_std rustc; then
    note "the toolchain has $target"
    exit 0
  fi
  if command -v rustup >/dev/null; then
    note "rustup target add $target"
    # A network that answers nothing must not stop everything.
    if RUSTUP_MAX_RETRIES=0 timeout 120 rustup target add "$target" >&2 && has_std rustc; then
      exit 0
    fi
  fi
  note "rustup cannot add it, taking Debian's packages"
fi

if [[ -x $compiler ]] && has_std "$compiler"; then
  note "using $("$compiler" --version), unpacked earlier"
  echo "$compiler"
  exit 0
fi

for tool in apt-get apt-cache dpkg; do
  command -v "$tool" >/dev/null || fail "no $tool on this machine" "rustup target add $target"
done
if [[ $(id -u) == 0 ]]; then
  apt-get update -qq >&2 || note "the package lists could not be refreshed, going on with the old ones"
fi

# The version that apt would take; empty where there is none.
candidate() {
  local version
  version=$(apt-cache policy "$1" 2>/dev/null | awk '$1 == "Candidate:" { print $2 }')
  [[ $version == "(none)" ]] || echo "$version"
}
recent() { [[ -n $1 ]] && dpkg --compare-versions "$1" ge "$oldest"; }

std=$(candidate libstd-rust-dev-wasm32)
web=$(candidate rustc-web)
if recent "$std" && [[ $(candidate rustc) == "${std%%+*}"* ]]; then
  packages=(rustc libstd-rust-dev-wasm32)
  build_std=
elif recent "$web" && [[ $(candidate rust-web-src) == "$web" ]]; then
  # No prebuilt standard library in this release: it is built from its source package, once.
  packages=(rustc-web rust-web-src)
  build_std=yes
else
  fail "Debian has no Rust of $oldest or newer with a standard library for $target" "rustup target add $target"
fi
note "unpacking ${packages[*]} into $root"

# What is not on the machine, and the compiler's own packages even where they are.
wanted=$(
  {
    apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
      "${packages[@]}" | grep -E '^(rustc(-web)?|rust-web-src|libstd-rust[a-z0-9.-]*|libllvm[0-9]+)$'
    apt-get install --simulate --no-install-recommends "${packages[@]}" 2>/dev/null | awk '$1 == "Inst" { print $2 }'
  } | sort -u
)
rm -rf "$root" "$dir/packages"
mkdir -p "$root" "$dir/packages"
# shellcheck disable=SC2086  # one name per word
(cd "$dir/packages" && apt-get download $wanted >&2)
for package in "$dir/packages"/*.deb; do
  dpkg -x "$package" "$root"
done
rm -rf "$dir/packages"

# The linkers come from the toolchain in use: Debian packages no wasm-component-ld.
linkers=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | awk '$1 == "host:" { print $2 }')/bin
libraries=$(dirname "$(find "$root/usr/lib" -name 'librustc_driver-*.so' -print -quit)")
cat >"$compiler" <<SCRIPT
#!/bin/sh
PATH="$linkers:$linkers/gcc-ld:\$PATH" LD_LIBRARY_PATH="$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}" \\
  exec "$root/usr/bin/rustc" "\$@"
SCRIPT
chmod +x "$compiler"

if [[ -n $build_std ]]; then
  note "building the standard library for $target"
  seed=$dir/seed
  rm -rf "$seed"
  mkdir -p "$seed/src"
  : >"$seed/src/lib.rs"
  printf '%s\n' '[package]' 'name = "seed"' 'version = "0.0.0"' 'edition = "2021"' '[workspace]' >"$seed/Cargo.toml"
  # Extra arguments choose where the library's own dependencies come from.
  build_seed() {
    (
      cd "$seed"
      env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS -u CARGO_TARGET_DIR -u CARGO_BUILD_TARGET_DIR \
        RUSTC="$compiler" RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS=-Cembed-bitcode=yes \
        cargo build --quiet --release --target "$target" -Zbuild-std=std,panic_abort "$@" >&2
    )
  }
  vendored=$(readlink -f "$root/usr/lib/rustlib/src/rust/library/vendor")
  if ! build_seed --config 'source.crates-io.replace-with="std"' --config "source.std.directory=\"$vendored\""; then
    note "the source package does not bring all of the library's dependencies, taking them from the registry"
    build_seed
  fi
  installed=$("$compiler" --print sysroot)/lib/rustlib/$target/lib
  mkdir -p "$installed"
  find "$seed/target/$target/release/deps" -name '*.rlib' ! -name 'libseed*' -exec cp {} "$installed/" \;
  rm -rf "$seed"
fi

has_std "$compiler" || fail "the unpacked compiler has no standard library for $target" "rustup target add $target"
note "using $("$compiler" --version)"
echo "$compiler"
