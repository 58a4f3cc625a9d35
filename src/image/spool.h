/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An image archive taken apart: its files in a folder of tmp/, each with its digest, and those that
 * are layers unpacked beside them, on the disk. Host side. */
#ifndef RBOX_IMAGE_SPOOL_H
#define RBOX_IMAGE_SPOOL_H

#include "base/err.h"
#include "image/ingest.h"

#include <stddef.h>
#include <stdint.h>

struct spooled {
    char *name;   /* in the archive, without leading "./" */
    char *digest; /* NULL for a link */
    char *target; /* of a link */
    int64_t bytes;
    char *diff_id; /* of a layer that is unpacked, or NULL */
    int number;    /* of its folder */
    int64_t devices;
};

#define SPOOL_CLOSED                  \
    {                                 \
        .dir_fd = -1, .layers_fd = -1 \
    }

struct spool {
    struct ingest *in; /* borrowed */
    char *temp;        /* below tmp/ */
    int dir_fd;        /* the files */
    int layers_fd;     /* the layers' folders */
    struct spooled *files;
    size_t count;
};

/* Take the archive @fd apart. The caller calls spool_done(), which removes what was not ingested.
 */
int spool_open(struct ingest *in, int fd, struct spool *ret, struct err *e);
void spool_done(struct spool *s);

/* The file @name, through links of old docker archives ("../ID/layer.tar"); NULL: there is none. */
const struct spooled *spool_find(const struct spool *s, const char *name);

/* Read a small file whole; the caller owns *ret. */
int spool_read(const struct spool *s, const char *name, char **ret, size_t *ret_len, struct err *e);

/* Move file @name into the store's blobs, and a layer of it into its layers; *ret is borrowed from
 * @s. */
int spool_ingest(struct spool *s, const char *name, const struct spooled **ret, struct err *e);

#endif
