/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a process is given before it becomes a command in a container: the first one (child.c) and
 * those that `rbox exec` adds (enter.c) alike. All child side. */
#ifndef RBOX_BOX_PROCESS_H
#define RBOX_BOX_PROCESS_H

#include "base/err.h"
#include "box/user.h"
#include "spec/spec.h"

#include <stdint.h>
#include <sys/ioctl.h>

/* The CLONE_NEW… flags of the namespaces that are not the host's (its own, and those that it
 * joined) or, with @only_new, of those that are made for it. Pure. */
uint64_t process_namespaces(const struct spec *s, int only_new);

/* Take up the role of a supervisor called @name: it ends with its parent until told otherwise, and
 * no signal reaches it. */
void process_supervise(const char *name);

/* Can the command of @s not have the caller's own descriptors? A terminal is the container's; and
 * SELinux takes files that its label does not allow away from it. */
int process_needs_streams(const struct spec *s);

/* Put @null_fd, /dev/null, in place of the caller's descriptors 0 to 2: holding one of them would
 * keep somebody's pipe open. */
void process_drop_stdio(int null_fd);

/* Outlive the parent, in a session of its own: of all descriptors only @keep stay open, and 0 to 2
 * are /dev/null. */
void process_detach(const int *keep, size_t count);

/* A session of its own, signals as a fresh program expects them. */
void process_reset(void);

/* As the caller still: changing ids makes /proc/self root's. */
int process_set_oom_score(const struct spec *s, struct err *e);

/* Become 0:0 of the namespace, or stay the caller's id where 0 is not mapped. */
int process_become_root(const struct spec *s, struct err *e);

/* Are the ids of @u mapped? */
int process_check_user(const struct spec *s, const struct user *u, struct err *e);

/* Descriptors 0 to 2: the terminal @terminal_fd of @size, or with -1 the caller's as they came,
 * and /dev/null as standard input unless interactive. */
int process_set_stdio(const struct spec *s, int root_fd, int terminal_fd,
                      const struct winsize *size, const struct user *user, struct err *e);

/* Enter the working folder. @make: one that is missing is made, as docker does at the start. */
int process_enter_cwd(const struct spec *s, int root_fd, int make, struct err *e);

int process_set_limits(const struct spec_process *p, struct err *e);

/* Execute @argv as the command of @s. Returns where that failed. */
int process_exec(const struct spec *s, char *const *argv, struct err *e);

/* Close all but 0 to 2, the @preserve ones after them, and @keep_fd. */
void process_close_descriptors(unsigned int preserve, int keep_fd);

#endif
