#!/usr/bin/env bash
# The house's format (.clang-format), checked without changing a file: those that git would keep.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
git ls-files -co --exclude-standard -z -- '*.h' '*.cc' | xargs -0 -r -n 40 -P "$(nproc)" clang-format-19 --dry-run -Werror
