/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands. Each is a row, at the top of its own cmd_<name>.c:
 *
 *     static int rmi(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
 *
 *     const struct cmd cmd_rmi = {
 *         .names = {"rmi", "image rm"},
 *         .group = CMD_IMAGES,
 *         .summary = "remove images",
 *         .usage = "[options] IMAGE [IMAGE...]",
 *         .options = OPTIONS,
 *         .options_size = sizeof(struct rmi_options),
 *         .min_args = 1,
 *         .max_args = CMD_ANY_ARGS,
 *         .run = rmi,
 *     };
 *
 * plus a line in this header and one in the table of cmd.c. Help, completions and man pages follow
 * from the row. */
#ifndef RBOX_CLI_CMD_H
#define RBOX_CLI_CMD_H

#include "base/err.h"
#include "cli/opts.h"
#include "image/store.h"

enum cmd_group {
    CMD_CONTAINERS,
    CMD_IMAGES,
    CMD_VOLUMES,
    CMD_NETWORKS,
    CMD_SYSTEM,
    CMD_RUNTIME, /* of `rbox oci`: listed there */
    CMD_HIDDEN,  /* in no list */
    CMD_GROUP_COUNT
};

enum {
    CMD_NAMES_MAX = 5,
    CMD_ANY_ARGS = -1
};

/* What the global options say, and the store once somebody asked for it. */
struct ctx {
    char *root;           /* --root, or NULL */
    char *storage_driver; /* --storage-driver, or NULL: choose */
    char *cgroup_manager; /* --cgroup-manager, or NULL: choose */
    int debug;
    int log_level;
    int help;    /* --help: main prints it instead of running the command */
    int version; /* --version, before a command */
    int store_is_open;
    struct store store;
    int argc; /* the whole command line, as given */
    char **argv;
};

/* Open the store, or give the one that is open. *ret is borrowed from @ctx. */
int ctx_store(struct ctx *ctx, struct store **ret, struct err *e);
void ctx_done(struct ctx *ctx);

struct cmd {
    const char *names[CMD_NAMES_MAX]; /* "images", "image ls": one function, several names */
    enum cmd_group group;
    const char *summary;     /* a few words, for the list of commands */
    const char *usage;       /* what follows the name: "[options] IMAGE" */
    const char *description; /* paragraphs for --help and the man page, or NULL */
    const char *examples;    /* lines "rbox run …\n", or NULL */
    const struct opt *options;
    const struct opt_refused *refused;
    size_t options_size; /* of the struct the rows point into; it starts zeroed */
    int min_args;        /* operands */
    int max_args;        /* or CMD_ANY_ARGS */
    int stop_at_operand; /* options end at the first operand: run IMAGE, exec CONTAINER */

    /* Set defaults that are not zero, and free what opts_done() does not know of. Both may be NULL.
     */
    void (*init)(void *options);
    void (*done)(void *options);

    /* Returns the exit status, or a negative errno with @e. @argv ends with NULL and holds operands
     * only. */
    int (*run)(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);
};

/* Row @i of the table, or NULL past its end. */
const struct cmd *cmd_at(size_t i);

/* The command that @argv begins with; *ret_words (1 or 2) of them are its name. NULL: none. */
const struct cmd *cmd_find(int argc, char **argv, int *ret_words);

/* Does any command have a two-word name that begins with @word ("image")? */
int cmd_is_family(const char *word);

/* The options every command understands; offsets into struct ctx. */
extern const struct opt CMD_GLOBAL_OPTIONS[];

/* Parse the command line and run the command. Returns as cmd->run does. */
int cmd_main(struct ctx *ctx, int argc, char **argv, struct err *e);

/* Run @c with the words after its name. */
int cmd_run_row(struct ctx *ctx, const struct cmd *c, int argc, char **argv, struct err *e);

/* Ask "@question [y/N]" on the terminal: was the answer yes? */
int cmd_confirm(const char *question);

extern const struct cmd cmd_run;
extern const struct cmd cmd_create;
extern const struct cmd cmd_start;
extern const struct cmd cmd_restart;
extern const struct cmd cmd_attach;
extern const struct cmd cmd_exec;
extern const struct cmd cmd_logs;
extern const struct cmd cmd_healthcheck_run;
extern const struct cmd cmd_rename;
extern const struct cmd cmd_container_prune;
extern const struct cmd cmd_cp;
extern const struct cmd cmd_diff;
extern const struct cmd cmd_export;
extern const struct cmd cmd_commit;
extern const struct cmd cmd_events;
extern const struct cmd cmd_top;
extern const struct cmd cmd_ps;
extern const struct cmd cmd_rm;
extern const struct cmd cmd_kill;
extern const struct cmd cmd_stop;
extern const struct cmd cmd_wait;
extern const struct cmd cmd_container_inspect;
extern const struct cmd cmd_container_exists;
extern const struct cmd cmd_image_inspect;
extern const struct cmd cmd_volume_create;
extern const struct cmd cmd_volume_export;
extern const struct cmd cmd_volume_import;
extern const struct cmd cmd_secret_create;
extern const struct cmd cmd_secret_ls;
extern const struct cmd cmd_secret_rm;
extern const struct cmd cmd_secret_inspect;
extern const struct cmd cmd_volume_ls;
extern const struct cmd cmd_volume_rm;
extern const struct cmd cmd_volume_prune;
extern const struct cmd cmd_volume_exists;
extern const struct cmd cmd_volume_inspect;
extern const struct cmd cmd_network_create;
extern const struct cmd cmd_network_ls;
extern const struct cmd cmd_network_inspect;
extern const struct cmd cmd_network_connect;
extern const struct cmd cmd_network_disconnect;
extern const struct cmd cmd_network_rm;
extern const struct cmd cmd_network_prune;
extern const struct cmd cmd_network_exists;
extern const struct cmd cmd_inspect;
extern const struct cmd cmd_images;
extern const struct cmd cmd_pull;
extern const struct cmd cmd_push;
extern const struct cmd cmd_login;
extern const struct cmd cmd_logout;
extern const struct cmd cmd_search;
extern const struct cmd cmd_load;
extern const struct cmd cmd_save;
extern const struct cmd cmd_import;
extern const struct cmd cmd_rmi;
extern const struct cmd cmd_tag;
extern const struct cmd cmd_untag;
extern const struct cmd cmd_history;
extern const struct cmd cmd_image_prune;
extern const struct cmd cmd_image_exists;
extern const struct cmd cmd_image_mount;
extern const struct cmd cmd_image_tree;
extern const struct cmd cmd_stats;
extern const struct cmd cmd_pause;
extern const struct cmd cmd_unpause;
extern const struct cmd cmd_update;
extern const struct cmd cmd_port;
extern const struct cmd cmd_port_add;
extern const struct cmd cmd_port_rm;
extern const struct cmd cmd_help;
extern const struct cmd cmd_version;
extern const struct cmd cmd_generate_systemd;
extern const struct cmd cmd_system_df;
extern const struct cmd cmd_system_prune;
extern const struct cmd cmd_system_check;
extern const struct cmd cmd_system_reset;
extern const struct cmd cmd_oci;
extern const struct cmd cmd_oci_create;
extern const struct cmd cmd_oci_start;
extern const struct cmd cmd_oci_run;
extern const struct cmd cmd_oci_exec;
extern const struct cmd cmd_oci_kill;
extern const struct cmd cmd_oci_delete;
extern const struct cmd cmd_oci_state;
extern const struct cmd cmd_oci_list;
extern const struct cmd cmd_oci_ps;
extern const struct cmd cmd_oci_spec;
extern const struct cmd cmd_oci_features;
extern const struct cmd cmd_oci_pause;
extern const struct cmd cmd_oci_resume;
extern const struct cmd cmd_oci_update;
extern const struct cmd cmd_info;
extern const struct cmd cmd_doctor;
extern const struct cmd cmd_explain;
extern const struct cmd cmd_unshare;
extern const struct cmd cmd_rm_tree;
extern const struct cmd cmd_chown_back;
extern const struct cmd cmd_generate;

#endif
