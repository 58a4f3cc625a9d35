/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rbox-unpack: turns archives into files, and back. The only part of rbox that parses foreign
 * archives, and so the one that is kept on the shortest leash: it runs as root of a user namespace,
 * chrooted into the folder that it fills.
 *
 *     rbox-unpack spool
 *         Standard input, an image archive (tar, compressed or not): its regular files go to the
 *         current folder, with a line "SHA256 SIZE NAME" for each.
 *
 *     rbox-unpack layer [--squash]
 *         Standard input, one layer (tar, compressed or not), goes to folder d of the current one;
 *         prints {"diffID", "size", "devices"}.
 *
 *     rbox-unpack blob
 *         Standard input goes to the file HEX in the current folder, HEX its sha256; prints HEX.
 *
 *     rbox-unpack sum
 *         Prints the sha256 of standard input as it is.
 *
 *     rbox-unpack digest
 *         Prints {"diffID"} of the layer on standard input: the digest of what it decompresses to.
 *
 *     rbox-unpack pack [--plain]
 *         The current folder, without itself, as a tar archive on standard output: owners as the
 *         namespace counts them, or with --plain of nobody and no time.
 *
 *     rbox-unpack stat PATH
 *         Prints what PATH is in the current folder, as a process would see it whose root that is:
 *         "directory", "file", "other" or "none", and on the next line its path without links.
 *
 *     rbox-unpack take PATH [NAME]
 *         What stat says PATH is, as a tar archive on standard output: under the name NAME, or
 *         without one what is in it. Of the current folder itself what is mounted in it is left
 * out.
 *
 *     rbox-unpack put FOLDER OWNER [--overwrite]
 *         The tar archive on standard input goes to FOLDER (a path that stat gave) below the
 *         current folder, owned by OWNER: "UID:GID", or "keep" for the archive's owners. A folder
 *         never takes the place of something else, nor something else that of a folder, but with
 *         --overwrite. Prints {"devices"}, those left out.
 *
 *     rbox-unpack changes
 *         How the current folder differs from the one that is standard input: "A/path", "C/path" or
 *         "D/path" (added, changed, deleted), each with a NUL behind it, folders before what is in
 *         them.
 *
 *     rbox-unpack pack-changes
 *         The same as a layer on standard output: deleted files are whiteouts.
 *
 * An error is one line on standard error and exit status 1; what was written by then is the
 * caller's to remove. */
#ifndef RBOX_UNPACK_H
#define RBOX_UNPACK_H

#include "base/err.h"

#include <archive.h>
#include <openssl/evp.h>
#include <stdint.h>

/* ---- source.c: a byte stream, decompressed by content, with the digest of what came out */

struct source {
    int fd;
    struct archive *raw; /* decompression: any filter, format raw */
    struct archive *tar; /* reads what raw gives */
    EVP_MD_CTX *digest;  /* of the decompressed bytes */
    int is_undigested;   /* set before source_open(): there is no need of one */
    uint64_t bytes;
    char chunk[65536];
};

/* Read a tar archive from @fd, compressed in any way libarchive knows. The caller calls
 * source_done(). */
int source_open(struct source *s, int fd, struct err *e);

/* Read to the end of the stream, past the archive's own end, and give its digest in hex. */
int source_finish(struct source *s, char ret_hex[65], struct err *e);
void source_done(struct source *s);

/* libarchive's text for its last failure, as an error. */
int source_error(struct archive *a, struct err *e, const char *what);

void digest_hex(EVP_MD_CTX *ctx, char ret_hex[65]);

/* ---- modes */

struct layer_options {
    int squash; /* ids outside of the map become 0 */
    /* of put: an archive without whiteouts, for a folder that is in use */
    const char *folder; /* below the root, or NULL: a layer, for the root itself */
    int64_t uid;        /* whose everything shall be; -1: as the archive says */
    int64_t gid;
    int overwrite;
};

int spool_run(struct err *e);
int layer_run(const struct layer_options *o, struct err *e);
int blob_run(struct err *e);
int digest_run(struct err *e);
int sum_run(struct err *e);

/* ---- pack.c: an archive on standard output */

struct pack_options {
    int plain;        /* owners 0:0, no times */
    int cross_mounts; /* enter what is mounted in the tree */
};

struct pack;

int pack_begin(const struct pack_options *o, struct pack **ret, struct err *e);

/* Add @path and all below it. In the archive it is called @name; NULL: only what is below it is
 * added, by names relative to it. */
int pack_tree(struct pack *p, const char *path, const char *name, struct err *e);

/* Add @path alone, by the same name. */
int pack_path(struct pack *p, const char *path, struct err *e);

/* Add the empty file @name of root's. */
int pack_whiteout(struct pack *p, const char *name, struct err *e);

/* Write the end, unless @r says that it failed already, and free it. Returns @r or its own. */
int pack_end(struct pack *p, int r, struct err *e);

int pack_run(const struct pack_options *o, struct err *e);

/* ---- take.c */

int stat_run(const char *path, struct err *e);
int take_run(const char *path, const char *name, struct err *e);

/* ---- changes.c */

int changes_run(struct err *e);
int pack_changes_run(struct err *e);

#endif
