/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/record.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "image/index.h"
#include "image/manifest.h"
#include "sys/dir.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    RECORD_BYTES_MAX = 4 << 20
};

static const int64_t NS_PER_S = 1000000000;

/* ---- names of files: '/' and '%' are escaped, so that a name is one file */

static int file_name(const char *name, char **ret, struct err *e)
{
    struct buf b = {0};

    for (; *name != '\0'; name++) {
        if (*name == '/' || *name == '%') {
            buf_printf(&b, "%%%02X", (unsigned char)*name);
        } else {
            buf_add(&b, name, 1);
        }
    }
    if (b.len == 0 || b.len > NAME_MAX - 16) {
        buf_done(&b);
        return err_new(e, ENAMETOOLONG, "the image's name is too long for the store");
    }
    *ret = b.data;
    return 0;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1);
}

static char *name_of_file(const char *file)
{
    struct buf b = {0};

    for (; *file != '\0'; file++) {
        char c = *file;

        if (c == '%' && hex_digit(file[1]) >= 0 && hex_digit(file[2]) >= 0) {
            c = (char)(hex_digit(file[1]) * 16 + hex_digit(file[2]));
            file += 2;
        }
        buf_add(&b, &c, 1);
    }
    return b.data;
}

int record_is_dangling(const char *name)
{
    return manifest_is_digest(name);
}

/* ---- one table for both directions */

struct record_list {
    const char *key;
    struct strv *list;
};

struct record_string {
    const char *key;
    char **string;
};

enum {
    LISTS = 9,
    STRINGS = 9
}; /* LISTS counts the end row */

static void list_rows(struct image *i, struct record_list rows[LISTS])
{
    const struct record_list all[LISTS] = {{"diffIDs", &i->diff_ids},
                                           {"blobs", &i->blobs},
                                           {"entrypoint", &i->config.entrypoint},
                                           {"cmd", &i->config.cmd},
                                           {"env", &i->config.env},
                                           {"volumes", &i->config.volumes},
                                           {"exposedPorts", &i->config.exposed_ports},
                                           {"labels", &i->config.labels},
                                           {NULL, NULL}};

    memcpy(rows, all, sizeof(all));
}

static void string_rows(struct image *i, struct record_string rows[STRINGS + 1])
{
    const struct record_string all[STRINGS + 1] = {{"name", &i->name},
                                                   {"id", &i->id},
                                                   {"digest", &i->digest},
                                                   {"workingDir", &i->config.working_dir},
                                                   {"user", &i->config.user},
                                                   {"stopSignal", &i->config.stop_signal},
                                                   {"os", &i->config.os},
                                                   {"architecture", &i->config.architecture},
                                                   {"variant", &i->config.variant},
                                                   {NULL, NULL}};

    memcpy(rows, all, sizeof(all));
}

static char *record_text(const struct image *image)
{
    struct image i = *image; /* borrowed: the rows want it writable */
    struct record_list lists[LISTS];
    struct record_string strings[STRINGS + 1];
    json_t *root = json_object();
    char *text = NULL;

    list_rows(&i, lists);
    string_rows(&i, strings);
    for (size_t k = 0; strings[k].key != NULL; k++) {
        if (*strings[k].string != NULL) {
            (void)json_object_set_new(root, strings[k].key, json_str(*strings[k].string));
        }
    }
    for (size_t k = 0; lists[k].key != NULL; k++) {
        (void)json_object_set_new(root, lists[k].key, json_from_strv(lists[k].list));
    }
    (void)json_object_update_new(
        root, json_pack("{s:o*, s:I, s:I}", "healthcheck", spec_health_write(&i.config.health),
                        "created", (json_int_t)i.created_s, "size", (json_int_t)i.size_bytes));
    text = json_text(root);
    json_decref(root);
    return text;
}

static int are_digests(const struct strv *list)
{
    for (size_t k = 0; k < list->len; k++) {
        if (!manifest_is_digest(list->v[k])) {
            return 0;
        }
    }
    return 1;
}

/* @paths: what is wanted of it; NULL: all. */
static int parse_record(const char *text, size_t len, const char *const *paths, struct image *i,
                        struct err *e)
{
    struct record_list lists[LISTS];
    struct record_string strings[STRINGS + 1];
    json_t *root = NULL;
    int r = paths != NULL ? json_parse_some(text, len, "the image's record", paths, &root, e)
                          : json_parse(text, len, "the image's record", &root, e);

    list_rows(i, lists);
    string_rows(i, strings);
    for (size_t k = 0; r == 0 && strings[k].key != NULL; k++) {
        const char *s = NULL;

        r = json_get_string(root, strings[k].key, "the image's record", &s, e);
        *strings[k].string = xstrdup_null(s);
    }
    for (size_t k = 0; r == 0 && lists[k].key != NULL; k++) {
        r = json_get_strv(root, lists[k].key, "the image's record", lists[k].list, e);
    }
    if (r == 0 && spec_health_read(json_object_get(root, "healthcheck"), &i->config.health) < 0) {
        r = err_new(e, EINVAL, "the image's record has a bad health check");
    }
    r = r < 0 ? r : json_get_int(root, "created", "the image's record", &i->created_s, e);
    r = r < 0 ? r : json_get_int(root, "size", "the image's record", &i->size_bytes, e);
    json_decref(root);
    if (r == 0 &&
        (i->name == NULL || !manifest_is_digest(i->id) || !manifest_is_digest(i->digest) ||
         !are_digests(&i->diff_ids) || !are_digests(&i->blobs) || i->created_s < 0 ||
         i->created_s > INT64_MAX / NS_PER_S)) {
        return err_new(e, EINVAL, "the image's record is incomplete");
    }
    return r;
}

/* ---- reading */

static int open_images(const struct store *store, int *ret_fd, struct err *e)
{
    return dir_make(store->dir_fd, "images", 0700, ret_fd, e);
}

/* The record @fd, of the name that @file has. Errors: -EBADMSG damaged. */
static int read_open(int fd, const char *file, const char *const *paths, struct image *ret,
                     struct err *e)
{
    autofree char *name = name_of_file(file);
    autofree char *text = NULL;
    struct image i = {.lock_fd = -1};
    struct err why = {0};
    size_t len = 0;
    int r = fd_read_all(fd, RECORD_BYTES_MAX, &text, &len, &why);

    r = r < 0 ? r : parse_record(text, len, paths, &i, &why);
    if (r == 0 && !str_eq(i.name, name)) {
        r = err_new(&why, EINVAL, "it is that of another one");
    }
    if (r < 0) {
        image_done(&i);
        (void)err_new(e, EBADMSG, "the record of image '%s' is damaged: %s", name, why.msg);
        return err_hint(e, "load or pull it again, or rbox rmi %s", name);
    }
    *ret = i;
    return 0;
}

static int open_record(int images_fd, const char *file, int access, int *ret_fd, struct err *e)
{
    /* a FIFO, which is no record, keeps nobody waiting */
    int fd = openat(images_fd, file, access | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0) {
        return err_set(e, errno, "cannot open the record of an image");
    }
    *ret_fd = fd;
    return 0;
}

/* For writing, though nobody does: NFS gives an exclusive lock to nobody else. */
static int open_lockable(int images_fd, const char *file, int *ret_fd, struct err *e)
{
    int r = open_record(images_fd, file, O_RDWR, ret_fd, e);

    if (r == -EROFS) {
        err_clear(e);
        r = open_record(images_fd, file, O_RDONLY, ret_fd, e);
    }
    return r;
}

static int read_locked(int images_fd, const char *file, struct image *ret, struct err *e)
{
    autoclose int fd = -1;
    int r = open_lockable(images_fd, file, &fd, e);

    if (r == 0 && flock(fd, LOCK_SH) < 0) {
        r = err_set(e, errno, "cannot lock the record of an image");
    }
    if (r == 0 && !file_is_named(fd, images_fd, file)) {
        /* whoever removed or replaced it had the lock until now */
        return read_locked(images_fd, file, ret, e);
    }
    r = r < 0 ? r : read_open(fd, file, NULL, ret, e);
    if (r == 0) {
        ret->lock_fd = steal_fd(&fd);
    }
    return r;
}

int record_read(const struct store *store, const char *name, struct image *ret, struct err *e)
{
    autofree char *file = NULL;
    autoclose int images_fd = -1;
    int r = file_name(name, &file, e);

    r = r < 0 ? r : open_images(store, &images_fd, e);
    return r < 0 ? r : read_locked(images_fd, file, ret, e);
}

int record_each(const struct store *store, int (*fn)(const struct image *i, void *arg), void *arg,
                struct err *e)
{
    static const char *const PATHS[] = {"name",   "id",      "digest",       "diffIDs",
                                        "blobs",  "os",      "architecture", "variant",
                                        "labels", "created", "size",         NULL};
    autoclose int images_fd = -1;
    autoclosedir DIR *d = NULL;
    const struct dirent *entry = NULL;
    int more = 0;
    int r = open_images(store, &images_fd, e);

    if (r < 0) {
        return r;
    }
    d = dir_open(images_fd, ".");
    more = d != NULL ? 0 : -errno;
    while (r == 0 && d != NULL && (more = dir_next(d, &entry)) > 0) {
        struct image i = {.lock_fd = -1};
        struct err ignored = {0};
        autoclose int fd = -1;
        int read = 0;

        if (entry->d_name[0] == '.') {
            continue; /* half written */
        }
        read = open_record(images_fd, entry->d_name, O_RDONLY, &fd, &ignored);
        read = read < 0 ? read : read_open(fd, entry->d_name, PATHS, &i, &ignored);
        if (read < 0) {
            i.name = name_of_file(entry->d_name);
        }
        r = read == -ENOENT ? 0 : fn(&i, arg);
        image_done(&i);
    }
    return more < 0 ? err_set(e, -more, "cannot read the store's images") : r;
}

/* ---- writing */

static int write_record(const struct store *store, int images_fd, const struct image *i,
                        const char *name, struct err *e)
{
    struct image named = *i; /* borrowed */
    autofree char *file = NULL;
    autofree char *copy = xstrdup(name);
    autofree char *text = NULL;
    int r = file_name(name, &file, e);

    named.name = copy;
    text = record_text(&named);
    r = r < 0 ? r : file_write(images_fd, file, text, strlen(text), FILE_SYNC | FILE_PRIVATE, e);
    return r < 0 ? r : index_update(store, &named, name, e);
}

struct names {
    const char *id;
    struct strv *names;
};

static int push_name(const struct image *i, void *arg)
{
    struct names *n = arg;

    if (str_eq(i->id, n->id)) {
        strv_push(n->names, i->name);
    }
    return 0;
}

int record_names(const struct store *store, const char *id, struct strv *ret, struct err *e)
{
    struct names n = {.id = id, .names = ret};
    int r = record_each(store, push_name, &n, e);

    strv_sort(ret);
    return r;
}

struct other {
    const char *id;
    const char *name;
    int found;
};

static int match_other(const struct image *i, void *arg)
{
    struct other *o = arg;

    o->found |= i->id != NULL && strcmp(i->id, o->id) == 0 && strcmp(i->name, o->name) != 0;
    return 0;
}

int record_is_last(const struct store *store, const struct image *i, struct err *e)
{
    struct other o = {.id = i->id, .name = i->name};
    int r = record_each(store, match_other, &o, e);

    return r < 0 ? r : !o.found;
}

/* Make the shared lock of @i exclusive: runs that resolve it have their container's folder by then.
 * -ESTALE: another process removed or replaced it meanwhile. Nothing else may be read from here on,
 * or two processes could wait for each other. */
static int lock_out(int images_fd, const struct image *i, struct err *e)
{
    autofree char *file = NULL;
    int r = file_name(i->name, &file, e);

    /* flock(2) lets go of the shared lock first, by itself but on NFS: there two processes would
     * wait for each other's. */
    if (r == 0 && (flock(i->lock_fd, LOCK_UN) < 0 || flock(i->lock_fd, LOCK_EX) < 0)) {
        r = err_set(e, errno, "cannot lock image '%s'", i->name);
    }
    return r < 0 || file_is_named(i->lock_fd, images_fd, file)
               ? r
               : err_new(e, ESTALE, "image '%s' was changed meanwhile", i->name);
}

static int displace_once(const struct store *store, int images_fd, const struct image *by,
                         struct image *ret_old, struct err *e)
{
    int last = 0;
    int r = record_read(store, by->name, ret_old, e);

    if (r < 0) { /* none, or a damaged one, which is replaced */
        err_clear(e);
        return 0;
    }
    last = record_is_last(store, ret_old, e);
    r = last < 0 ? last : lock_out(images_fd, ret_old, e);
    if (r == 0 && last && strcmp(ret_old->id, by->id) != 0) {
        r = write_record(store, images_fd, ret_old, ret_old->id, e);
    }
    return r;
}

/* The image that has @by's name so far keeps its content under its id. One that another process
 * changed while we waited for its runs is looked up again. */
static int displace(const struct store *store, int images_fd, const struct image *by,
                    struct image *ret_old, struct err *e)
{
    int r = displace_once(store, images_fd, by, ret_old, e);

    while (r == -ESTALE) {
        err_clear(e);
        image_done(ret_old);
        *ret_old = (struct image){.lock_fd = -1};
        r = displace_once(store, images_fd, by, ret_old, e);
    }
    return r;
}

/* An image that gets a name is no longer one without. */
static int drop_dangling(const struct store *store, int images_fd, const struct image *i,
                         struct err *e)
{
    autofree char *file = NULL;
    int r = record_is_dangling(i->name) ? 0 : file_name(i->id, &file, e);

    if (r < 0 || file == NULL || unlinkat(images_fd, file, 0) < 0) {
        return r;
    }
    return index_update(store, NULL, i->id, e);
}

int record_write(const struct store *store, const struct image *i, struct err *e)
{
    struct image old = {.lock_fd = -1};
    autoclose int images_fd = -1;
    autoclose int lock_fd = -1;
    int r = store_lock(store, STORE_SHARED, &lock_fd, e);

    r = r < 0 ? r : open_images(store, &images_fd, e);
    r = r < 0 ? r : displace(store, images_fd, i, &old, e);
    r = r < 0 ? r : write_record(store, images_fd, i, i->name, e);
    r = r < 0 ? r : drop_dangling(store, images_fd, i, e);
    image_done(&old);
    return r;
}

int record_remove(const struct store *store, struct image *i, struct err *e)
{
    autofree char *file = NULL;
    autoclose int images_fd = -1;
    int r = file_name(i->name, &file, e);

    r = r < 0 ? r : open_images(store, &images_fd, e);
    r = r < 0 ? r : lock_out(images_fd, i, e);
    if (r == 0 && unlinkat(images_fd, file, 0) < 0 && errno != ENOENT) {
        r = err_set(e, errno, "cannot remove image '%s'", i->name);
    }
    return r < 0 ? r : index_update(store, NULL, i->name, e);
}

int record_discard(const struct store *store, const char *name, struct err *e)
{
    autofree char *file = NULL;
    autoclose int images_fd = -1;
    int r = file_name(name, &file, e);

    r = r < 0 ? r : open_images(store, &images_fd, e);
    if (r == 0 && unlinkat(images_fd, file, 0) < 0 && errno != ENOENT) {
        r = err_set(e, errno, "cannot remove the record of image '%s'", name);
    }
    return r < 0 ? r : index_update(store, NULL, name, e);
}

int record_untag(const struct store *store, struct image *i, struct err *e)
{
    autoclose int images_fd = -1;
    autoclose int lock_fd = -1;
    int last = 0;
    int r = store_lock(store, STORE_SHARED, &lock_fd, e);

    r = r < 0 ? r : open_images(store, &images_fd, e);
    last = r < 0 ? r : record_is_last(store, i, e);
    if (last > 0) {
        r = write_record(store, images_fd, i, i->id, e);
    }
    r = last < 0 ? last : r;
    return r < 0 ? r : record_remove(store, i, e);
}
