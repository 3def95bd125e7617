# What the scripts here share; sourced, from the top of the repository.
# shellcheck shell=bash disable=SC2034 # whoever sources it uses these

gnu=$(uname -m)-unknown-linux-gnu
target_folder=${CARGO_TARGET_DIR:-target}

say() { printf '%s\n' "$*"; }
skip() { printf 'no %s: its rows are left out\n' "$1" >&2; }

# The program as it is shipped; SEXTON=PATH measures another build.
shipped() {
    if [ -z "${SEXTON:-}" ]; then
        release/build "$(uname -m)" >&2
        SEXTON=$target_folder/shipped/sexton
        # By its own name, which processes are known by.
        install -D -m 755 dist/sexton-*-"$(uname -m)" "$SEXTON"
    fi
    # Pages of a file that was just written count as dirty memory of whoever runs it.
    sync "$SEXTON"
    readlink -f "$SEXTON"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# The machine that a table is from.
machine() {
    say "$(nproc) cores of $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), $(awk '/MemTotal/ {printf "%.0f GB", $2 / 1e6}' /proc/meminfo), Linux $(uname -r | cut -d- -f1), $(. /etc/os-release && echo "$PRETTY_NAME")"
}
