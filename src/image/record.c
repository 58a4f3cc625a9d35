/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/record.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "image/manifest.h"
#include "sys/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
    RECORD_BYTES_MAX = 4 << 20,
    INDEX_BYTES_MAX = 256 << 20
};

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
    STRINGS = 8
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
    (void)json_object_set_new(root, "created", json_integer(i.created_s));
    (void)json_object_set_new(root, "size", json_integer(i.size_bytes));
    text = json_text(root);
    json_decref(root);
    return text;
}

static int parse_record(const char *text, size_t len, struct image *i, struct err *e)
{
    struct record_list lists[LISTS];
    struct record_string strings[STRINGS + 1];
    json_t *root = NULL;
    int r = json_parse(text, len, "the image's record", &root, e);

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
    if (r == 0) {
        r = json_get_int(root, "created", "the image's record", &i->created_s, e);
    }
    if (r == 0) {
        r = json_get_int(root, "size", "the image's record", &i->size_bytes, e);
    }
    json_decref(root);
    if (r == 0 && (i->name == NULL || i->id == NULL || i->digest == NULL)) {
        return err_new(e, EINVAL, "the image's record is incomplete");
    }
    return r;
}

/* ---- reading */

static int open_images(const struct store *store, int *ret_fd, struct err *e)
{
    return dir_make(store->dir_fd, "images", 0700, ret_fd, e);
}

static int read_file(int images_fd, const char *file, struct image *ret, struct err *e)
{
    autofree char *text = NULL;
    autoclose int fd = openat(images_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct image i = {.lock_fd = -1};
    size_t len = 0;
    int r = 0;

    if (fd < 0) {
        return err_set(e, errno, "cannot open the record of an image");
    }
    if (flock(fd, LOCK_SH) < 0) {
        return err_set(e, errno, "cannot lock the record of an image");
    }
    r = fd_read_all(fd, RECORD_BYTES_MAX, &text, &len, e);
    if (r == 0) {
        r = parse_record(text, len, &i, e);
    }
    if (r < 0) {
        image_done(&i);
        return r;
    }
    i.lock_fd = steal_fd(&fd);
    *ret = i;
    return 0;
}

int record_read(const struct store *store, const char *name, struct image *ret, struct err *e)
{
    autofree char *file = NULL;
    autoclose int images_fd = -1;
    int r = file_name(name, &file, e);

    if (r == 0) {
        r = open_images(store, &images_fd, e);
    }
    return r < 0 ? r : read_file(images_fd, file, ret, e);
}

int record_each(const struct store *store, int (*fn)(const struct image *i, void *arg), void *arg,
                struct err *e)
{
    autoclose int images_fd = -1;
    autoclosedir DIR *d = NULL;
    struct dirent *entry = NULL;
    int list_fd = -1;
    int r = open_images(store, &images_fd, e);

    if (r < 0) {
        return r;
    }
    list_fd = openat(images_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    d = list_fd >= 0 ? fdopendir(list_fd) : NULL;
    while (r == 0 && d != NULL && (entry = readdir(d)) != NULL) {
        struct image i = {.lock_fd = -1};
        struct err ignored = {0};

        if (entry->d_name[0] == '.' || read_file(images_fd, entry->d_name, &i, &ignored) < 0) {
            continue; /* a damaged record is `system check`'s to tell */
        }
        r = fn(&i, arg);
        image_done(&i);
    }
    return r;
}

/* ---- index.json */

static const char REF_NAME[] = "org.opencontainers.image.ref.name";
static const char MANIFEST_TYPE[] = "application/vnd.oci.image.manifest.v1+json";

/* Writers take turns; readers see the old file or the new one. */
static int lock_index(const struct store *store, int *ret_fd, struct err *e)
{
    autoclose int fd =
        openat(store->dir_fd, "index.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 || flock(fd, LOCK_EX) < 0) {
        return err_set(e, errno, "cannot lock the store's index");
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

static json_t *read_index(const struct store *store)
{
    autofree char *text = NULL;
    struct err ignored = {0};
    json_t *root = NULL;
    size_t len = 0;

    if (file_read(store->dir_fd, "index.json", INDEX_BYTES_MAX, &text, &len, &ignored) == 0) {
        (void)json_parse(text, len, "index.json", &root, &ignored);
    }
    if (!json_is_object(root) || !json_is_array(json_object_get(root, "manifests"))) {
        json_decref(root);
        root = json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2, "mediaType",
                         "application/vnd.oci.image.index.v1+json", "manifests");
    }
    return root;
}

static void drop_entry(json_t *manifests, const char *name)
{
    for (size_t i = json_array_size(manifests); i > 0; i--) {
        const json_t *annotations =
            json_object_get(json_array_get(manifests, i - 1), "annotations");

        if (str_eq(json_string_value(json_object_get(annotations, REF_NAME)), name)) {
            (void)json_array_remove(manifests, i - 1);
        }
    }
}

static int write_index(const struct store *store, const json_t *root, struct err *e)
{
    static const char LAYOUT[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
    autofree char *text = json_text(root);
    int r = 0;

    if (faccessat(store->dir_fd, "oci-layout", F_OK, 0) < 0) {
        r = file_write(store->dir_fd, "oci-layout", LAYOUT, sizeof(LAYOUT) - 1, FILE_SYNC, e);
    }
    return r < 0 ? r : file_write(store->dir_fd, "index.json", text, strlen(text), FILE_SYNC, e);
}

static int update_index(const struct store *store, const struct image *i, const char *name,
                        int64_t manifest_bytes, struct err *e)
{
    autoclose int lock_fd = -1;
    json_t *root = NULL;
    json_t *manifests = NULL;
    int r = lock_index(store, &lock_fd, e);

    if (r < 0) {
        return r;
    }
    root = read_index(store);
    manifests = json_object_get(root, "manifests");
    drop_entry(manifests, name);
    if (i != NULL) {
        (void)json_array_append_new(manifests, json_pack("{s:s, s:s, s:I, s:{s:s}}", "mediaType",
                                                         MANIFEST_TYPE, "digest", i->digest, "size",
                                                         (json_int_t)manifest_bytes, "annotations",
                                                         REF_NAME, name));
    }
    r = write_index(store, root, e);
    json_decref(root);
    return r;
}

int record_write(const struct store *store, const struct image *i, int64_t manifest_bytes,
                 struct err *e)
{
    autofree char *file = NULL;
    autofree char *text = record_text(i);
    autoclose int images_fd = -1;
    int r = file_name(i->name, &file, e);

    if (r == 0) {
        r = open_images(store, &images_fd, e);
    }
    if (r == 0) {
        r = file_write(images_fd, file, text, strlen(text), FILE_SYNC | FILE_PRIVATE, e);
    }
    return r < 0 ? r : update_index(store, i, i->name, manifest_bytes, e);
}

int record_remove(const struct store *store, const char *name, struct err *e)
{
    autofree char *file = NULL;
    autoclose int images_fd = -1;
    autoclose int fd = -1;
    int r = file_name(name, &file, e);

    if (r == 0) {
        r = open_images(store, &images_fd, e);
    }
    if (r < 0) {
        return r;
    }
    fd = openat(images_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return err_new(e, errno, "cannot find image '%s'", name);
    }
    if (flock(fd, LOCK_EX) < 0 || unlinkat(images_fd, file, 0) < 0) {
        return err_set(e, errno, "cannot remove image '%s'", name);
    }
    return update_index(store, NULL, name, 0, e);
}
