/* How long an init takes to forward a signal. Runs INIT [ARG...] with the words `SELF child FD` appended, sends USR1 to
 * the init, and reads from a pipe when its child got it. Prints the median in microseconds. cc -O2 -static.
 * Usage: latency ROUNDS INIT [ARG...] */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int out;

static long long now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void on_usr1(int signal)
{
    (void)signal;
    long long at = now();
    (void)!write(out, &at, sizeof at);
}

static _Noreturn void child(int fd)
{
    out = fd;
    struct sigaction action = { .sa_handler = on_usr1 };
    sigaction(SIGUSR1, &action, NULL);
    long long ready = 0;
    (void)!write(out, &ready, sizeof ready);
    for (;;)
        pause();
}

static int order(const void *a, const void *b)
{
    long long x = *(const long long *)a, y = *(const long long *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "child"))
        child(atoi(argv[2]));
    if (argc < 3)
        return 2;
    int rounds = atoi(argv[1]), ends[2];
    long long *took = calloc((size_t)rounds, sizeof *took), at;
    if (!took || pipe(ends))
        return 1;
    pid_t init = fork();
    if (init == 0) {
        char fd[16], *words[argc + 2];
        snprintf(fd, sizeof fd, "%d", ends[1]);
        int count = 0;
        for (int i = 2; i < argc; i++)
            words[count++] = argv[i];
        words[count++] = argv[0];
        words[count++] = "child";
        words[count++] = fd;
        words[count] = NULL;
        close(ends[0]);
        execvp(words[0], words);
        _exit(127);
    }
    close(ends[1]);
    if (read(ends[0], &at, sizeof at) != sizeof at)
        return 1;
    for (int i = 0; i < rounds; i++) {
        usleep(500);
        long long sent = now();
        kill(init, SIGUSR1);
        if (read(ends[0], &at, sizeof at) != sizeof at)
            return 1;
        took[i] = at - sent;
    }
    kill(init, SIGTERM);
    waitpid(init, NULL, 0);
    qsort(took, (size_t)rounds, sizeof *took, order);
    printf("%.1f\n", (double)took[rounds / 2] / 1000.0);
    return 0;
}
