/* What the verbs of the actor share. */
#ifndef ACTOR_H
#define ACTOR_H

#include <stdint.h>
#include <sys/types.h>

/* All 64 signals: libc's sigset functions hide 32 to 34. */
#define EVERY_SIGNAL UINT64_MAX
#define BIT(sig) (1ULL << ((sig) - 1))

/* Performs words until the end of the list or of the block. */
void perform(char **words);
/* One line on the report: stdout, or the file that `to=` named. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One line on stderr, and the end with a code that no test expects. */
void refuse(const char *what) __attribute__((noreturn));
/* "1,15,34" or "all". */
uint64_t signals_of(const char *list);
/* Nanoseconds of the monotonic clock. */
int64_t now(void);

/* signals.c */
void mask_set(uint64_t mask);
uint64_t mask_get(void);
void disposition_set(int sig, void (*to)(int));
void clean(void);
void state(void);
void handle(uint64_t which);
void await_signal(int last);

/* world.c: what stands between the test and the program that it starts */
void user_namespace(void);
void mount_namespace(void);
void pid_namespace(void);
void enter(pid_t pid);
void terminal(int fd);
void job(const char *how, char **rest);
void root_directory(const char *spec);
void deny(const char *spec);
void deny_prctl(const char *spec);
void deny_kill_everyone(void);
void strange_environment(void);
void peak(void);

/* crowd.c: many processes, many rounds */
void outlived(void);
void orphans(int count);
void together(int code);
void bomb(int milliseconds);
void race(const char *spec, int in_namespace, char **rest);

#endif
