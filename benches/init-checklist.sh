#!/bin/bash
# What each init gets right: runs the tests of `tests/it/init` that are named for an item (`item_NN_...`) against sexton and
# against the inits named here (default: Debian's tini, dumb-init and catatonit, where installed), and prints a Markdown
# table, item by item. The table in docs/init.md is from here.
#
#   benches/init-checklist.sh [PROGRAM...]
#
# yes: every test of the item passes, in both roles (as PID 1 of a namespace, as a subreaper outside of one); no: one fails,
# twice; -: the program offers no such thing. Needs root.
set -u
cd "$(dirname "$0")/.." || exit

[ $# -gt 0 ] || set -- /usr/bin/tini-static /usr/bin/dumb-init /usr/bin/catatonit
readonly items=57
export RUST_BACKTRACE=0 SEXTON_TEST_NAMESPACES=required
out=$(mktemp -d) && trap 'rm -rf "$out"' EXIT
tests=$(cargo test -q --test it --no-run --message-format json | sed -nE 's|.*"executable":"([^"]+/deps/it-[^"]+)".*|\1|p' | tail -n 1)
[ -x "$tests" ] || { echo "the tests do not build" >&2; exit 1; }
cp "$tests" "$out/it" && tests=$out/it

# run NAME ARGUMENTS...: the tests of all items, with the init that SEXTON_TEST_INIT names; then once more those that have
# failed though the program offers what they are about.
run() {
    local name=$1 test failed=()
    shift
    "$tests" init:: --skip init::faults "$@" >"$out/$name" 2>&1
    for test in $(sed -nE 's/^test (init::[a-z_]+::item_[^ ]+) \.\.\. FAILED$/\1/p' "$out/$name"); do
        grep -A3 -F -- "---- $test " "$out/$name" | grep -q 'not offered' || failed+=("$test")
    done
    [ ${#failed[@]} -gt 0 ] || return 0
    "$tests" "$@" --exact "${failed[@]}" >"$out/again" 2>&1
    for test in "${failed[@]}"; do
        grep -q "^test $test \.\.\. ok$" "$out/again" &&
            sed -i "s/^test $test \.\.\. FAILED$/test $test ... ok/" "$out/$name"
    done
}

names=(sexton)
run sexton
for program; do
    [ -x "$program" ] || { echo "$program is not there: left out" >&2; continue; }
    # A failing item waits for what never comes: a short patience, and many at a time.
    name=$(basename "$program")
    names+=("$name")
    SEXTON_TEST_INIT=$program SEXTON_TEST_PATIENCE=8 run "$name" --test-threads=16
done

# The verdict on item $1 of the program $2.
verdict() {
    local lines failed offered
    lines=$(grep -E "^test init::[a-z_]+::item_$1_.* \.\.\. (ok|FAILED)" "$out/$2")
    failed=$(grep -c 'FAILED$' <<<"$lines")
    offered=$(grep -A3 -E "^---- init::[a-z_]+::item_$1_" "$out/$2" | grep -c 'not offered')
    if [ -z "$lines" ]; then
        echo '?'
    elif [ "$failed" = 0 ]; then
        echo yes
    elif [ "$failed" = "$offered" ] && ! grep -q 'ok$' <<<"$lines"; then
        echo '-'
    else
        echo "no ($failed of $(wc -l <<<"$lines"))"
    fi
}

{
    printf '| | Test |'
    printf ' %s |' "${names[@]}"
    printf '\n|---|---|'
    printf -- '---|%.0s' "${names[@]}"
    printf '\n'
    for item in $(seq -w 1 $items); do
        title=$(grep -ohE "^test init::[a-z_]+::item_${item}_[a-z0-9_]+" "$out/sexton" | head -1 | sed -E "s/.*item_${item}_//; s/_/ /g")
        printf '| %s | %s |' "$item" "$title"
        for name in "${names[@]}"; do printf ' %s |' "$(verdict "$item" "$name")"; done
        printf '\n'
    done
}
# What failed, for whoever wants to know why.
for name in "${names[@]}"; do
    sed -nE "s/^test (init::[a-z_]+::item_[^ ]+) \.\.\. FAILED$/$name: \1/p" "$out/$name"
done >&2
