#!/usr/bin/env bash
# Builds the program as one static file, for a custodian's machine: it runs on any Linux on x86-64, whatever else is installed.
#
#     bash tools/static/build.sh        prints the path of the program and its SHA-256
#
# Needs the Rust target and a C compiler for musl, and installs them from the Rust and Debian registries where they are missing. For coding,
# build as README says: musl's memory allocator is slower.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=x86_64-unknown-linux-musl
rustup target list --installed | grep -qx "$target" || rustup target add "$target"
command -v musl-gcc >/dev/null || { apt-get update && apt-get install -y --no-install-recommends musl-tools; } >&2
cargo build --release --locked --target "$target" -p cstatns-cli
sha256sum "${CARGO_TARGET_DIR:-target}/$target/release/cstatns"
