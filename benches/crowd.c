/* N processes that sleep, for whoever reads the process table. They share one memory, so that 20,000 fit anywhere.
 * cc -O2 -static. Usage: crowd N; says "ready" when all are there, and ends with its stdin. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static int rest(void *unused)
{
    (void)unused;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? atol(argv[1]) : 1000;
    for (long i = 0; i < count; i++) {
        char *stack = malloc(4096);
        if (!stack || clone(rest, stack + 4096, CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, NULL) < 0) {
            perror("clone");
            return 1;
        }
    }
    puts("ready");
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0)
        ;
    return 0;
}
