/*
 * An app that runs other programs, as a program in Go does: it waits for the children that it started, by their PIDs,
 * and for nobody else. Each child starts a child of its own and ends first.
 *
 *   spawner COUNT
 *
 * Says "spawned" when all COUNT are through, then runs on. It handles no signal: the kernel shields it as PID 1.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    for (int left = atoi(argv[1]); left > 0; left--) {
        pid_t child = fork();
        if (child < 0) {
            perror("fork");
            return 1;
        }
        if (child == 0) {
            if (fork() == 0) {
                usleep(20 * 1000);
                _exit(0);
            }
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    puts("spawned");
    fflush(stdout);
    for (;;) pause();
}
