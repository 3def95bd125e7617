#!/bin/bash
# What each init gets right: runs the tests of `tests/it/init` that are named for an item (`item_NN_...`) against sexton and
# against the inits named here (default: Debian's tini, dumb-init and catatonit, where installed), and prints a Markdown
# table, item by item. The table in docs/init.md is from here.
#
#   benches/init-checklist.sh [PROGRAM...]
#
# yes: every test of the item passes, in both roles (as PID 1 of a namespace, as a subreaper outside of one); no: one fails,
# twice; partly: the program does not offer all that is tested, and passes with the rest; -: it offers nothing of it.
# Needs root.
set -u
cd "$(dirname "$0")/.." || exit

[ $# -gt 0 ] || set -- /usr/bin/tini-static /usr/bin/dumb-init /usr/bin/catatonit
readonly titles=(
    "exit codes 0 to 255 come out"
    "death by signal n gives 128+n, for each n"
    "the end of CMD is seen when an orphan ends with it, 1,000 rounds"
    "a CMD that dies at once, or is not there, is noticed, 1,000 rounds"
    "started with SIGCHLD ignored it has CMD's code"
    "started with every signal blocked it works"
    "9,000 orphans leave no zombie and cost under 0.5 s of CPU"
    "a CMD that is stopped and continued is not an end"
    "a traced stop is not an end"
    "idle, it never wakes up"
    "zombies of living parents and processes from outside are left alone"
    "each signal reaches CMD by its number, real-time signals keep their count"
    "SIGTERM at any moment of the start is not lost"
    "TSTP, TTIN and TTOU reach a CMD that handles them"
    "a log without a reader sends CMD no SIGPIPE"
    "a full log holds nothing up"
    "a CMD that may not be signaled does not end the init"
    "the PID of a reaped CMD is never signaled"
    "a stopped CMD acts on SIGTERM at once"
    "signals are rewritten, dropped and swapped"
    "faults that a user sends reach CMD"
    "when the init is killed, CMD hears of it if asked"
    "CMD's mask and ignored signals are those that the init got"
    "no handler, stack, timer or limit leaks into CMD"
    "a descriptor that was given arrives and does not stay open in the init"
    "closed standard descriptors stay closed"
    "CMD keeps its directory, and the init does not pin it"
    "arguments and environment arrive byte for byte"
    "126 and 127, and a message that names the program"
    "PATH is searched as execvp does"
    "options end at the first non-option"
    "LISTEN_PID is CMD's own"
    "a terminal: foreground, ^C, job control"
    "^Z never freezes it"
    "started in the background, it does not take the foreground"
    "the foreground goes back to the script that had it"
    "a terminal that is redirected, gone or refused is not fatal"
    "signals of the terminal's hand-over do not reach CMD"
    "a subreaper without being asked, and none if refused"
    "the parent's death reaches CMD if asked"
    "what CMD leaves behind is asked to end, and may clean up"
    "the drain has a hard bound"
    "SIGKILL to CMD only if asked, and on time"
    "processes that are forked during the drain are caught"
    "the version as \`docker info\` reads it"
    "it works where system calls, files, devices or rights are missing"
    "it is static"
    "a stubborn leftover does not cost CMD's code, \`stop -t 3\`"
    "nor does it if CMD needs 6 of 10 seconds"
    "a second SIGTERM ends the drain"
    "a pause asks its whole namespace to end, and waits"
    "it starts with no file descriptor left"
    "a PID that was used again during the drain is not signaled"
    "a second \`--\` belongs to CMD"
    "with an unknown option CMD is not run"
    "a service manager is told when CMD is ready"
    "named exit codes become 0"
)
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
    local lines failed missing total
    lines=$(grep -E "^test init::[a-z_]+::item_$1_.* \.\.\. (ok|FAILED)" "$out/$2")
    total=$(grep -c . <<<"$lines")
    failed=$(grep -c 'FAILED$' <<<"$lines")
    missing=$(grep -A3 -E "^---- init::[a-z_]+::item_$1_" "$out/$2" | grep -c 'not offered')
    if [ "$total" = 0 ]; then
        echo '?'
    elif [ "$failed" = 0 ]; then
        echo yes
    elif [ "$missing" = "$total" ]; then
        echo -
    elif [ "$failed" = "$missing" ]; then
        echo partly
    else
        echo "no ($((failed - missing)) of $((total - missing)))"
    fi
}

{
    printf '| | |'
    printf ' %s |' "${names[@]}"
    printf '\n|---:|---|'
    printf -- '---|%.0s' "${names[@]}"
    printf '\n'
    for item in "${!titles[@]}"; do
        printf '| %d | %s |' $((item + 1)) "${titles[item]}"
        for name in "${names[@]}"; do printf ' %s |' "$(verdict "$(printf %02d $((item + 1)))" "$name")"; done
        printf '\n'
    done
}
