/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands of `rbox oci` share. */
#ifndef RBOX_CLI_OCI_H
#define RBOX_CLI_OCI_H

#include "box/oci.h"
#include "cli/cmd.h"

/* Options of any of them; each has rows for its own. */
struct oci_cmd_options {
    char *bundle;
    char *pid_file;
    char *console_socket;
    char *process;
    char *cwd;
    char *user;
    struct strv env;
    char *resources;
    char *format;
    struct spec spec; /* for --preserve-fds, whose parser takes one */
    int tty;
    int detach;
    int all;
    int force;
    int quiet;
    int rootless;
    int keep;
};

#define OCI_FIELD(name) offsetof(struct oci_cmd_options, name)

/* The row of a command's table. */
#define OCI_CMD(name_, usage_, summary_, options_, min_, max_, run_, ...)                          \
    {                                                                                              \
        .names = {"oci " name_}, .group = CMD_RUNTIME, .summary = (summary_), .usage = (usage_),   \
        .options = (options_), .options_size = sizeof(struct oci_cmd_options), .min_args = (min_), \
        .max_args = (max_), .run = (run_), .refused = __VA_ARGS__                                  \
    }

/* Open the folder of the containers. On success the caller owns *ret_root_fd. */
int oci_open_root(const struct ctx *ctx, int *ret_root_fd, struct err *e);

/* The container @id in it. On success the caller owns *ret_root_fd and *ret. */
int oci_open(const struct ctx *ctx, const char *id, int *ret_root_fd, struct oci_state *ret,
             struct err *e);

#endif
