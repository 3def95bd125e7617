/* The floor: one HTTP GET with nothing but system calls. cc -O2 -static. Usage: floor ADDRESS PORT PATH [COUNT]
 * With COUNT: as many, 10 ms apart, and how much CPU time in microseconds each of them took, without and with a request. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in to = { .sin_family = AF_INET };

/* A connection; -1 when there is none. */
static int open_connection(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        return -1;
    return fd;
}

/* One GET: 1 when the answer is a success, 0 when it is another one, -1 when there is none. */
static int get(int fd, const char *host, const char *port, const char *path)
{
    char buffer[4096];
    int length = snprintf(buffer, sizeof buffer,
                          "GET %s HTTP/1.1\r\nHost: %s:%s\r\nUser-Agent: floor\r\nAccept: */*\r\n\r\n",
                          path, host, port);
    if (fd < 0 || write(fd, buffer, (size_t)length) != length)
        return -1;
    if (read(fd, buffer, sizeof buffer - 1) < 12)
        return -1;
    return !strncmp(buffer, "HTTP/1.1 2", 10);
}

static double spent(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
    if (argc < 4 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
        return 2;
    to.sin_port = htons((unsigned short)atoi(argv[2]));
    if (argc == 4) {
        int healthy = get(open_connection(), argv[1], argv[2], argv[3]);
        if (healthy < 0)
            return 1;
        (void)!write(1, healthy ? "healthy\n" : "unhealthy\n", healthy ? 8 : 10);
        return !healthy;
    }
    const struct timespec pause = { .tv_nsec = 10000000 };
    int count = atoi(argv[4]);
    for (int with_request = 0; with_request <= 1; with_request++) {
        double before = spent();
        for (int i = 0; i < count; i++) {
            nanosleep(&pause, NULL);
            int fd = open_connection();
            if (fd < 0 || (with_request && get(fd, argv[1], argv[2], argv[3]) < 0))
                return 1;
            close(fd);
        }
        printf("%.1f\n", (spent() - before) / count);
    }
    return 0;
}
