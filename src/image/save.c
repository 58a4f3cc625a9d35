/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/save.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "image/compose.h"
#include "image/image.h"
#include "image/ingest.h"
#include "image/layers.h"
#include "image/manifest.h"
#include "image/record.h"
#include "image/unpack.h"
#include "sys/dir.h"
#include "sys/fd.h"
#include "sys/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is being written: a folder, or the list of an archive's files. */
struct saving {
    struct ingest in; /* holds the store's lock: nothing is collected meanwhile */
    const struct save_request *q;
    int dir_fd;
    int blobs_fd;       /* where blobs go */
    struct strv listed; /* those of the archive, by their hex digests */
    struct buf list;    /* for rbox-unpack pack-list */
    json_t *manifests;  /* of index.json */
    json_t *images;     /* of manifest.json */
};

/* In a folder of the user's a blob is a copy: a link would let him change the store's. */
static int copy_blob(const struct saving *s, const char *hex, struct err *e)
{
    autoclose int from_fd = openat(s->in.blobs_fd, hex, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    autoclose int to_fd = openat(s->blobs_fd, hex, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int r = from_fd < 0 || to_fd < 0 ? -errno : tree_copy_data(from_fd, to_fd);

    return r < 0 ? err_set(e, -r, "cannot save blob %.12s", hex) : 0;
}

/* What is saved may be all that is left one day. */
static int check_blob(const struct saving *s, const char *hex, struct err *e)
{
    autofree char *sum = NULL;
    struct stat st;
    int r = 0;

    if (fstatat(s->in.blobs_fd, hex, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)) {
        (void)err_new(e, EIO, "blob %.12s of the store is missing or damaged", hex);
        return err_hint(e, "load or pull the image again");
    }
    r = ingest_sum(&s->in, hex, &sum, e);
    if (r == 0 && strcmp(sum, hex) != 0) {
        (void)err_new(e, EIO, "blob %.12s of the store is damaged: its content is another", hex);
        r = err_hint(e, "rbox system check --repair; then load or pull the image again");
    }
    return r;
}

static int is_archive(const struct saving *s)
{
    return s->q->format == SAVE_DOCKER_ARCHIVE || s->q->format == SAVE_OCI_ARCHIVE;
}

static int put_blob(struct saving *s, const char *digest, struct err *e)
{
    const char *hex = manifest_hex(digest);

    if (strv_has(&s->listed, hex)) {
        return 0; /* of another image of these */
    }
    if (check_blob(s, hex, e) < 0) {
        return -e->errnum;
    }
    strv_push(&s->listed, hex);
    if (is_archive(s)) {
        buf_printf(&s->list, "file %s blobs/sha256/%s\n", hex, hex);
        return 0;
    }
    return copy_blob(s, hex, e);
}

static int put_text(struct saving *s, const char *name, const char *text, struct err *e)
{
    if (is_archive(s)) {
        buf_printf(&s->list, "text %zu %s\n%s", strlen(text), name, text);
        return 0;
    }
    return file_write(s->dir_fd, name, text, strlen(text), 0, e);
}

static int put_blobs(struct saving *s, const struct image *i, struct err *e)
{
    int r = put_blob(s, i->id, e);

    for (size_t l = 0; r == 0 && l < i->blobs.len; l++) {
        r = put_blob(s, i->blobs.v[l], e);
    }
    return r;
}

/* The entry of index.json; its type is what the manifest says of itself. */
static int add_manifest(struct saving *s, const struct image *i, struct err *e)
{
    autofree char *text = NULL;
    json_auto_t *root = NULL;
    json_t *entry = NULL;
    const char *type = NULL;
    size_t len = 0;
    int r = ingest_read(&s->in, i->digest, &text, &len, e);

    r = r < 0 ? r : json_parse(text, len, "the manifest", &root, e);
    if (r < 0) {
        return r;
    }
    type = json_string_value(json_object_get(root, "mediaType"));
    entry = compose_descriptor(type != NULL ? type : MANIFEST_TYPE, i->digest, (int64_t)len);
    if (!record_is_dangling(i->name)) {
        (void)json_object_set_new(entry, "annotations",
                                  json_pack("{s:s}", MANIFEST_REF_NAME, i->name));
    }
    (void)json_array_append_new(s->manifests, entry);
    return put_blob(s, i->digest, e);
}

/* The entry of docker's manifest.json, whose files are those of the layout. */
static void add_docker_image(struct saving *s, const struct image *i)
{
    json_t *layers = json_array();
    json_t *tags = json_array();

    for (size_t l = 0; l < i->blobs.len; l++) {
        (void)json_array_append_new(layers,
                                    json_sprintf("blobs/sha256/%s", manifest_hex(i->blobs.v[l])));
    }
    if (!record_is_dangling(i->name)) {
        (void)json_array_append_new(tags, json_string(i->name));
    }
    (void)json_array_append_new(s->images,
                                json_pack("{s:o, s:o, s:o}", "Config",
                                          json_sprintf("blobs/sha256/%s", manifest_hex(i->id)),
                                          "RepoTags", tags, "Layers", layers));
}

static int save_image(struct saving *s, const char *name, struct err *e)
{
    struct image i = {.lock_fd = -1};
    int r = image_find(s->in.store, name, &i, e);

    r = r < 0 ? r : put_blobs(s, &i, e);
    r = r < 0 ? r : add_manifest(s, &i, e);
    if (r == 0) {
        add_docker_image(s, &i);
    }
    image_done(&i);
    return r;
}

static int put_document(struct saving *s, const char *name, const json_t *v, struct err *e)
{
    autofree char *text = json_text(v);

    return put_text(s, name, text, e);
}

static int put_layout(struct saving *s, struct err *e)
{
    json_auto_t *index = manifest_new_index();
    int r = put_text(s, "oci-layout", MANIFEST_LAYOUT, e);

    (void)json_object_set(index, "manifests", s->manifests);
    r = r < 0 ? r : put_document(s, "index.json", index, e);
    return r == 0 && s->q->format == SAVE_DOCKER_ARCHIVE
               ? put_document(s, "manifest.json", s->images, e)
               : r;
}

/* dir: has the manifest itself under a fixed name. */
static int write_docker_dir(struct saving *s, struct err *e)
{
    static const char VERSION[] = "Directory Transport Version: 1.1\n";
    const json_t *entry = json_array_get(s->manifests, 0);
    const char *digest = json_string_value(json_object_get(entry, "digest"));

    if (renameat(s->dir_fd, manifest_hex(digest), s->dir_fd, "manifest.json") < 0) {
        return err_set(e, errno, "cannot name the manifest");
    }
    return file_write(s->dir_fd, "version", VERSION, sizeof(VERSION) - 1, 0, e);
}

static int fill(struct saving *s, struct err *e)
{
    autoclose int blobs_fd = -1;
    autoclose int sha256_fd = -1;
    int is_flat = s->q->format == SAVE_DOCKER_DIR;
    int r = 0;

    if (s->q->format == SAVE_OCI_DIR) {
        r = dir_make(s->dir_fd, "blobs", 0755, &blobs_fd, e);
        r = r < 0 ? r : dir_make(blobs_fd, "sha256", 0755, &sha256_fd, e);
    }
    s->blobs_fd = is_flat ? s->dir_fd : sha256_fd;
    for (size_t i = 0; r == 0 && i < s->q->count; i++) {
        r = save_image(s, s->q->names[i], e);
    }
    if (r < 0) {
        return r;
    }
    return is_flat ? write_docker_dir(s, e) : put_layout(s, e);
}

static int save_archive(struct saving *s, struct err *e)
{
    autoclose int list_fd = -1;
    struct unpack u = {.uid_map = &s->in.maps.linux_.uid_mappings,
                       .gid_map = &s->in.maps.linux_.gid_mappings,
                       .folder_fd = s->in.blobs_fd,
                       .out_fd = s->q->out_fd};
    int r = 0;

    /* With the folders: skopeo cannot make them as a normal user. */
    buf_puts(&s->list, "folder 755 blobs\nfolder 755 blobs/sha256\n");
    r = fill(s, e);
    r = r < 0 ? r : fd_memfd("rbox save", s->list.data, s->list.len, &list_fd, e);
    u.in_fd = list_fd;
    return r < 0 ? r : unpack_run(&u, (const char *const[]){"pack-list", NULL}, NULL, e);
}

static int save_dir(struct saving *s, struct err *e)
{
    const char *path = s->q->path;

    int was_there = mkdir(path, 0755) < 0 && errno == EEXIST;
    struct err ignored = {0};
    int r = 0;

    /* rmdir(2) says whether it is empty, and whether mkdir(2) failed. */
    if (rmdir(path) < 0 || mkdir(path, 0755) < 0) {
        return err_set(e, errno, "cannot save to folder '%s'", path);
    }
    s->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    r = s->dir_fd < 0 ? err_set(e, errno, "cannot open folder '%s'", path) : fill(s, e);
    if (r < 0 && dir_remove_tree(AT_FDCWD, path, &ignored) == 0 && was_there) {
        (void)mkdir(path, 0755);
    }
    return r;
}

int save_images(const struct store *store, const struct save_request *q, struct err *e)
{
    struct saving s = {.q = q, .in = {.blobs_fd = -1, .lock_fd = -1}, .dir_fd = -1};
    int r = ingest_open(store, &s.in, e);

    if (r < 0) {
        return r;
    }
    s.manifests = json_array();
    s.images = json_array();
    r = is_archive(&s) ? save_archive(&s, e) : save_dir(&s, e);
    close_fd(&s.dir_fd);
    strv_done(&s.listed);
    buf_done(&s.list);
    json_decref(s.manifests);
    json_decref(s.images);
    ingest_done(&s.in);
    return r;
}
