/*
 * The actor: what tests put around an init and under it. Its arguments are verbs, performed in order:
 *
 *     actor clean pidns ignore=1 close=0 exec /sexton init -- /actor state exit=3
 *
 * "fork ... end" performs a block in a child. C and raw system calls, because the tests ask what a process was
 * started with, to the bit: a runtime that sets signals up before `main` would be seen instead.
 */
#define _GNU_SOURCE
#include "actor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* Where the report goes. Numbers from 500 on are ours and are not told by `fds`. */
static int report = 1;
static int race_in_namespace;
/* The parent that forked this process. */
static pid_t born_of;
static char **all_argv;
/* The child that was forked last. */
static pid_t forked;
/* What `exec` starts, where that is not the first word that it hands on; and what `main` returns. */
static const char *exec_file;
static int final_code;

void say(const char *format, ...) {
    char line[4096];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(line, sizeof line - 1, format, list);
    va_end(list);
    if (length > (int)sizeof line - 2) length = sizeof line - 2;
    line[length++] = '\n';
    if (write(report, line, length) < 0) return;
}

void refuse(const char *what) {
    dprintf(2, "actor: %s: %s\n", what, strerror(errno));
    _exit(99);
}

int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

uint64_t signals_of(const char *list) {
    if (!strcmp(list, "all")) return EVERY_SIGNAL;
    uint64_t mask = 0;
    while (*list) {
        char *end;
        long sig = strtol(list, &end, 10);
        if (end == list || sig < 1 || sig > 64) refuse(list);
        mask |= BIT(sig);
        list = *end == ',' ? end + 1 : end;
    }
    return mask;
}

static void nap(int64_t nanoseconds) {
    struct timespec t = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    while (nanosleep(&t, &t) < 0 && errno == EINTR) {
    }
}

static void hex(const char *kind, const char *bytes) {
    char line[4000];
    size_t at = 0;
    for (; *bytes && at < sizeof line - 3; bytes++) at += sprintf(line + at, "%02x", (unsigned char)*bytes);
    line[at] = 0;
    say("%s %s", kind, line);
}

/* The words of this process, its own among them, and its environment, in hexadecimal. */
static void arguments(char **words) {
    for (; *words; words++) hex("arg", *words);
    for (char **e = environ; e && *e; e++) hex("env", *e);
}

static void descriptors(void) {
    for (int fd = 0; fd < 500; fd++) {
        if (fcntl(fd, F_GETFD) < 0) continue;
        int flags = fcntl(fd, F_GETFL);
        say("fd %d%s", fd, flags & O_NONBLOCK ? " nonblocking" : "");
    }
}

/* Looks now, for a report that is opened later and would itself be seen. */
static int seen[500];

static void probe(void) {
    for (int fd = 0; fd < 500; fd++) seen[fd] = fcntl(fd, F_GETFD) >= 0;
}

static void probed(void) {
    for (int fd = 0; fd < 500; fd++)
        if (seen[fd]) say("fd %d", fd);
}

static void directory(void) {
    struct stat here;
    char link[64], parent[4096];
    if (stat(".", &here) < 0) refuse("stat .");
    snprintf(link, sizeof link, "/proc/%d/cwd", getppid());
    ssize_t length = readlink(link, parent, sizeof parent - 1);
    parent[length < 0 ? 0 : length] = 0;
    say("cwd %llu parent %s", (unsigned long long)here.st_ino, parent);
}

/* What fork and exec hand on beside signals. */
static void leftovers_of_the_parent(void) {
    struct itimerval t;
    int pdeath = -1, subreaper = -1;
    for (int which = 0; which < 3; which++) {
        getitimer(which, &t);
        if (t.it_value.tv_sec || t.it_value.tv_usec) say("timer %d", which);
    }
    stack_t stack;
    if (sigaltstack(0, &stack) == 0 && !(stack.ss_flags & SS_DISABLE)) say("alternate stack");
    prctl(PR_GET_PDEATHSIG, &pdeath);
    prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
    mode_t mask = umask(0);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    if (pdeath || subreaper) say("pdeath %d subreaper %d", pdeath, subreaper);
    say("umask %o nice %d files %llu slack %d", (unsigned)mask,
        getpriority(PRIO_PROCESS, 0), (unsigned long long)files.rlim_cur, prctl(PR_GET_TIMERSLACK));
}

/* Where this process stands, in words that do not depend on numbers. */
static void place(void) {
    pid_t parent = getppid();
    say("leads group %d session %d; with its parent group %d session %d", getpgrp() == getpid(), getsid(0) == getpid(),
        getpgrp() == getpgid(parent), getsid(0) == getsid(parent));
}

static void read_line(int fd) {
    char line[256];
    size_t at = 0;
    while (at < sizeof line - 1) {
        ssize_t got = read(fd, line + at, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            say("read errno %d", errno);
            return;
        }
        if (got == 0) {
            say("eof");
            return;
        }
        if (line[at] == '\n') break;
        at++;
    }
    line[at] = 0;
    say("read %s", line);
}

static void write_to(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) refuse(path);
    close(fd);
}

static void report_to(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) refuse(path);
    report = fcntl(fd, F_DUPFD_CLOEXEC, 600);
    close(fd);
}

static void die(int sig) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
    disposition_set(sig, SIG_DFL);
    mask_set(0);
    kill(getpid(), sig);
    for (;;) pause();
}

static char **after_block(char **words) {
    for (int depth = 1; *words; words++) {
        if (!strcmp(*words, "fork")) depth++;
        if (!strcmp(*words, "end") && --depth == 0) return words + 1;
    }
    errno = EINVAL;
    refuse("fork without end");
}

/* Whether `word` is `verb`, or `verb=...`; then *value is what follows. */
static int is(const char *word, const char *verb, const char **value) {
    size_t length = strlen(verb);
    if (strncmp(word, verb, length)) return 0;
    *value = word[length] == '=' ? word + length + 1 : "";
    return word[length] == '=' || word[length] == 0;
}

void perform(char **words) {
    for (; *words; words++) {
        const char *v;
        char *word = *words;
        if (is(word, "end", &v)) return;
        else if (is(word, "exit", &v)) _exit(atoi(v));
        else if (is(word, "die", &v)) die(atoi(v));
        else if (is(word, "say", &v)) say("%s", v);
        else if (is(word, "to", &v)) report_to(v);
        else if (is(word, "report", &v)) report = atoi(v);
        else if (is(word, "sleep", &v)) nap(atoll(v) * 1000000);
        else if (is(word, "alarm", &v)) alarm(atoi(v));
        else if (is(word, "until", &v)) { while (access(v, F_OK) < 0) nap(200000); }
        else if (is(word, "pause", &v)) for (;;) pause();
        else if (is(word, "time", &v)) say("time %lld", (long long)now());
        else if (is(word, "ids", &v)) say("pid %d ppid %d pgid %d sid %d", getpid(), getppid(), getpgrp(), getsid(0));
        else if (is(word, "arguments", &v)) { arguments(all_argv); return; }
        else if (is(word, "place", &v)) place();
        else if (is(word, "code", &v)) final_code = atoi(v);
        else if (is(word, "fds", &v)) descriptors();
        else if (is(word, "probe", &v)) probe();
        else if (is(word, "probed", &v)) probed();
        else if (is(word, "cwd", &v)) directory();
        else if (is(word, "leaks", &v)) leftovers_of_the_parent();
        else if (is(word, "variable", &v)) say("%s=%s", v, getenv(v) ? getenv(v) : "(unset)");
        else if (is(word, "read", &v)) read_line(0);
        else if (is(word, "readtty", &v)) {
            int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
            if (fd < 0) say("no terminal %d", errno); else read_line(fd);
        }
        /* signals */
        else if (is(word, "clean", &v)) clean();
        else if (is(word, "state", &v)) state();
        else if (is(word, "block", &v)) mask_set(mask_get() | signals_of(v));
        else if (is(word, "ignore", &v)) {
            uint64_t which = signals_of(v);
            for (int sig = 1; sig <= 64; sig++) if (which & BIT(sig)) disposition_set(sig, SIG_IGN);
        }
        else if (is(word, "handle", &v)) handle(signals_of(v));
        else if (is(word, "await", &v)) await_signal(*v ? atoi(v) : 0);
        else if (is(word, "stop", &v)) raise(SIGSTOP);
        else if (is(word, "raise", &v)) kill(getpid(), atoi(v));
        else if (is(word, "traceme", &v)) { if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0) say("traceme errno %d", errno); }
        /* processes */
        else if (is(word, "fork", &v)) {
            pid_t self = getpid(), child = fork();
            if (child < 0) refuse("fork");
            forked = child;
            if (child == 0) {
                born_of = self;
                perform(words + 1);
                _exit(0);
            }
            words = after_block(words + 1) - 1;
        }
        else if (is(word, "endchild", &v)) { kill(forked, SIGKILL); waitpid(forked, 0, 0); }
        else if (is(word, "wait", &v)) { while (wait(0) < 0 && errno == EINTR) { } }
        else if (is(word, "child", &v)) {
            /* The rest is performed by a child; this process only lives, to be killed. */
            pid_t child = fork();
            if (child < 0) refuse("fork");
            if (child > 0) for (;;) pause();
        }
        else if (is(word, "killall", &v)) say("killall errno %d", kill(-1, 0) < 0 ? errno : 0);
        else if (is(word, "gone", &v)) { while (kill(atoi(v), 0) == 0 || errno != ESRCH) nap(200000); }
        else if (is(word, "orphaned", &v)) { while (getppid() == born_of) nap(200000); }
        else if (is(word, "lastpid", &v)) write_to("/proc/sys/kernel/ns_last_pid", v);
        else if (is(word, "setsid", &v)) setsid();
        else if (is(word, "setpgid", &v)) setpgid(0, 0);
        else if (is(word, "setuid", &v)) { if (setgid(atoi(v)) < 0 || setuid(atoi(v)) < 0) refuse("setuid"); }
        else if (is(word, "outlived", &v)) outlived();
        else if (is(word, "orphans", &v)) orphans(atoi(v));
        else if (is(word, "together", &v)) together(atoi(v));
        else if (is(word, "bomb", &v)) bomb(atoi(v));
        /* what a program is started in */
        else if (is(word, "pidns", &v)) pid_namespace();
        else if (is(word, "enter", &v)) enter(atoi(v));
        else if (is(word, "userns", &v)) user_namespace();
        else if (is(word, "mountns", &v)) mount_namespace();
        else if (is(word, "untied", &v)) prctl(PR_SET_PDEATHSIG, 0);
        else if (is(word, "tied", &v)) prctl(PR_SET_PDEATHSIG, SIGKILL);
        else if (is(word, "subreaper", &v)) prctl(PR_SET_CHILD_SUBREAPER, 1);
        else if (is(word, "close", &v)) close(atoi(v));
        else if (is(word, "closefrom", &v)) { for (int fd = atoi(v); fd < 1024; fd++) close(fd); }
        else if (is(word, "open", &v)) {
            int fd = open("/dev/null", O_RDWR);
            if (fd != atoi(v)) { dup2(fd, atoi(v)); close(fd); }
        }
        else if (is(word, "dup", &v)) {
            char *to;
            int from = strtol(v, &to, 10);
            if (dup2(from, atoi(to + 1)) < 0) refuse("dup");
        }
        else if (is(word, "chdir", &v)) { if (chdir(v) < 0) refuse(v); }
        else if (is(word, "rmdir", &v)) { if (rmdir(v) < 0) refuse(v); }
        else if (is(word, "root", &v)) root_directory(v);
        else if (is(word, "ctty", &v)) terminal(atoi(v));
        else if (is(word, "job", &v)) { job(v, words + 1); return; }
        else if (is(word, "deny", &v)) deny(v);
        else if (is(word, "denyprctl", &v)) deny_prctl(v);
        else if (is(word, "nokillall", &v)) deny_kill_everyone();
        else if (is(word, "nproc", &v)) { struct rlimit l = {atoi(v), atoi(v)}; setrlimit(RLIMIT_NPROC, &l); }
        else if (is(word, "nofile", &v)) { struct rlimit l = {atoi(v), atoi(v)}; setrlimit(RLIMIT_NOFILE, &l); }
        else if (is(word, "addresses", &v)) { struct rlimit l = {atol(v), atol(v)}; setrlimit(RLIMIT_AS, &l); }
        else if (is(word, "peak", &v)) peak();
        else if (is(word, "cgroup", &v)) write_to(v, "0");
        else if (is(word, "dropcap", &v)) { if (prctl(PR_CAPBSET_DROP, atoi(v)) < 0) refuse("dropcap"); }
        else if (is(word, "strangeenv", &v)) strange_environment();
        else if (is(word, "setenv", &v)) putenv((char *)v);
        else if (is(word, "unsetenv", &v)) unsetenv(v);
        else if (is(word, "listen", &v)) {
            char pid[16];
            snprintf(pid, sizeof pid, "%d", getpid());
            setenv("LISTEN_PID", pid, 1);
            setenv("LISTEN_FDS", v, 1);
        }
        else if (is(word, "racens", &v)) race_in_namespace = 1;
        else if (is(word, "race", &v)) { race(v, race_in_namespace, words + 1); return; }
        else if (is(word, "file", &v)) exec_file = v;
        else if (is(word, "exec", &v)) {
            execv(exec_file ? exec_file : words[1], words + 1);
            refuse(words[1]);
        }
        else {
            errno = EINVAL;
            refuse(word);
        }
    }
}

int main(int argc, char **argv) {
    (void)argc;
    all_argv = argv;
    perform(argv + 1);
    return final_code;
}
