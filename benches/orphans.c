/* Makes N orphans for the init above us: children that fork and die at once. cc -O2 -static. Usage: orphans N */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    long left = argc > 1 ? atol(argv[1]) : 9000;
    while (left > 0) {
        /* A child that makes many is quicker than one child an orphan, and the init sees the same. */
        long batch = left < 100 ? left : 100;
        pid_t child = fork();
        if (child == 0) {
            for (long i = 0; i < batch; i++)
                if (fork() == 0)
                    _exit(0);
            _exit(0);
        }
        if (child > 0) {
            waitpid(child, NULL, 0);
            left -= batch;
        } else {
            usleep(1000);
        }
    }
    /* The init has the rest of the orphans to reap before its main child goes. */
    usleep(500000);
    return 0;
}
