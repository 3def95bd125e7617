/*
 * A supervisor that runs `npm`, which runs `next`: one program under three names. A new deployment kills npm alone, so
 * that next lives on, as a child of PID 1.
 *
 *   supervisor COUNT
 *
 * Says "deployed" when COUNT deployments have been replaced and one more runs. SIGTERM ends it.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where next says that it runs; what is started inherits it. */
enum { UP = 7 };

static void end(int signal) {
    (void)signal;
    _exit(0);
}

static pid_t start(const char *program, const char *argument) {
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        exit(1);
    }
    if (child == 0) {
        execl(program, program, argument, (char *)NULL);
        perror(program);
        _exit(1);
    }
    return child;
}

/* Starts npm, and returns when next runs. */
static pid_t deploy(void) {
    int ends[2];
    char byte;
    if (pipe(ends) != 0 || dup2(ends[1], UP) < 0) {
        perror("pipe");
        exit(1);
    }
    close(ends[1]);
    pid_t npm = start("/npm", "start");
    close(UP);
    if (read(ends[0], &byte, 1) != 1) exit(1);
    close(ends[0]);
    return npm;
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    if (strcmp(argv[0], "/npm") == 0) {
        waitpid(start("/next", "start"), NULL, 0);
        return 0;
    }
    if (strcmp(argv[0], "/next") == 0) {
        if (write(UP, "", 1) != 1) return 1;
        close(UP);
        for (;;) pause();
    }
    signal(SIGTERM, end);
    for (int left = atoi(argv[1]); left > 0; left--) {
        pid_t npm = deploy();
        kill(npm, SIGKILL);
        waitpid(npm, NULL, 0);
    }
    deploy();
    puts("deployed");
    fflush(stdout);
    for (;;) pause();
}
