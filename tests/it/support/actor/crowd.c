/* Many processes at once, and many rounds of one. */
#define _GNU_SOURCE
#include "actor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int live_on(void *unused) {
    (void)unused;
    for (;;) pause();
    return 0;
}

/* Ends the first thread of this process; another lives on. */
void outlived(void) {
    static char stack[16384] __attribute__((aligned(16)));
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    if (clone(live_on, stack + sizeof stack, flags, NULL) < 0) refuse("clone");
    syscall(SYS_exit, 0);
}

/* `count` processes whose parent is gone, all released in the same instant. */
void orphans(int count) {
    int gate[2], status;
    if (pipe2(gate, O_CLOEXEC) < 0) refuse("pipe");
    pid_t parent = fork();
    if (parent < 0) refuse("fork");
    if (parent == 0) {
        for (int i = 0; i < count; i++) {
            pid_t child = fork();
            if (child < 0) refuse("fork");
            if (child == 0) {
                char byte;
                close(gate[1]);
                if (read(gate[0], &byte, 1) < 0) _exit(1);
                _exit(0);
            }
        }
        /* Ours and main's are the last two that keep the gate shut. */
        _exit(0);
    }
    while (waitpid(parent, &status, 0) < 0) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status)) _exit(99);
    say("released");
    close(gate[0]);
    close(gate[1]);
}

/* Ends with `code` in the same microseconds as an orphan does. */
void together(int code) {
    volatile int64_t *start = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    volatile int *ready = (volatile int *)(start + 1);
    if (start == MAP_FAILED) refuse("mmap");
    pid_t parent = fork();
    if (parent == 0) {
        if (fork() > 0) _exit(0);
        *ready = 1;
        while (!*start) sched_yield();
        while (now() < *start) {
        }
        _exit(0);
    }
    while (waitpid(parent, 0, 0) < 0) {
    }
    while (!*ready) sched_yield();
    int64_t end = now() + 50000;
    /* A few microseconds before or after the orphan, another few each time. */
    *start = end + getpid() % 16 * 1000 - 8000;
    while (now() < end) {
    }
    _exit(code);
}

/* For that long, forks, and ends: no process of it lives more than a moment. */
void bomb(int milliseconds) {
    int64_t end = now() + milliseconds * 1000000LL;
    while (now() < end) {
        pid_t child = fork();
        if (child > 0) _exit(0);
    }
    _exit(0);
}

/* Spins until the mask of `pid` blocks SIGTERM: then the program under test has begun, and must lose nothing more. */
static void wait_for_mask(pid_t pid) {
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    /* Reading without a pause would starve what is watched, on a machine that has other things to do. */
    struct timespec moment = {0, 20000};
    for (int64_t end = now() + 2000000000LL; now() < end; nanosleep(&moment, 0)) {
        ssize_t length = pread(fd, text, sizeof text - 1, 0);
        if (length <= 0) break;
        text[length] = 0;
        char *line = strstr(text, "SigBlk:");
        if (!line || strstr(text, "State:\tZ")) break;
        if (strtoull(line + 7, 0, 16) & BIT(SIGTERM)) break;
        /* One that waits in sigtimedwait(2) shows no blocked signals. */
        if (strstr(text, "State:\tS") && strncmp(text, "Name:\tactor", 11)) break;
    }
    close(fd);
}

/* "ROUNDS,LIMIT_MS,TERM_US": performs `rest` that often, sends SIGTERM within TERM_US of the moment when the program
 * blocks it (never, if negative), and tells how often each code came and how often none did in time. */
void race(const char *spec, int in_namespace, char **rest) {
    int rounds, limit, term, counts[256] = {0}, hung = 0;
    if (sscanf(spec, "%d,%d,%d", &rounds, &limit, &term) != 3) refuse(spec);
    if (in_namespace) user_namespace();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    mask_set(BIT(SIGCHLD));
    uint64_t child_signal = BIT(SIGCHLD);
    /* A few that hang say enough. */
    for (int round = 0; round < rounds && hung < 3; round++) {
        pid_t pid = syscall(SYS_clone, (in_namespace ? CLONE_NEWPID : 0) | SIGCHLD, 0, 0, 0, 0);
        if (pid < 0) refuse("clone");
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            clean();
            perform(rest);
            _exit(0);
        }
        if (term >= 0) {
            wait_for_mask(pid);
            int64_t at = now() + (term ? random() % term : 0) * 1000LL;
            while (now() < at) {
            }
            kill(pid, SIGTERM);
        }
        int64_t end = now() + limit * 1000000LL;
        int status, over = 0;
        while (!over) {
            pid_t done;
            while ((done = waitpid(-1, &status, WNOHANG)) > 0)
                if (done == pid) { over = 1; break; }
            int64_t left = end - now();
            if (over || left <= 0) break;
            struct timespec t = {left / 1000000000, left % 1000000000};
            syscall(SYS_rt_sigtimedwait, &child_signal, 0, &t, 8);
        }
        if (!over) {
            hung++;
            kill(pid, SIGKILL);
            while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
            }
            continue;
        }
        counts[WIFEXITED(status) ? WEXITSTATUS(status) : (128 + WTERMSIG(status)) & 255]++;
    }
    for (int code = 0; code < 256; code++)
        if (counts[code]) say("code %d times %d", code, counts[code]);
    say("hung %d", hung);
}
