/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Either end of cp: a container's files, the host's, or a tar archive on standard input or output.
 * The host's root is one like a container's, with the caller as its only user. */
#ifndef RBOX_CLI_CP_END_H
#define RBOX_CLI_CP_END_H

#include "box/look.h"
#include "cli/container.h"
#include "image/unpack.h"

enum cp_kind {
    CP_NONE,
    CP_DIRECTORY,
    CP_FILE_OR_OTHER
};

struct cp_end {
    char *container; /* as named; NULL: the host */
    char *path;      /* absolute; NULL: an archive on standard input or output */
    struct found found;
    struct container read;
    int is_read;
    struct look look;
    struct spec_idmap uid_map; /* the host's */
    struct spec_idmap gid_map;
    struct unpack unpack;
    uint32_t uid; /* whose what comes here shall be */
    uint32_t gid;
    enum cp_kind kind;
    char *real; /* path without links; NULL: there is nothing */
};

/* Read "CONTAINER:PATH" (unless it begins like a path), "PATH" or "-". The caller calls
 * cp_end_done(). */
void cp_end_parse(const char *word, struct cp_end *ret);
void cp_end_done(struct cp_end *d);

/* Open its root and look at its path. */
int cp_end_open(const struct store *store, struct cp_end *d, struct err *e);

/* What is at @path? *ret_real, if there is anything, is the caller's. */
int cp_end_look(const struct cp_end *d, const char *path, enum cp_kind *ret, char **ret_real,
                struct err *e);

/* What comes into this container shall be its user's. */
int cp_end_owner(struct cp_end *d, struct err *e);

#endif
