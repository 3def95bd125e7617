/*
 * An app whose health follows a script, the same one for each of those who ask:
 *
 *   scripted PORT LETTERS
 *
 * Who asks for /a and for /b is counted apart. The n-th request is answered as the n-th letter says: U with 200, D with
 * 503, S not at all, R by closing the connection; all later ones as the last letter says. Each is told on stdout as "a 3 D".
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 1000, READERS = 26 };

static void answer(int connection, const char *status) {
    char text[200];
    int length = snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status);
    if (write(connection, text, (size_t)length) < 0) perror("write");
}

static void ended(int sig) {
    (void)sig;
    _exit(0);
}

int main(int argc, char **argv) {
    if (argc != 3 || !*argv[2]) return 2;
    const char *letters = argv[2];
    const size_t count = strlen(letters);
    size_t asked[READERS] = {0};
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, ended);
    setvbuf(stdout, NULL, _IOLBF, 0);

    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((in_port_t)atoi(argv[1]))};
    const int on = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&any, sizeof any) != 0 || listen(listener, 128) != 0) {
        perror("listen");
        return 1;
    }
    puts("listening");

    /* Those who are kept waiting, until they go. */
    static struct pollfd fds[MOST];
    int open = 1;
    fds[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (;;) {
        if (poll(fds, (nfds_t)open, -1) <= 0) continue;
        for (int i = open - 1; i > 0; i--) {
            char request[4096] = {0};
            if (!fds[i].revents) continue;
            ssize_t got = read(fds[i].fd, request, sizeof request - 1);
            int reader = request[5] - 'a';
            if (got > 0 && !strncmp(request, "GET /", 5) && reader >= 0 && reader < READERS) {
                size_t nth = asked[reader]++;
                char letter = letters[nth < count ? nth : count - 1];
                printf("%c %zu %c\n", 'a' + reader, nth + 1, letter);
                if (letter == 'S') continue;
                if (letter == 'U') answer(fds[i].fd, "200 OK");
                if (letter == 'D') answer(fds[i].fd, "503 Service Unavailable");
            }
            close(fds[i].fd);
            fds[i] = fds[--open];
        }
        if (fds[0].revents & POLLIN) {
            int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
            if (connection >= 0 && open < MOST) fds[open++] = (struct pollfd){.fd = connection, .events = POLLIN};
            else if (connection >= 0) close(connection);
        }
    }
}
