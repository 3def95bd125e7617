/* The floor: one HTTP GET with nothing but system calls. cc -O2 -static. Usage: floor ADDRESS PORT PATH */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char buffer[4096];
    struct sockaddr_in to = { .sin_family = AF_INET };
    if (argc != 4 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
        return 2;
    to.sin_port = htons((unsigned short)atoi(argv[2]));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        return 1;
    int length = snprintf(buffer, sizeof buffer,
                          "GET %s HTTP/1.1\r\nHost: %s:%s\r\nUser-Agent: floor\r\nAccept: */*\r\n\r\n",
                          argv[3], argv[1], argv[2]);
    if (write(fd, buffer, (size_t)length) != length)
        return 1;
    ssize_t got = read(fd, buffer, sizeof buffer - 1);
    if (got < 12)
        return 1;
    int healthy = !strncmp(buffer, "HTTP/1.1 2", 10);
    (void)!write(1, healthy ? "healthy\n" : "unhealthy\n", healthy ? 8 : 10);
    return !healthy;
}
