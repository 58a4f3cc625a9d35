/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one error object: set where the cause is known, wrapped on the way up, printed once by main.
 *
 * Fallible functions end in `struct err *e` and return 0 or a negative errno. All setters return
 * that negative errno, so a failing line is one line: `return err_set(e, errno, "cannot open '%s'",
 * path);` The struct is plain bytes without pointers: it crosses the socket between child and
 * parent as it is. */
#ifndef RBOX_BASE_ERR_H
#define RBOX_BASE_ERR_H

struct err {
    int errnum;     /* positive errno; 0 = no error */
    int exit_code;  /* exit status main gives; 0 means EXITCODE_RBOX */
    char msg[512];  /* one line: what failed, on what, why */
    char hint[320]; /* the command or action that fixes it; may be empty */
};

/* Set @e to the formatted message followed by ": " and strerror(@errnum). Returns -@errnum (-EIO
 * for 0). */
__attribute__((format(printf, 3, 4))) int err_set(struct err *e, int errnum, const char *fmt, ...);

/* Set @e to the formatted message alone: for causes an errno text would blur. @errnum still
 * classifies it. */
__attribute__((format(printf, 3, 4))) int err_new(struct err *e, int errnum, const char *fmt, ...);

/* Put "message: " before what @e says; errnum, exit code and hint stay. Returns -e->errnum. */
__attribute__((format(printf, 2, 3))) int err_wrap(struct err *e, const char *fmt, ...);

/* Set the free-form hint. Returns -e->errnum. Prefer err_hint_id() (hints.h) for conditions of the
 * host. */
__attribute__((format(printf, 2, 3))) int err_hint(struct err *e, const char *fmt, ...);

/* Set the exit code main gives for @e. Returns -e->errnum. */
int err_exit(struct err *e, int exit_code);

/* Print "PROGRAM: msg" and, if there is one, "  hint: hint" to stderr; control bytes of foreign
 * names are escaped. Only mains call this, and err_add(). */
void err_print(const struct err *e, const char *program);

/* Print @prefix and @text to stderr as one line: control bytes are escaped. */
void err_print_line(const char *prefix, const char *text);

/* @e came from another process, which may have gone wrong: its strings are made to end. -EPROTO:
 * its numbers are none that an error has. */
int err_received(struct err *e);

/* One of several things failed, and the others were not left for it: add its @e, which is empty
 * then, to @all, whose last is for main to print. What was there before is printed now. That
 * something is not there (ENOENT) counts for the exit status only when nothing else failed. */
void err_add(struct err *all, struct err *e);

/* Forget the error in @e. */
void err_clear(struct err *e);

#endif
