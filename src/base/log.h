/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notices and debugging text on stderr. Errors do not come here: they travel as struct err. */
#ifndef RBOX_BASE_LOG_H
#define RBOX_BASE_LOG_H

/* Set how much is printed: 0 warnings and notices, 1 also debug() (--debug, RBOX_DEBUG=1), -1
 * nothing. */
void log_set_level(int level);
int log_level(void);

/* "rbox: warning: …": the run goes on, and the user should know. */
__attribute__((format(printf, 1, 2))) void warn(const char *fmt, ...);

/* "rbox: …": a one-line notice. */
__attribute__((format(printf, 1, 2))) void notice(const char *fmt, ...);

/* "rbox[pid] +MS ms: …" with the time since the program started; only with --debug. */
__attribute__((format(printf, 1, 2))) void debug(const char *fmt, ...);

#endif
