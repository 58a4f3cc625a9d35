/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/ingest.h"

#include "base/cleanup.h"
#include "image/layers.h"
#include "image/manifest.h"
#include "image/record.h"
#include "image/unpack.h"
#include "sys/fd.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

int ingest_open(const struct store *store, struct ingest *ret, struct err *e)
{
    struct ingest in = {.store = store, .blobs_fd = -1, .lock_fd = -1, .left = store_room(store)};
    autoclose int blobs_fd = -1;
    int r = store_lock(store, STORE_SHARED, &in.lock_fd, e);

    r = r < 0 ? r : userns_own_maps(&in.maps, e);
    if (r == 0) {
        r = dir_make(store->dir_fd, "blobs", 0711, &blobs_fd, e);
    }
    if (r == 0) {
        r = dir_make(blobs_fd, "sha256", 0711, &in.blobs_fd, e);
    }
    if (r < 0) {
        ingest_done(&in);
        return r;
    }
    *ret = in;
    return 0;
}

void ingest_done(struct ingest *in)
{
    close_fd(&in->blobs_fd);
    close_fd(&in->lock_fd);
    spec_done(&in->maps);
}

struct layer_key ingest_key(const struct ingest *in, const char *diff_id)
{
    return (struct layer_key){.diff_id = diff_id,
                              .uid_map = &in->maps.linux_.uid_mappings,
                              .gid_map = &in->maps.linux_.gid_mappings};
}

int ingest_has(const struct ingest *in, const char *digest)
{
    return faccessat(in->blobs_fd, manifest_hex(digest), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int ingest_file(struct ingest *in, int dir_fd, const char *name, const char *digest, struct err *e)
{
    if (ingest_has(in, digest)) {
        return 0;
    }
    if (renameat(dir_fd, name, in->blobs_fd, manifest_hex(digest)) < 0) {
        if (errno == ENOENT && ingest_has(in, digest)) {
            return 0; /* another process, which had fetched it too, was faster */
        }
        return err_set(e, errno, "cannot put blob %.19s into the store", digest);
    }
    return 0;
}

/* rbox-unpack computes the digest while it copies: no digest code in the launcher. */
int ingest_blob(struct ingest *in, int fd, char **ret_digest, struct err *e)
{
    autofree char *temp = NULL;
    autofree char *out = NULL;
    autofree char *digest = NULL;
    autoclose int temp_fd = -1;
    struct unpack u = {.uid_map = &in->maps.linux_.uid_mappings,
                       .gid_map = &in->maps.linux_.gid_mappings,
                       .in_fd = fd};
    int r = store_temp(in->store, "blob", &temp, &temp_fd, e);

    if (r < 0) {
        return r;
    }
    u.folder_fd = temp_fd;
    r = layer_unpack_run(in->store, &u, (const char *const[2]){"blob"}, &in->left, &out, e);
    if (r == 0) {
        out[strcspn(out, "\n")] = '\0';
        digest = xasprintf("sha256:%s", out);
        r = manifest_is_digest(digest) ? ingest_file(in, temp_fd, out, digest, e)
                                       : err_new(e, EIO, "rbox-unpack gave no digest");
    }
    store_temp_remove(in->store, temp, u.uid_map, u.gid_map);
    if (r == 0) {
        *ret_digest = steal_ptr(&digest);
    }
    return r;
}

int ingest_text(struct ingest *in, const char *text, char **ret_digest, struct err *e)
{
    autoclose int fd = -1;
    int r = fd_memfd("rbox blob", text, strlen(text), &fd, e);

    return r < 0 ? r : ingest_blob(in, fd, ret_digest, e);
}

int ingest_read(struct ingest *in, const char *digest, char **ret_text, size_t *ret_len,
                struct err *e)
{
    int r = file_read(in->blobs_fd, manifest_hex(digest), MANIFEST_BYTES_MAX, ret_text, ret_len, e);

    return r < 0 ? err_wrap(e, "blob %.19s", digest) : 0;
}

int ingest_sum(const struct ingest *in, const char *hex, char **ret_hex, struct err *e)
{
    autoclose int fd = openat(in->blobs_fd, hex, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    const struct unpack u = {.uid_map = &in->maps.linux_.uid_mappings,
                             .gid_map = &in->maps.linux_.gid_mappings,
                             .in_fd = fd,
                             .folder_fd = in->blobs_fd};
    int r = fd < 0 ? err_set(e, errno, "cannot open blob %.12s", hex)
                   : unpack_run(&u, (const char *const[]){"sum", NULL}, ret_hex, e);

    if (r == 0) {
        (*ret_hex)[strcspn(*ret_hex, "\n")] = '\0';
    }
    return r;
}

/* ---- the image */

static int open_blob(const struct ingest *in, const char *blob, int *ret_fd, struct err *e)
{
    int fd =
        openat(in->blobs_fd, manifest_hex(blob), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        return err_set(e, errno, "layer %.19s of the image is missing", blob);
    }
    *ret_fd = fd;
    return 0;
}

int ingest_unpack(struct ingest *in, const struct layer_key *key, const char *blob, struct err *e)
{
    autoclose int fd = -1;
    int r = open_blob(in, blob, &fd, e);

    return r < 0 ? r : layer_unpack(in->store, key, fd, &in->left, e);
}

struct job_end {
    struct err why;          /* errnum 0: it is unpacked … */
    struct store_room taken; /* … to so much */
};

int ingest_start(const struct ingest *in, const struct layer_key *key, int fd,
                 struct ingest_job *ret, struct err *e)
{
    autoclose int read_fd = -1;
    autoclose int write_fd = -1;
    int r = fd_pipe(&read_fd, &write_fd, e);
    pid_t pid = r < 0 ? r : ns_clone(0, -1, &ret->pidfd, e);

    if (pid == 0) {
        struct store_room left = in->left;
        struct job_end end = {0};

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (layer_unpack(in->store, key, fd, &left, &end.why) == 0) {
            err_clear(&end.why);
        }
        end.taken.bytes = in->left.bytes - left.bytes;
        end.taken.files = in->left.files - left.files;
        _exit(fd_write_all(write_fd, &end, sizeof(end)) < 0);
    }
    if (pid < 0) {
        return (int)pid;
    }
    ret->end_fd = steal_fd(&read_fd);
    return 0;
}

int ingest_wait(struct ingest *in, struct ingest_job *j, struct err *e)
{
    struct job_end end = {0};
    ssize_t n = 0;
    int status = 0;

    if (j->pidfd <= 0) {
        return 0;
    }
    n = read(j->end_fd, &end, sizeof(end)); /* less than a pipe holds: whole, or the end */
    if (proc_wait(j->pidfd, PROC_FOREVER, &status, &end.why) == 0 && n != sizeof(end)) {
        (void)err_new(&end.why, EIO, "the process that unpacked a layer ended with status %d",
                      status);
    }
    in->left.bytes -= end.taken.bytes;
    in->left.files -= end.taken.files;
    close_fd(&j->pidfd);
    close_fd(&j->end_fd);
    *j = (struct ingest_job){0};
    if (end.why.errnum == 0 &&
        (in->left.bytes < 0 || in->left.files < 0)) { /* of two that were unpacked side by side */
        return layer_too_big(in->store, e);
    }
    if (end.why.errnum != 0) {
        *e = end.why;
    }
    return -end.why.errnum;
}

static int unpack_layers(struct ingest *in, const struct manifest *m, const struct strv *diff_ids,
                         struct err *e)
{
    struct ingest_job jobs[INGEST_PARALLEL] = {{0}};
    size_t started = 0;
    int r = 0;

    if (m->layers.len != diff_ids->len) {
        return err_new(e, EINVAL, "the manifest has %zu layers, the config %zu", m->layers.len,
                       diff_ids->len);
    }
    for (size_t i = 0; r == 0 && i < diff_ids->len; i++) {
        const struct layer_key key = ingest_key(in, diff_ids->v[i]);
        const struct strv before = {.v = diff_ids->v, .len = i};
        struct ingest_job *j = &jobs[started % INGEST_PARALLEL];
        autoclose int fd = -1;

        if (strv_has(&before, diff_ids->v[i]) || layer_exists(in->store, &key)) {
            continue;
        }
        r = ingest_wait(in, j, e);
        r = r < 0 ? r : open_blob(in, m->layers.v[i], &fd, e);
        r = r < 0 ? r : ingest_start(in, &key, fd, j, e);
        started++;
    }
    for (size_t i = 0; i < INGEST_PARALLEL; i++) { /* for all of them; the first error counts */
        struct err later = {0};
        int ended = ingest_wait(in, &jobs[i], r < 0 ? &later : e);

        r = r < 0 ? r : ended;
    }
    return r;
}

static int write_records(struct ingest *in, struct image *i, const struct strv *names,
                         struct err *e)
{
    int r = 0;

    i->created_s = i->config.created_s > 0 ? i->config.created_s : time(NULL);
    for (size_t k = 0; k < i->blobs.len; k++) {
        i->size_bytes += store_blob_bytes(in->store, i->blobs.v[k]);
    }
    if (syncfs(in->blobs_fd) < 0) {
        return err_set(e, errno, "cannot write the image to disk");
    }
    for (size_t k = 0; r == 0 && k < names->len; k++) {
        free(i->name);
        i->name = xstrdup(names->v[k]);
        r = record_write(in->store, i, e);
    }
    return r;
}

int ingest_image(struct ingest *in, const char *digest, const struct strv *names, char **ret_id,
                 struct err *e)
{
    autofree char *text = NULL;
    autofree char *config = NULL;
    struct manifest m = {0};
    struct image i = {.lock_fd = -1};
    size_t len = 0;
    int r = ingest_read(in, digest, &text, &len, e);

    if (r == 0) {
        r = manifest_parse(text, len, &m, e);
    }
    if (r == 0) {
        r = ingest_read(in, m.config, &config, &len, e);
    }
    if (r == 0) {
        r = manifest_parse_config(config, len, &i.config, &i.diff_ids, e);
    }
    r = r < 0 ? r : manifest_check_platform(&i.config, in->platform, e);
    if (r == 0) {
        r = unpack_layers(in, &m, &i.diff_ids, e);
    }
    if (r == 0) {
        i.id = xstrdup(m.config);
        i.digest = xstrdup(digest);
        strv_append(&i.blobs, &m.layers);
        r = write_records(in, &i, names, e);
    }
    if (r == 0 && ret_id != NULL) {
        *ret_id = xstrdup(m.config);
    }
    manifest_done(&m);
    image_done(&i);
    return r;
}
