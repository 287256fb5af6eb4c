#!/bin/sh
# The labelled sites in each build that people use: line tables, full debug information, and fat LTO for information.
set -e
cd "$(dirname "$0")/../.."
for profile in release types-debug2 types-fat-lto; do
    echo "== $profile"
    case $profile in
    types-fat-lto) export PROFILE_COST_FIGURES_ONLY=1 ;;
    esac
    cargo test --quiet --profile "$profile" -p profile-cost-types -- --nocapture
done
