/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/load.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "image/image_ref.h"
#include "image/ingest.h"
#include "image/layers.h"
#include "image/manifest.h"
#include "image/unpack.h"
#include "sys/fd.h"
#include "sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- an archive, spooled into files */

struct spooled {
    char *name;   /* in the archive, without leading "./" */
    char *digest; /* NULL for a link */
    char *target; /* of a link */
    int64_t bytes;
};

struct spool {
    struct ingest *in;
    char *temp; /* below tmp/ */
    int dir_fd;
    struct spooled *files;
    size_t count;
};

static void spool_done(struct spool *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->files[i].name);
        free(s->files[i].digest);
        free(s->files[i].target);
    }
    free(s->files);
    close_fd(&s->dir_fd);
    if (s->temp != NULL) {
        layer_temp_remove(s->in->store, s->temp, &s->in->maps.linux_.uid_mappings,
                          &s->in->maps.linux_.gid_mappings);
    }
    free(s->temp);
}

static void add_spooled(struct spool *s, struct spooled f)
{
    s->files = xrealloc(s->files, s->count + 1, sizeof(*s->files));
    s->files[s->count++] = f;
}

/* "HEX BYTES NAME", or "link NAME" with the target on the next line. */
static int parse_spool_line(struct spool *s, char *line, char *next)
{
    const char *linked = str_after(line, "link ");
    char *space = strchr(line, ' ');
    char *end = NULL;

    if (linked != NULL) {
        add_spooled(s, (struct spooled){.name = xstrdup(linked), .target = xstrdup(next)});
        return 1;
    }
    if (space == NULL) {
        return 0;
    }
    *space = '\0';
    {
        int64_t bytes = strtoll(space + 1, &end, 10);

        add_spooled(s, (struct spooled){.name = xstrdup(*end == ' ' ? end + 1 : ""),
                                        .digest = xasprintf("sha256:%s", line),
                                        .bytes = bytes});
    }
    return 0;
}

static int spool_open(struct ingest *in, int fd, struct spool *ret, struct err *e)
{
    struct spool s = {.in = in, .dir_fd = -1};
    autofree char *out = NULL;
    autostrv struct strv lines = {0};
    struct unpack u = {.uid_map = &in->maps.linux_.uid_mappings,
                       .gid_map = &in->maps.linux_.gid_mappings,
                       .in_fd = fd};
    int r = layer_temp(in->store, "load", &s.temp, &s.dir_fd, e);

    if (r == 0) {
        u.folder_fd = s.dir_fd;
        r = unpack_run(&u, (const char *const[]){"spool", NULL}, &out, e);
    }
    if (r < 0) {
        spool_done(&s);
        return r;
    }
    strv_split(&lines, out, '\n');
    for (size_t i = 0; i < lines.len; i++) {
        char *next = i + 1 < lines.len ? lines.v[i + 1] : lines.v[i];

        i += (size_t)parse_spool_line(&s, lines.v[i], next);
    }
    *ret = s;
    return 0;
}

enum {
    LINKS_MAX = 8
};

/* The file @name, through links of old docker archives ("../ID/layer.tar"). */
static const struct spooled *spool_find(const struct spool *s, const char *name)
{
    for (int links = 0; links < LINKS_MAX; links++) {
        const struct spooled *found = NULL;

        for (size_t i = 0; i < s->count && found == NULL; i++) {
            found = strcmp(s->files[i].name, name) == 0 ? &s->files[i] : NULL;
        }
        if (found == NULL || found->digest != NULL) {
            return found;
        }
        name = str_after(found->target, "../") != NULL ? found->target + 3 : found->target;
    }
    return NULL;
}

static int spool_read(const struct spool *s, const char *name, char **ret, size_t *ret_len,
                      struct err *e)
{
    autoclose int fd = -1;
    int r = path_open_no_symlinks(s->dir_fd, name, O_RDONLY | O_NONBLOCK, &fd, e);

    return r < 0 ? r : fd_read_all(fd, MANIFEST_BYTES_MAX, ret, ret_len, e);
}

static int spool_ingest(struct spool *s, const char *name, const struct spooled **ret,
                        struct err *e)
{
    const struct spooled *f = spool_find(s, name);

    if (f == NULL) {
        return err_new(e, ENOENT, "the archive has no file '%s'", name);
    }
    *ret = f;
    return ingest_file(s->in, s->dir_fd, f->name, f->digest, e);
}

/* ---- docker-archive: manifest.json */

static const char *layer_type(int fd)
{
    unsigned char magic[4] = {0};

    if (pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic)) {
        if (magic[0] == 0x1f && magic[1] == 0x8b) {
            return "application/vnd.oci.image.layer.v1.tar+gzip";
        }
        if (magic[0] == 0x28 && magic[1] == 0xb5) {
            return "application/vnd.oci.image.layer.v1.tar+zstd";
        }
    }
    return "application/vnd.oci.image.layer.v1.tar";
}

static json_t *descriptor(const char *type, const char *digest, int64_t bytes)
{
    return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", digest, "size",
                     (json_int_t)bytes);
}

/* The OCI manifest that stands for an image that came without one. */
static int make_manifest(struct ingest *in, const struct spooled *config, json_t *layers,
                         char **ret_digest, struct err *e)
{
    json_t *root = json_pack(
        "{s:i, s:s, s:o, s:O}", "schemaVersion", 2, "mediaType",
        "application/vnd.oci.image.manifest.v1+json", "config",
        descriptor("application/vnd.oci.image.config.v1+json", config->digest, config->bytes),
        "layers", layers);
    autofree char *text = json_text(root);

    json_decref(root);
    return ingest_text(in, text, ret_digest, e);
}

static int ingest_layers(struct spool *s, const struct strv *files, json_t *ret_layers,
                         struct err *e)
{
    for (size_t i = 0; i < files->len; i++) {
        const struct spooled *f = NULL;
        autoclose int fd = -1;

        if (spool_ingest(s, files->v[i], &f, e) < 0) {
            return -e->errnum;
        }
        fd = openat(s->in->blobs_fd, f->digest + strlen("sha256:"), O_RDONLY | O_CLOEXEC);
        (void)json_array_append_new(ret_layers, descriptor(layer_type(fd), f->digest, f->bytes));
    }
    return 0;
}

/* Full names out of RepoTags; an image without any is known by its id. */
static int full_names(const struct strv *tags, const char *id, struct strv *ret, struct err *e)
{
    for (size_t i = 0; i < tags->len; i++) {
        struct image_ref ref = {0};

        if (image_ref_parse(tags->v[i], &ref, e) < 0) {
            return -e->errnum;
        }
        strv_take(ret, image_ref_text(&ref));
        image_ref_done(&ref);
    }
    if (tags->len == 0) {
        strv_push(ret, id);
    }
    return 0;
}

static int load_docker_image(struct spool *s, const json_t *o, struct strv *ret_names,
                             struct err *e)
{
    static const char WHAT[] = "manifest.json";
    autostrv struct strv files = {0};
    autostrv struct strv tags = {0};
    autostrv struct strv names = {0};
    autofree char *digest = NULL;
    const struct spooled *config = NULL;
    const char *config_name = NULL;
    json_t *layers = json_array();
    int r = json_get_string(o, "Config", WHAT, &config_name, e);

    r = r < 0 ? r : json_get_strv(o, "Layers", WHAT, &files, e);
    r = r < 0 ? r : json_get_strv(o, "RepoTags", WHAT, &tags, e);
    if (r == 0 && config_name == NULL) {
        r = err_new(e, EINVAL, "manifest.json names no config");
    }
    r = r < 0 ? r : spool_ingest(s, config_name, &config, e);
    r = r < 0 ? r : ingest_layers(s, &files, layers, e);
    r = r < 0 ? r : make_manifest(s->in, config, layers, &digest, e);
    r = r < 0 ? r : full_names(&tags, config->digest, &names, e);
    r = r < 0 ? r : ingest_image(s->in, digest, &names, NULL, e);
    if (r == 0 && ret_names != NULL) {
        strv_append(ret_names, &names);
    }
    json_decref(layers);
    return r;
}

static int load_docker_archive(struct spool *s, struct strv *ret_names, struct err *e)
{
    autofree char *text = NULL;
    json_t *root = NULL;
    json_t *o = NULL;
    size_t len = 0;
    size_t i = 0;
    int r = spool_read(s, "manifest.json", &text, &len, e);

    r = r < 0 ? r : json_parse(text, len, "manifest.json", &root, e);
    if (r == 0 && json_array_size(root) == 0) {
        r = err_new(e, EINVAL, "manifest.json lists no image");
    }
    json_array_foreach(root, i, o)
    {
        r = r < 0 ? r : load_docker_image(s, o, ret_names, e);
    }
    json_decref(root);
    return r;
}

/* ---- OCI layouts, in an archive or a folder */

/* Where the blobs of a layout come from. */
struct layout {
    struct ingest *in;
    struct spool *spool; /* NULL: a folder, whose blobs are copied and checked */
    int dir_fd;
};

static int layout_blob(struct layout *l, const char *digest, struct err *e)
{
    autofree char *name = xasprintf("blobs/sha256/%s", digest + strlen("sha256:"));
    autofree char *found = NULL;
    autoclose int fd = -1;
    int r = 0;

    if (l->spool != NULL) {
        const struct spooled *f = NULL;

        r = spool_ingest(l->spool, name, &f, e);
        if (r == 0 && strcmp(f->digest, digest) != 0) {
            return err_new(e, EBADMSG, "blob %.19s of the archive has the content of %.19s", digest,
                           f->digest);
        }
        return r;
    }
    if (faccessat(l->in->blobs_fd, digest + strlen("sha256:"), F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return 0;
    }
    r = path_open_no_symlinks(l->dir_fd, name, O_RDONLY | O_NONBLOCK, &fd, e);
    r = r < 0 ? r : ingest_blob(l->in, fd, &found, e);
    if (r == 0 && strcmp(found, digest) != 0) {
        return err_new(e, EBADMSG, "blob %.19s of the layout has the content of %.19s", digest,
                       found);
    }
    return r;
}

static int layout_manifest(struct layout *l, const char *digest, struct err *e)
{
    autofree char *text = NULL;
    struct manifest m = {0};
    size_t len = 0;
    int r = ingest_read(l->in, digest, &text, &len, e);

    r = r < 0 ? r : manifest_parse(text, len, &m, e);
    r = r < 0 ? r : layout_blob(l, m.config, e);
    for (size_t i = 0; r == 0 && i < m.layers.len; i++) {
        r = layout_blob(l, m.layers.v[i], e);
    }
    manifest_done(&m);
    return r;
}

enum {
    INDEX_DEPTH_MAX = 4
};

/* An index may point to an index for several architectures; one that points at itself runs out of
 * depth. */
static int pick_manifest(struct layout *l, char **digest, int is_index, struct err *e)
{
    int r = layout_blob(l, *digest, e);

    for (int depth = 0; r == 0 && is_index; depth++) {
        autofree char *text = NULL;
        autofree char *outer = *digest;
        size_t len = 0;

        *digest = NULL;
        if (depth >= INDEX_DEPTH_MAX) {
            return err_new(e, ELOOP, "indexes nested too deep");
        }
        r = ingest_read(l->in, outer, &text, &len, e);
        r = r < 0 ? r : manifest_pick(text, len, NULL, digest, &is_index, e);
        r = r < 0 ? r : layout_blob(l, *digest, e);
    }
    return r;
}

/* The name for entry @o of index.json: what containerd or the layout's own annotation says, if it
 * is one. */
static char *entry_name(const json_t *o)
{
    static const char *const KEYS[] = {"io.containerd.image.name",
                                       "org.opencontainers.image.ref.name"};
    const json_t *annotations = json_object_get(o, "annotations");

    for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++) {
        const char *text = json_string_value(json_object_get(annotations, KEYS[i]));
        struct image_ref ref = {0};
        struct err ignored = {0};
        char *name = NULL;

        /* A bare tag ("latest") is no name. */
        if (text != NULL && (i == 0 || strpbrk(text, ":/") != NULL) &&
            image_ref_parse(text, &ref, &ignored) == 0) {
            name = image_ref_text(&ref);
            image_ref_done(&ref);
            return name;
        }
    }
    return NULL;
}

static int load_entry(struct layout *l, const json_t *o, const char *name, struct strv *ret_names,
                      struct err *e)
{
    autostrv struct strv names = {0};
    autofree char *given = entry_name(o);
    autofree char *id = NULL;
    const char *digest = json_string_value(json_object_get(o, "digest"));
    const char *type = json_string_value(json_object_get(o, "mediaType"));
    autofree char *picked = NULL;
    int is_index = type != NULL && (strstr(type, "index") != NULL || strstr(type, "list") != NULL);
    int r = 0;

    if (!manifest_is_digest(digest)) {
        return err_new(e, EINVAL, "index.json has an entry without a sha256 digest");
    }
    picked = xstrdup(digest);
    r = pick_manifest(l, &picked, is_index, e);
    r = r < 0 ? r : layout_manifest(l, picked, e);
    if (r < 0) {
        return r;
    }
    strv_push(&names, name != NULL ? name : (given != NULL ? given : picked));
    r = ingest_image(l->in, picked, &names, &id, e);
    if (r == 0 && ret_names != NULL) {
        strv_append(ret_names, &names);
    }
    return r;
}

static int load_index(struct layout *l, const char *text, size_t len, const char *tag,
                      const char *name, struct strv *ret_names, struct err *e)
{
    json_t *root = NULL;
    json_t *manifests = NULL;
    json_t *o = NULL;
    size_t found = 0;
    size_t i = 0;
    int r = json_parse(text, len, "index.json", &root, e);

    r = r < 0 ? r : json_get_array(root, "manifests", "index.json", &manifests, e);
    json_array_foreach(manifests, i, o)
    {
        const char *ref = json_string_value(json_object_get(json_object_get(o, "annotations"),
                                                            "org.opencontainers.image.ref.name"));

        if (r == 0 && (tag == NULL || str_eq(ref, tag))) {
            found++;
            r = load_entry(l, o, name, ret_names, e);
        }
    }
    json_decref(root);
    if (r == 0 && found == 0) {
        return err_new(e, ENOENT, "the layout has no image %s", tag != NULL ? tag : "");
    }
    return r;
}

int load_layout(const struct store *store, const char *path, const char *tag, const char *name,
                struct strv *ret_names, struct err *e)
{
    autoclose int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoclose int index_fd = -1;
    autofree char *text = NULL;
    struct ingest in = {.blobs_fd = -1};
    struct layout l = {.in = &in, .dir_fd = dir_fd};
    size_t len = 0;
    int r = dir_fd < 0 ? err_set(e, errno, "cannot open '%s'", path) : ingest_open(store, &in, e);

    r = r < 0 ? r
              : path_open_no_symlinks(dir_fd, "index.json", O_RDONLY | O_NONBLOCK, &index_fd, e);
    r = r < 0 ? r : fd_read_all(index_fd, MANIFEST_BYTES_MAX, &text, &len, e);
    r = r < 0 ? r : load_index(&l, text, len, tag, name, ret_names, e);
    ingest_done(&in);
    return r;
}

/* ---- archives */

static int load_spooled(struct spool *s, struct strv *ret_names, struct err *e)
{
    struct layout l = {.in = s->in, .spool = s, .dir_fd = s->dir_fd};
    autofree char *text = NULL;
    size_t len = 0;
    int r = 0;

    /* Newer docker writes both; its manifest.json has the names. */
    if (spool_find(s, "manifest.json") != NULL) {
        return load_docker_archive(s, ret_names, e);
    }
    if (spool_find(s, "index.json") != NULL) {
        r = spool_read(s, "index.json", &text, &len, e);
        return r < 0 ? r : load_index(&l, text, len, NULL, NULL, ret_names, e);
    }
    (void)err_new(e, EINVAL, "the archive has neither manifest.json nor index.json: not an image");
    return err_hint(e, "for a tarball of a root file system: rbox import FILE NAME");
}

int load_archive(const struct store *store, int fd, struct strv *ret_names, struct err *e)
{
    struct ingest in = {.blobs_fd = -1};
    struct spool s = {.dir_fd = -1};
    int r = ingest_open(store, &in, e);

    r = r < 0 ? r : spool_open(&in, fd, &s, e);
    if (r == 0) {
        r = load_spooled(&s, ret_names, e);
        spool_done(&s);
    }
    ingest_done(&in);
    return r;
}

static int load_archive_file(const struct store *store, const char *path, struct strv *ret_names,
                             struct err *e)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0) {
        return err_set(e, errno, "cannot open '%s'", path);
    }
    return load_archive(store, fd, ret_names, e);
}

/* "DIR[:TAG]": a colon belongs to the tag only if what stands before it is there. */
static int load_oci(const struct store *store, const char *text, struct strv *ret_names,
                    struct err *e)
{
    autofree char *path = xstrdup(text);
    char *colon = strrchr(path, ':');
    struct stat st;

    if (stat(path, &st) == 0 || colon == NULL) {
        return load_layout(store, path, NULL, NULL, ret_names, e);
    }
    *colon = '\0';
    return load_layout(store, path, colon + 1, NULL, ret_names, e);
}

int load_from(const struct store *store, const char *name, struct strv *ret_names, struct err *e)
{
    static const char *const ARCHIVES[] = {"docker-archive:", "oci-archive:"};
    struct stat st;

    for (size_t i = 0; i < sizeof(ARCHIVES) / sizeof(ARCHIVES[0]); i++) {
        const char *path = str_after(name, ARCHIVES[i]);

        if (path != NULL) {
            return load_archive_file(store, path, ret_names, e);
        }
    }
    if (str_after(name, "oci:") != NULL) {
        return load_oci(store, str_after(name, "oci:"), ret_names, e);
    }
    if (stat(name, &st) == 0 && S_ISDIR(st.st_mode)) {
        return load_layout(store, name, NULL, NULL, ret_names, e);
    }
    return load_archive_file(store, name, ret_names, e);
}

/* ---- import */

static json_t *config_section(const struct image_config *c)
{
    json_t *o = json_object();
    json_t *volumes = json_object();
    json_t *labels = json_object();
    const struct {
        const char *key;
        const struct strv *list;
    } lists[] = {{"Env", &c->env}, {"Entrypoint", &c->entrypoint}, {"Cmd", &c->cmd}};
    const struct {
        const char *key;
        const char *value;
    } strings[] = {
        {"WorkingDir", c->working_dir}, {"User", c->user}, {"StopSignal", c->stop_signal}};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (lists[i].list->len > 0) {
            (void)json_object_set_new(o, lists[i].key, json_from_strv(lists[i].list));
        }
    }
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        if (strings[i].value != NULL) {
            (void)json_object_set_new(o, strings[i].key, json_str(strings[i].value));
        }
    }
    for (size_t i = 0; i < c->volumes.len; i++) {
        (void)json_object_set_new(volumes, c->volumes.v[i], json_object());
    }
    for (size_t i = 0; i < c->labels.len; i++) {
        autofree char *key = xstrndup(c->labels.v[i], strcspn(c->labels.v[i], "="));
        const char *value = strchr(c->labels.v[i], '=');

        (void)json_object_set_new(labels, key, json_str(value != NULL ? value + 1 : ""));
    }
    (void)json_object_set_new(o, "Volumes", volumes);
    (void)json_object_set_new(o, "Labels", labels);
    return o;
}

/* The diffID of a tarball is the digest of what it unpacks to: only unpacking tells. */
static int unpacked_diff_id(struct ingest *in, int fd, char **ret_diff_id, struct err *e)
{
    autofree char *temp = NULL;
    autofree char *out = NULL;
    autoclose int temp_fd = -1;
    struct unpack u = {.uid_map = &in->maps.linux_.uid_mappings,
                       .gid_map = &in->maps.linux_.gid_mappings,
                       .in_fd = fd};
    json_t *root = NULL;
    const char *diff_id = NULL;
    int r = layer_temp(in->store, "import", &temp, &temp_fd, e);

    if (r < 0) {
        return r;
    }
    u.folder_fd = temp_fd;
    r = unpack_run(&u, (const char *const[]){"digest", NULL}, &out, e);
    r = r < 0 ? r : json_parse(out, strlen(out), "what rbox-unpack said", &root, e);
    r = r < 0 ? r : json_get_string(root, "diffID", "rbox-unpack", &diff_id, e);
    if (r == 0) {
        *ret_diff_id = xstrdup(diff_id);
    }
    json_decref(root);
    layer_temp_remove(in->store, temp, u.uid_map, u.gid_map);
    return r;
}

static int import_manifest(struct ingest *in, const char *blob, const struct image_config *config,
                           char **ret_manifest, struct err *e)
{
    autofree char *diff_id = NULL;
    autofree char *text = NULL;
    struct spooled config_blob = {0};
    autoclose int fd = openat(in->blobs_fd, blob + strlen("sha256:"), O_RDONLY | O_CLOEXEC);
    json_t *layers = json_array();
    json_t *root = NULL;
    struct stat st = {0};
    int r = fd < 0 || fstat(fd, &st) < 0 ? err_set(e, errno, "cannot open the imported layer")
                                         : unpacked_diff_id(in, fd, &diff_id, e);

    if (r == 0) {
        (void)json_array_append_new(layers, descriptor(layer_type(fd), blob, st.st_size));
        root = json_pack("{s:s, s:s, s:o, s:{s:s, s:[s]}}", "architecture",
                         manifest_host_architecture(), "os", "linux", "config",
                         config_section(config), "rootfs", "type", "layers", "diff_ids", diff_id);
        text = json_text(root);
        json_decref(root);
        config_blob.bytes = (int64_t)strlen(text);
        r = ingest_text(in, text, &config_blob.digest, e);
    }
    r = r < 0 ? r : make_manifest(in, &config_blob, layers, ret_manifest, e);
    free(config_blob.digest);
    json_decref(layers);
    return r;
}

/* A short name is of this machine: nothing says that it came from a registry (podman). */
static int import_name(const char *name, struct strv *ret, struct err *e)
{
    struct image_ref ref = {0};
    int r = image_ref_parse(name, &ref, e);

    if (r < 0) {
        return r;
    }
    if (ref.tag == NULL) {
        image_ref_done(&ref);
        return err_new(e, EINVAL, "'%s': a digest cannot be given to an image, only a name", name);
    }
    if (ref.is_short) {
        const char *rest = str_after(ref.repository, "library/");

        strv_pushf(ret, "localhost/%s:%s", rest != NULL ? rest : ref.repository, ref.tag);
    } else {
        strv_take(ret, image_ref_text(&ref));
    }
    image_ref_done(&ref);
    return 0;
}

int load_import(const struct store *store, int fd, const char *name,
                const struct image_config *config, char **ret_id, struct err *e)
{
    autostrv struct strv names = {0};
    autofree char *blob = NULL;
    autofree char *manifest = NULL;
    struct ingest in = {.blobs_fd = -1};
    int r = ingest_open(store, &in, e);

    r = r < 0 ? r : import_name(name, &names, e);
    r = r < 0 ? r : ingest_blob(&in, fd, &blob, e);
    r = r < 0 ? r : import_manifest(&in, blob, config, &manifest, e);
    r = r < 0 ? r : ingest_image(&in, manifest, &names, ret_id, e);
    ingest_done(&in);
    return r;
}
