/* Signal state by raw system calls, with all 64 bits. */
#define _GNU_SOURCE
#include "actor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What rt_sigaction takes (sigaction(2), "C library/kernel differences"). The room at the end is for architectures
 * that order it otherwise: only the first word is looked at. */
struct kernel_sigaction {
    void (*action)(int);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

void mask_set(uint64_t mask) {
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, 0, 8);
}

uint64_t mask_get(void) {
    uint64_t mask = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, 0, &mask, 8);
    return mask;
}

void disposition_set(int sig, void (*to)(int)) {
    struct kernel_sigaction act = {.action = to};
    syscall(SYS_rt_sigaction, sig, &act, 0, 8);
}

void clean(void) {
    for (int sig = 1; sig <= 64; sig++) disposition_set(sig, SIG_DFL);
    mask_set(0);
}

void state(void) {
    uint64_t ignored = 0, caught = 0;
    for (int sig = 1; sig <= 64; sig++) {
        struct kernel_sigaction act = {0};
        if (syscall(SYS_rt_sigaction, sig, 0, &act, 8) < 0) continue;
        if (act.action == SIG_IGN) ignored |= BIT(sig);
        else if (act.action != SIG_DFL) caught |= BIT(sig);
    }
    say("blocked %016llx ignored %016llx caught %016llx", (unsigned long long)mask_get(),
        (unsigned long long)ignored, (unsigned long long)caught);
}

static void handled(int sig) {
    int saved = errno;
    say("handled %d", sig);
    errno = saved;
}

void handle(uint64_t which) {
    for (int sig = 1; sig <= 64; sig++) {
        if (!(which & BIT(sig))) continue;
        struct sigaction act = {.sa_handler = handled, .sa_flags = SA_RESTART};
        sigaction(sig, &act, 0);
    }
}

/* Tells every blocked signal that arrives, until `last` does. */
void await_signal(int last) {
    uint64_t mask = mask_get();
    for (;;) {
        siginfo_t info;
        long sig = syscall(SYS_rt_sigtimedwait, &mask, &info, 0, 8);
        if (sig < 0) continue;
        say("got %ld", sig);
        if (sig == last) return;
    }
}
