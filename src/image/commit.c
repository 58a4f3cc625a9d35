/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/commit.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "image/compose.h"
#include "image/image.h"
#include "image/ingest.h"
#include "image/load.h"
#include "image/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The layer into the store; its digest is its diffID, too, as it is not compressed. */
static int ingest_layer(struct ingest *in, const struct commit *c, char **ret_digest, struct err *e)
{
    static const char NAME[] = "layer";
    autofree char *temp = NULL;
    autoclose int temp_fd = -1;
    autoclose int fd = -1;
    int r = store_temp(in->store, "commit", &temp, &temp_fd, e);

    if (r < 0) {
        return r;
    }
    fd = openat(temp_fd, NAME, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    r = fd < 0 ? err_set(e, errno, "cannot create a layer") : c->write(c->arg, fd, e);
    if (r == 0 && lseek(fd, 0, SEEK_SET) < 0) {
        r = err_set(e, errno, "cannot read the layer");
    }
    r = r < 0 ? r : ingest_blob(in, fd, ret_digest, e);
    store_temp_remove(in->store, temp, &in->maps.linux_.uid_mappings,
                      &in->maps.linux_.gid_mappings);
    return r;
}

static int append_descriptor(const struct ingest *in, const char *digest, json_t *layers,
                             struct err *e)
{
    autoclose int fd = openat(in->blobs_fd, manifest_hex(digest), O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        return err_set(e, errno, "layer %.19s of the image is missing", digest);
    }
    (void)json_array_append_new(layers,
                                compose_descriptor(compose_layer_type(fd), digest, st.st_size));
    return 0;
}

/* The array @key of @o, made if it is not there. Borrowed. */
static json_t *array_of(json_t *o, const char *key)
{
    json_t *list = json_object_get(o, key);

    if (!json_is_array(list)) {
        list = json_array();
        (void)json_object_set_new(o, key, list);
    }
    return list;
}

static void set_config(json_t *root, const struct commit *c, const char *diff_id)
{
    char now[CLOCK_TEXT_BYTES];
    json_t *section = json_object_get(root, "config");
    json_t *step = json_object();

    if (!json_is_object(section)) {
        section = json_object();
        (void)json_object_set_new(root, "config", section);
    }
    (void)json_object_del(section, "Entrypoint");
    (void)json_object_del(section, "Cmd");
    (void)compose_config(section, c->config);
    (void)compose_config(section, c->changes);
    (void)clock_text(clock_realtime_ns(), now);
    (void)json_object_set_new(root, "created", json_string(now));
    (void)json_array_append_new(array_of(json_object_get(root, "rootfs"), "diff_ids"),
                                json_string(diff_id));
    (void)json_object_set_new(step, "created", json_string(now));
    (void)json_object_set_new(step, "created_by", json_str(c->created_by));
    if (c->author != NULL) {
        (void)json_object_set_new(step, "author", json_str(c->author));
        (void)json_object_set_new(root, "author", json_str(c->author));
    }
    if (c->comment != NULL) {
        (void)json_object_set_new(step, "comment", json_str(c->comment));
    }
    (void)json_array_append_new(array_of(root, "history"), step);
}

static int ingest_config(struct ingest *in, const struct commit *c, const char *diff_id,
                         struct spooled *ret, struct err *e)
{
    autofree char *old = NULL;
    autofree char *text = NULL;
    json_auto_t *root = NULL;
    size_t len = 0;
    int r = ingest_read(in, c->image_id, &old, &len, e);

    r = r < 0 ? r : json_parse(old, len, "the image's config", &root, e);
    if (r < 0) {
        return r;
    }
    set_config(root, c, diff_id);
    text = json_text(root);
    ret->bytes = (int64_t)strlen(text);
    return ingest_text(in, text, &ret->digest, e);
}

static int new_names(const struct commit *c, const char *id, struct strv *ret, struct err *e)
{
    if (c->name != NULL) {
        return load_local_name(c->name, ret, e);
    }
    strv_push(ret, id); /* an image without a name */
    return 0;
}

static int commit_on(struct ingest *in, const struct commit *c, const struct image *base,
                     char **ret_id, struct err *e)
{
    autostrv struct strv names = {0};
    autofree char *layer = NULL;
    autofree char *manifest = NULL;
    struct spooled config = {0};
    json_t *layers = json_array();
    int r = ingest_layer(in, c, &layer, e);

    for (size_t i = 0; r == 0 && i < base->blobs.len; i++) {
        r = append_descriptor(in, base->blobs.v[i], layers, e);
    }
    r = r < 0 ? r : append_descriptor(in, layer, layers, e);
    r = r < 0 ? r : ingest_config(in, c, layer, &config, e);
    r = r < 0 ? r : new_names(c, config.digest, &names, e);
    r = r < 0 ? r : compose_manifest(in, &config, layers, &manifest, e);
    r = r < 0 ? r : ingest_image(in, manifest, &names, ret_id, e);
    free(config.digest);
    json_decref(layers);
    return r;
}

int commit_image(const struct store *store, const struct commit *c, char **ret_id, struct err *e)
{
    struct ingest in = {.blobs_fd = -1, .lock_fd = -1};
    struct image base = {.lock_fd = -1};
    int r = ingest_open(store, &in, e);

    r = r < 0 ? r : image_find(store, c->image_id, &base, e);
    /* Its lock must not be held when a record is written: that may be of this very name. */
    close_fd(&base.lock_fd);
    r = r < 0 ? r : commit_on(&in, c, &base, ret_id, e);
    image_done(&base);
    ingest_done(&in);
    return r;
}
