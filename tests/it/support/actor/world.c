/* What stands between the test and the program that it starts: namespaces, a terminal, a root, missing calls. */
#define _GNU_SOURCE
#include "actor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

extern char **environ;

/* The controlling terminal, for `job`. */
static int terminal_fd = -1;

static void map(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) refuse(path);
    close(fd);
}

/* Root of a user namespace, where we are not root already. */
void user_namespace(void) {
    char line[64];
    unsigned uid = geteuid(), gid = getegid();
    if (uid == 0) return;
    if (unshare(CLONE_NEWUSER) < 0) refuse("user namespace");
    map("/proc/self/setgroups", "deny");
    snprintf(line, sizeof line, "0 %u 1", uid);
    map("/proc/self/uid_map", line);
    snprintf(line, sizeof line, "0 %u 1", gid);
    map("/proc/self/gid_map", line);
}

void mount_namespace(void) {
    user_namespace();
    if (unshare(CLONE_NEWNS) < 0) refuse("mount namespace");
    if (mount("none", "/", 0, MS_REC | MS_PRIVATE, 0) < 0) refuse("private mounts");
}

/* What follows is PID 1 of a namespace with its own /proc. This process stays outside and hands the status on. */
void pid_namespace(void) {
    user_namespace();
    pid_t child = syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);
    if (child < 0) refuse("pid namespace");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (mount("none", "/", 0, MS_REC | MS_PRIVATE, 0) < 0) refuse("private mounts");
        if (mount("proc", "/proc", "proc", 0, 0) < 0) refuse("mount /proc");
        return;
    }
    for (int fd = 0; fd < 1024; fd++) close(fd);
    mask_set(EVERY_SIGNAL);
    int status;
    while (waitpid(child, &status, 0) < 0) {
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* What follows is a process of the PID namespace of `pid`, whose parent is outside, as `docker exec` makes it. */
void enter(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/pid", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWPID) < 0) refuse(path);
    pid_t child = fork();
    if (child < 0) refuse("fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        return;
    }
    close(1);
    while (waitpid(child, 0, 0) < 0) {
    }
    _exit(0);
}

/* Leader of a new session on the terminal `fd`. */
void terminal(int fd) {
    if (setsid() < 0) refuse("setsid");
    if (ioctl(fd, TIOCSCTTY, 0) < 0) refuse("controlling terminal");
    terminal_fd = fcntl(fd, F_DUPFD_CLOEXEC, 700);
}

/* Plays the shell: performs the rest as a job of its terminal, in its own group (bg, fg) or in the shell's (same). */
void job(const char *how, char **rest) {
    signal(SIGTTOU, SIG_IGN);
    pid_t child = fork();
    if (child < 0) refuse("fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (strcmp(how, "same")) setpgid(0, 0);
        if (!strcmp(how, "fg")) tcsetpgrp(terminal_fd, getpid());
        signal(SIGTTOU, SIG_DFL);
        perform(rest);
        _exit(0);
    }
    if (strcmp(how, "same")) setpgid(child, child);
    for (;;) {
        int status;
        if (waitpid(child, &status, WUNTRACED) < 0) continue;
        if (WIFSTOPPED(status)) {
            say("job stopped %d", WSTOPSIG(status));
            continue;
        }
        pid_t front = tcgetpgrp(terminal_fd);
        const char *whose = front == getpgrp() ? "shell" : front == child ? "job" : "other";
        say("job %d foreground %s", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), whose);
        return;
    }
}

/* "DIR" or "ro:DIR" becomes the root. */
void root_directory(const char *spec) {
    int read_only = !strncmp(spec, "ro:", 3);
    const char *dir = read_only ? spec + 3 : spec;
    if (mount(dir, dir, 0, MS_BIND, 0) < 0) refuse("bind the root");
    if (read_only && mount(0, dir, 0, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, 0) < 0)
        refuse("read-only root");
    if (chdir(dir) < 0 || chroot(dir) < 0 || chdir("/") < 0) refuse("chroot");
}

static void install(struct sock_filter *code, unsigned short length) {
    struct sock_fprog program = {length, code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) refuse("seccomp");
}

/* "ERRNO:NR,NR,...": these system calls answer that error. */
void deny(const char *spec) {
    struct sock_filter code[64];
    char *at;
    unsigned error = strtoul(spec, &at, 10);
    int length = 0;
    code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    while (*at && length < 60) {
        unsigned number = strtoul(at + 1, &at, 10);
        code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
        code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
    }
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    install(code, length);
}

/* A filter on one system call whose first argument is `first`. */
static void deny_first(unsigned number, unsigned first, unsigned answer) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    install(code, sizeof code / sizeof *code);
}

/* "ERRNO:OPTION": prctl(OPTION) answers that error. */
void deny_prctl(const char *spec) {
    char *at;
    unsigned error = strtoul(spec, &at, 10);
    deny_first(SYS_prctl, strtoul(at + 1, 0, 10), SECCOMP_RET_ERRNO | error);
}

/* kill(-1) from outside a PID namespace would end the machine's session: it ends the caller instead. */
void deny_kill_everyone(void) {
    deny_first(SYS_kill, (unsigned)-1, SECCOMP_RET_KILL_PROCESS);
}

/* What a shell cannot make: twice the same name, no name, no value, no equals sign, bytes that are not UTF-8. */
void strange_environment(void) {
    static char *variables[] = {"PATH=/usr/bin:/bin", "A=1", "A=2", "EMPTY=", "=nameless", "NOEQUALS",
                                "LATIN=\xe4\xf6\xfc", "CONTROL=\x01\n\x7f", "", "Z=last", 0};
    environ = variables;
}

/* What follows is a child. Once it has ended, the most memory that it had resident is told on stderr, in KB. */
void peak(void) {
    pid_t child = fork();
    if (child < 0) refuse("fork");
    if (child == 0) return;
    struct rusage usage;
    int status;
    while (wait4(child, &status, 0, &usage) < 0) {
    }
    dprintf(2, "peak %ld\n", usage.ru_maxrss);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}
