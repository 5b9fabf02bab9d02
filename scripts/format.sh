#!/usr/bin/env bash
# Formats the C++ sources with clang-format 14; --check changes nothing and fails on a difference.
set -euo pipefail

mode=(-i)
case "${1:-}" in
  '') ;;
  --check) mode=(--dry-run --Werror) ;;
  *) echo "usage: scripts/format.sh [--check]" >&2; exit 2 ;;
esac

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
clang_format=$(command -v clang-format-14 || true)
if [ -z "$clang_format" ]; then
  echo "scripts/format.sh: clang-format-14 is missing (Debian package clang-format-14)" >&2
  exit 1
fi
find "$root"/{include,src,tests} \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) -print0 |
  xargs -0 "$clang_format" "${mode[@]}"
