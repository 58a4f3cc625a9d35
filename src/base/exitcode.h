/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exit codes, as docker and podman define them.
 *
 * A command's own status passes through; these are what rbox itself adds. 126 and 127 are given
 * only by the final execve(2) of the command, so a script can tell "rbox could not" from "the
 * command could not". */
#ifndef RBOX_BASE_EXITCODE_H
#define RBOX_BASE_EXITCODE_H

enum exitcode {
    EXITCODE_OK = 0,
    EXITCODE_NO_SUCH = 1, /* rm, inspect, image exists…: the thing named does not exist */
    EXITCODE_IN_USE = 2,  /* rm of a running container, rmi of an image in use */
    EXITCODE_RBOX = 125,  /* rbox itself failed */
    EXITCODE_NOT_EXECUTABLE = 126, /* the command exists and cannot be executed */
    EXITCODE_NOT_FOUND = 127,      /* the command does not exist */
    EXITCODE_SIGNAL = 128,         /* + signal number, when a signal ended the command */
};

#endif
