/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals for a command that is PID 1.
 *
 * The kernel gives PID 1 no default actions: a SIGTERM that it does not handle is dropped
 * (pid_namespaces(7)). rbox makes up for that: a forwarded signal whose default action is to
 * terminate, and that no thread of PID 1 blocks, catches or ignores (SigBlk, SigCgt, SigIgn of
 * proc(5)) nor waits for in sigwait(3), ends the container as the default action would have.
 * Programs that block and wait for their signals (tini, dumb-init, systemd, s6) get them. */
#ifndef RBOX_BOX_SIGNALS_H
#define RBOX_BOX_SIGNALS_H

#include <signal.h>
#include <sys/types.h>

/* The signals a launcher forwards: all that one process sends another, but those that belong to the
 * launcher itself (CHLD, URG, STOP, KILL, PIPE, TSTP, TTIN, TTOU, faults), and those it was told to
 * ignore (nohup). */
void signals_forwarded(sigset_t *ret);

/* Is @signo's default action to terminate? CHLD, CONT, URG, WINCH and the stop signals never do. */
int signals_terminates(int signo);

/* Would process @pid (as this procfs counts) get to see @signo: does any of its threads block,
 * catch, ignore or wait for it? 1 yes, 0 no, -errno when it is gone. Reads /proc. A thread that
 * blocks it and runs may do so for the moment of a fork: it is looked at again, for at most a tenth
 * of a second.
 */
int signals_handled(pid_t pid, int signo);

/* The same, decided from the text of /proc/PID/task/TID/status; -EAGAIN: blocked, by one that
 * runs. Pure. */
int signals_handled_in(const char *status, int signo);

/* The pid of the process behind @pidfd as the mounted procfs counts, from /proc/self/fdinfo.
 * -ESRCH: gone. */
pid_t signals_host_pid(int pidfd);

#endif
