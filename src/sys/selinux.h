/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SELinux by the kernel's own files, /sys/fs/selinux and /proc/thread-self/attr: what this host
 * has, and labels of files, of pipes, and of what a process executes. Which labels containers get
 * is box/label.h's. */
#ifndef RBOX_SYS_SELINUX_H
#define RBOX_SYS_SELINUX_H

#include "base/err.h"

/* Does this host have SELinux, enforcing or not? */
int selinux_is_on(void);

/* Has @path a label of containers' files? */
int selinux_is_labelled(const char *path);

/* The label that the policy's own list for containers has for @key ("process", "init_process",
 * "file"), or NULL. The caller owns it. */
char *selinux_policy_label(const char *key);

/* The label of files that all containers may change (@key "file") or read ("ro_file"); NULL: there
 * is no SELinux, or its policy has none. The caller owns it. */
char *selinux_shared_label(const char *key);

/* Does the policy that is loaded know @label? */
int selinux_knows(const char *label);

/* Would it let this process become @label by executing something? 1 where nobody can tell. */
int selinux_may_become(const char *label);

/* What selinux_exec_as() of @label wants from before a container's /proc is in the way, which could
 * be anything: the host's. -1 where @label is NULL: nothing. The caller owns it. */
int selinux_exec_open(const char *label);

/* What this process executes next gets @label; NULL: what it gets by itself. Only the task itself
 * may say it, with the credentials with which it opens the file. */
int selinux_exec_as(int proc_fd, const char *label, struct err *e);

/* A pipe whose ends a process in @label may use, by a FIFO that is in the folder @dir_fd for a
 * moment: pipes have the label of who made them, and no policy lets that be changed. NULL: a plain
 * one. */
int selinux_pipe(int dir_fd, const char *label, int ret[2], struct err *e);

/* Give @fd @label; what is made in a folder then has its type. A file system without labels is no
 * error. */
int selinux_label(int fd, const char *label, struct err *e);

/* Has @fd @label, or can it have none? */
int selinux_has_label(int fd, const char *label);

/* Give all below @fd, on the same file system, @label, and @fd at the end. Host side, as the
 * caller: only what is his to label is labelled. Errors: the first that could not be. */
int selinux_label_tree(int fd, const char *label, struct err *e);

#endif
