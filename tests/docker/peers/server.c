/*
 * An app that hangs: it accepts connections and never answers, until it is told to.
 *
 *   server PORT silent|answering CODE
 *
 * SIGUSR1 makes it answer, also those that it kept waiting; SIGUSR2 makes it silent. SIGTERM ends it with CODE, once it
 * is heard. It never waits for a child: as PID 1 it keeps each orphan as a zombie.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 1000 };

static volatile sig_atomic_t answering;
static volatile sig_atomic_t recovered;
static volatile sig_atomic_t ended;

static void heard(int signal) {
    if (signal == SIGUSR1) {
        answering = 1;
        recovered = 1;
    } else if (signal == SIGUSR2) {
        answering = 0;
    } else {
        ended = 1;
    }
}

static void answer(int connection) {
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
    if (write(connection, ok, sizeof ok - 1) < 0) perror("write");
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    answering = strcmp(argv[2], "answering") == 0;

    sigset_t blocked, inherited;
    sigemptyset(&blocked);
    struct sigaction action = {.sa_handler = heard};
    const int signals[] = {SIGUSR1, SIGUSR2, SIGTERM};
    for (int i = 0; i < 3; i++) {
        sigaddset(&blocked, signals[i]);
        sigaction(signals[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &blocked, &inherited);
    signal(SIGPIPE, SIG_IGN);

    static struct pollfd fds[MOST];
    int count = 1;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((in_port_t)atoi(argv[1]))};
    fds[0].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fds[0].events = POLLIN;
    const int on = 1;
    setsockopt(fds[0].fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fds[0].fd, (struct sockaddr *)&any, sizeof any) != 0 || listen(fds[0].fd, 128) != 0) {
        perror("listen");
        return 1;
    }
    puts("listening");
    fflush(stdout);

    while (!ended) {
        int ready = ppoll(fds, (nfds_t)count, NULL, &inherited);
        if (recovered) {
            recovered = 0;
            for (int i = count - 1; i > 0; i--) {
                answer(fds[i].fd);
                close(fds[i].fd);
            }
            count = 1;
            continue;
        }
        if (ready <= 0) continue;
        for (int i = count - 1; i > 0; i--) {
            if (!fds[i].revents) continue;
            char request[4096];
            ssize_t got = read(fds[i].fd, request, sizeof request);
            if (got > 0 && answering) answer(fds[i].fd);
            if (got <= 0 || answering) {
                close(fds[i].fd);
                fds[i] = fds[--count];
            }
        }
        if (fds[0].revents & POLLIN) {
            int connection = accept4(fds[0].fd, NULL, NULL, SOCK_CLOEXEC);
            if (connection >= 0 && count < MOST) {
                fds[count++] = (struct pollfd){.fd = connection, .events = POLLIN};
            } else if (connection >= 0) {
                close(connection);
            }
        }
    }
    return atoi(argv[3]);
}
