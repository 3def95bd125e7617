#!/bin/bash
# What each init gets right: runs the tests of `tests/it/init` against sexton and against the inits named here (default:
# Debian's tini, dumb-init and catatonit, where installed), and prints a Markdown table, item by item.
#
#   benches/init-checklist.sh [PROGRAM...]
#
# yes: every test of the item passes, in both roles; no: one fails; -: the program offers no such thing.
set -u
cd "$(dirname "$0")/.." || exit

[ $# -gt 0 ] || set -- /usr/bin/tini-static /usr/bin/dumb-init /usr/bin/catatonit
out=$(mktemp -d) && trap 'rm -rf "$out"' EXIT
cargo test -q --test it --no-run || exit

names=(sexton)
RUST_BACKTRACE=0 cargo test --test it -- init:: >"$out/sexton" 2>&1
for program; do
    [ -x "$program" ] || { echo "$program is not there: left out" >&2; continue; }
    # A failing item waits for what never comes: a short patience, and many at a time.
    names+=("$(basename "$program")")
    RUST_BACKTRACE=0 SEXTON_TEST_INIT=$program SEXTON_TEST_PATIENCE=5 \
        cargo test --test it -- --test-threads=12 init:: >"$out/$(basename "$program")" 2>&1
done

# The verdict on item $1 of the program $2.
verdict() {
    local lines failed
    lines=$(grep -E "^test init::[a-z_]+::item_$1_.* \.\.\. (ok|FAILED)" "$out/$2")
    failed=$(grep -c 'FAILED$' <<<"$lines")
    if [ -z "$lines" ]; then
        echo '?'
    elif [ "$failed" = 0 ]; then
        echo yes
    elif [ "$(grep -c 'ok$' <<<"$lines")" = 0 ] && [ "$(grep -A3 -E "^---- init::[a-z_]+::item_$1_" "$out/$2" | grep -c '^not offered')" = "$failed" ]; then
        echo '-'
    else
        echo "no ($failed of $(wc -l <<<"$lines"))"
    fi
}

{
    printf '| Item | Test |'
    printf ' %s |' "${names[@]}"
    printf '\n|---|---|'
    printf -- '---|%.0s' "${names[@]}"
    printf '\n'
    for item in $(seq -w 1 47); do
        title=$(grep -ohE "^test init::[a-z_]+::item_${item}_[a-z0-9_]+" "$out/sexton" | head -1 | sed -E "s/.*item_${item}_//; s/_/ /g")
        printf '| %s | %s |' "$item" "$title"
        for name in "${names[@]}"; do printf ' %s |' "$(verdict "$item" "$name")"; done
        printf '\n'
    done
}
