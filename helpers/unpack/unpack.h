/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rbox-unpack: turns archives into files, and back. The only part of rbox that parses foreign
 * archives, and so the one that is kept on the shortest leash: it runs as root of a user namespace,
 * chrooted into the folder that it fills.
 *
 *     rbox-unpack spool [--max BYTES FILES] [--squash] [KNOWN]
 *         Standard input, an image archive (tar, compressed or not): its regular files go to folder
 *         files of the current one, with a line "SHA256 SIZE NAME" for each. Those that are layers
 *         are unpacked meanwhile, to folders layers/1/d, layers/2/d and so on; of each one that
 *         went well a line "unpacked NUMBER DIFFID DEVICES" follows its file's. A layer that is a
 *         plain archive and whose digest nobody knows, since it is no blob of an OCI layout, is
 *         kept compressed; the line has the digest of what is kept. KNOWN: a file with digests, one
 *         a line; what is called by one of them is not unpacked. Refused is what comes to more than
 *         BYTES, be it as a stream or on the disk, or takes more than FILES files there.
 *
 *     rbox-unpack layer [--max BYTES FILES] [--squash]
 *         Standard input, one layer (tar, compressed or not), goes to folder d of the current one;
 *         prints {"diffID", "size", "files", "devices"}: what it came to, as a stream or on the
 *         disk, whichever is more. Refused as by spool.
 *
 *     rbox-unpack blob [--max BYTES FILES]
 *         Standard input goes to the file HEX in the current folder, HEX its sha256; prints HEX.
 *
 *     rbox-unpack sum
 *         Prints the sha256 of standard input as it is.
 *
 *     rbox-unpack digest [--max BYTES FILES]
 *         Prints {"diffID"} of the layer on standard input: the digest of what it decompresses to.
 *
 *     rbox-unpack pack
 *         The current folder, without itself, as a tar archive on standard output: owners as the
 *         namespace counts them.
 *
 *     rbox-unpack pack-list
 *         A tar archive of what standard input lists, of root's and of no time, on standard output.
 *         Lines are "file PATH NAME", a regular file of the current folder; "folder MODE NAME"; and
 *         "text BYTES NAME", with the text behind the line.
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
 * An error is one line on standard error, behind its errno, and exit status 1; what was written by
 * then is the caller's to remove. EMEDIUMTYPE is what is no tar archive; ENOEXEC, of spool, one
 * that has no image. */
#ifndef RBOX_UNPACK_H
#define RBOX_UNPACK_H

#include "base/err.h"

#include <archive.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- room.c: what is taken of the disk. Small files take more of it than of an archive, and a
 * disk can be full of files, too. */

struct amount {
    uint64_t bytes;
    uint64_t files;
};

#define AMOUNT_ANY ((struct amount){UINT64_MAX, UINT64_MAX})

struct room {
    struct amount max;
    struct amount taken;
    uint64_t block_bytes;
};

/* @dir_fd is on the disk. */
void room_open(struct room *r, const struct amount *max, int dir_fd);

/* Take so many bytes, blocks for so many, the inodes and names of so many files. -EOVERFLOW: that
 * is more than there may be. */
int room_take(struct room *r, uint64_t bytes, struct err *e);
int room_take_blocks(struct room *r, uint64_t bytes, struct err *e);
int room_take_files(struct room *r, uint64_t count, struct err *e);

struct amount room_left(const struct room *r);
int room_too_small(const struct amount *max, struct err *e); /* -EOVERFLOW */

/* Gives the next bytes of a stream: how many are at *ret, borrowed until the next call; 0 at its
 * end, or a negative errno with @e. */
typedef ssize_t feed(void *arg, const void **ret, struct err *e);

/* ---- source.c: a byte stream, decompressed by content, with the digest of what came out */

enum {
    INPUT_BYTES = 256 << 10
};

/* A feed: standard input. @arg is room for INPUT_BYTES. */
ssize_t input_read(void *arg, const void **ret, struct err *e);

enum source_kind {
    SOURCE_OTHER,
    SOURCE_TAR, /* as it is */
    SOURCE_GZIP,
    SOURCE_COMPRESSED /* in another way */
};

struct source {
    feed *from;
    void *arg;
    void *input; /* of source_open() */
    enum source_kind kind;
    char head[512];
    size_t head_len; /* 0: there is nothing in it */
    const char *rest;
    size_t rest_len;
    int is_head_read;
    struct gunzip *gunzip;
    struct archive *raw;
    EVP_MD_CTX *digest;       /* of the decompressed bytes */
    int is_undigested;        /* set before source_open(): there is no need of one */
    const struct amount *max; /* set before source_open(): how much may come out; NULL: anything */
    uint64_t bytes;
    char first[64]; /* of what came out */
    size_t first_len;
    char *chunk; /* of raw */
};

/* Begin to read what @from gives, as far as it takes to know its kind, and then the rest. The
 * caller calls source_done(), in any case. */
int source_peek(struct source *s, feed *from, void *arg, struct err *e);
int source_start(struct source *s, struct err *e);

/* Both, of standard input, which must not be empty. */
int source_open(struct source *s, struct err *e);

/* A feed: the decompressed bytes of @arg, a struct source. */
ssize_t source_read(void *arg, const void **ret, struct err *e);
void source_done(struct source *s);

/* A reader of the tar archive that @from gives. The caller calls archive_read_free(). -EMEDIUMTYPE:
 * it is none. */
int tar_open(feed *from, void *arg, struct archive **ret, struct err *e);

/* -EMEDIUMTYPE: @s is no tar archive, and what it seems to be. */
int source_no_archive(const struct source *s, struct err *e);

/* libarchive's text for its last failure, as an error. */
int source_error(struct archive *a, struct err *e, const char *what);

int digest_begin(EVP_MD_CTX **ret, struct err *e); /* EVP_MD_CTX_free() */
void digest_hex(EVP_MD_CTX *ctx, char ret_hex[65]);

/* ---- gzip.c */

struct gunzip;
struct gzip;

struct gunzip *gunzip_new(feed *from, void *arg);
ssize_t gunzip_read(void *arg, const void **ret, struct err *e); /* a feed */
void gunzip_free(struct gunzip *g);

/* Takes what comes out. */
typedef int gzip_out(void *arg, const void *data, size_t len, struct err *e);

struct gzip *gzip_new(gzip_out *to, void *arg);
int gzip_write(struct gzip *g, const void *data, size_t len, struct err *e);
int gzip_finish(struct gzip *g, struct err *e);
void gzip_free(struct gzip *g);

/* ---- layer.c */

struct layer_options {
    int squash;        /* ids outside of the map become 0 */
    struct amount max; /* to be taken of the disk */
    /* of put: an archive without whiteouts, for a folder that is in use */
    const char *folder; /* below the root, or NULL: a layer, for the root itself */
    int64_t uid;        /* whose everything shall be; -1: as the archive says */
    int64_t gid;
    int overwrite;
};

struct layer_result {
    uint64_t devices;    /* nodes and sockets, which were left out */
    struct amount taken; /* of the disk */
};

/* Unpack the tar archive that @from gives into the root. */
int layer_fill(const struct layer_options *o, feed *from, void *arg, struct layer_result *ret,
               struct err *e);

/* ---- attributes.c */

/* Where an entry stands: its folder and name, and of a regular file, which is still open, the
 * descriptor. */
struct place {
    int dir_fd;
    const char *base;
    int fd; /* -1 */
};

int attributes_set(const struct layer_options *o, const struct place *p,
                   struct archive_entry *entry, struct err *e);

/* Is the attribute @name a label of SELinux? Those are of the host, and in no archive. */
int attributes_is_label(const char *name);

/* ---- worker.c: layers are filled by a process each, beside the one that reads, decompresses and
 * digests, on another processor and behind a wall of its own: its root is the layer's folder.
 *
 *     worker_start()  worker_begin()  worker_feed()…  worker_end()  worker_begin()…  worker_stop()
 */

struct worker {
    pid_t pid;
    int data_fd; /* -1: it is gone */
    int result_fd;
    int count;
};

/* Start it, before the caller locks itself in: the layers' folders are d of the current folder, or
 * with @base BASE/1/d, BASE/2/d and so on. */
int worker_start(struct worker *w, const struct layer_options *o, const char *base, struct err *e);

/* A layer begins, which may take @max of the disk: its number, or -1 when there is no worker any
 * more. Then its tar archive, as it comes; and how it ended. @is_whole: the archive was read to its
 * end, else the layer is given up. */
int worker_begin(struct worker *w, const struct amount *max);
void worker_feed(struct worker *w, const void *data, size_t len);
int worker_end(struct worker *w, int is_whole, struct layer_result *ret, struct err *e);
void worker_stop(struct worker *w);

/* ---- modes */

/* @max: how much may come out, or be taken of the disk. More: -EOVERFLOW. */
int spool_run(struct worker *w, const char *known, const struct amount *max, struct err *e);
int layer_run(struct worker *w, const struct amount *max, struct err *e);
int put_run(const struct layer_options *o, struct err *e);
int blob_run(const struct amount *max, struct err *e);
int digest_run(const struct amount *max, struct err *e);
int sum_run(struct err *e);

/* ---- pack.c: an archive on standard output */

struct pack;

/* @cross_mounts: enter what is mounted in the tree. */
int pack_begin(int cross_mounts, struct pack **ret, struct err *e);

/* Add @path and all below it. In the archive it is called @name; NULL: only what is below it is
 * added, by names relative to it. */
int pack_tree(struct pack *p, const char *path, const char *name, struct err *e);

/* Add @path alone, by the same name. */
int pack_path(struct pack *p, const char *path, struct err *e);

/* Add the empty file @name of root's. */
int pack_whiteout(struct pack *p, const char *name, struct err *e);

/* Write the end, unless @r says that it failed already, and free it. Returns @r or its own. */
int pack_end(struct pack *p, int r, struct err *e);

int pack_run(struct err *e);
int pack_list_run(struct err *e);

/* ---- take.c */

int stat_run(const char *path, struct err *e);
int take_run(const char *path, const char *name, struct err *e);

/* ---- changes.c */

int changes_run(struct err *e);
int pack_changes_run(struct err *e);

#endif
