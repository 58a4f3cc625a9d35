/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/exitcode.h"
#include "base/json.h"
#include "base/mem.h"
#include "box/network_config.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/format.h"
#include "cli/image_inspect.h"
#include "cli/select.h"
#include "image/image.h"
#include "image/volume.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct inspect_options {
    char *format;
    char *type;
    int all;
    int size;
    int latest;
};

#define FIELD(name) offsetof(struct inspect_options, name)

static int parse_type(const char *value, void *field, struct err *e);

static const struct opt OPTIONS[] = {
    {"format", 'f', "FORMAT", OPT_STRING, FIELD(format),
     "json, or a template such as {{.State.Status}}", NULL},
    {"type", 't', "TYPE", OPT_PARSE, FIELD(type),
     "container, image, volume, network or all (default: the first there is)", parse_type},
    {"size", 's', NULL, OPT_FLAG, FIELD(size), "what a container takes on disk: SizeRw, SizeRootFs",
     NULL},
    SELECT_LATEST_ROW(FIELD(latest)),
    {0},
};

static const struct opt VOLUME_OPTIONS[] = {
    {"format", 'f', "FORMAT", OPT_STRING, FIELD(format), "json, or a template", NULL},
    {"all", 'a', NULL, OPT_FLAG, FIELD(all), "all volumes", NULL},
    {0},
};

static void inspect_done(void *options);
static int inspect(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

static void init_container(void *options);
static void init_image(void *options);
static void init_volume(void *options);
static void init_network(void *options);

/* `rbox image inspect` looks for images alone, and so on. */
#define INSPECT(name_, group_, init_, summary_, examples_)                                         \
    {                                                                                              \
        .names = {name_}, .group = (group_), .summary = (summary_),                                \
        .usage = "[options] NAME [NAME…]", .examples = (examples_), .options = OPTIONS,            \
        .options_size = sizeof(struct inspect_options), .max_args = CMD_ANY_ARGS, .init = (init_), \
        .done = inspect_done, .run = inspect,                                                      \
    }

const struct cmd cmd_inspect =
    INSPECT("inspect", CMD_SYSTEM, NULL,
            "print all there is to know of containers, images, volumes, networks",
            "rbox inspect web\n"
            "rbox inspect -f '{{.State.ExitCode}} {{json .Mounts}}' web\n"
            "rbox inspect --type image busybox\n");
const struct cmd cmd_container_inspect =
    INSPECT("container inspect", CMD_CONTAINERS, init_container, "print all of containers",
            "rbox container inspect web\n");
const struct cmd cmd_image_inspect =
    INSPECT("image inspect", CMD_IMAGES, init_image, "print all of images",
            "rbox image inspect -f '{{.Config.Cmd}}' busybox\n");
const struct cmd cmd_volume_inspect = {
    .names = {"volume inspect"},
    .group = CMD_VOLUMES,
    .summary = "print all of volumes",
    .usage = "[options] NAME [NAME…]",
    .examples = "rbox volume inspect data\n"
                "rbox volume inspect -f '{{.Mountpoint}}' data\n",
    .options = VOLUME_OPTIONS,
    .options_size = sizeof(struct inspect_options),
    .max_args = CMD_ANY_ARGS,
    .init = init_volume,
    .done = inspect_done,
    .run = inspect,
};
const struct cmd cmd_network_inspect =
    INSPECT("network inspect", CMD_NETWORKS, init_network, "print all of networks",
            "rbox network inspect back\n");

static void set_type(void *options, const char *type)
{
    ((struct inspect_options *)options)->type = xstrdup(type);
}

static void init_container(void *options)
{
    set_type(options, "container");
}

static void init_image(void *options)
{
    set_type(options, "image");
}

static void init_volume(void *options)
{
    set_type(options, "volume");
}

static void init_network(void *options)
{
    set_type(options, "network");
}

/* ---- one kind each: 0 with a new reference, -ENOENT, or another error */

static int inspect_container(const struct store *store, const char *name, int with_size,
                             json_t **ret, struct err *e)
{
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    struct container c;
    int64_t own = 0;
    int64_t all = 0;
    int r = find_container(store, name, &f, e);

    r = r < 0 ? r : container_read(&f, &c, e);
    if (r < 0) {
        return r;
    }
    r = with_size ? container_sizes(store, &c, 1, &own, &all, e) : 0;
    if (r == 0) {
        *ret = container_inspect(store, &c);
    }
    if (r == 0 && with_size) {
        (void)json_object_update_new(*ret, json_pack("{s:I, s:I}", "SizeRw", (json_int_t)own,
                                                     "SizeRootFs", (json_int_t)all));
    }
    container_done(&c);
    return r;
}

static json_t *time_text(int64_t seconds)
{
    time_t s = (time_t)seconds;
    struct tm tm;
    char text[40];

    (void)gmtime_r(&s, &tm);
    (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    return json_string(text);
}

static int inspect_image(const struct store *store, const char *name, int with_size, json_t **ret,
                         struct err *e)
{
    struct image i = {.lock_fd = -1};
    int r = image_find(store, name, &i, e);

    (void)with_size;
    r = r < 0 ? r : image_inspect(store, &i, ret, e);
    image_done(&i);
    return r;
}

static int inspect_volume(const struct store *store, const char *name, int with_size, json_t **ret,
                          struct err *e)
{
    autofree char *path = xasprintf("%s/volumes/%s/_data", store->path, name);
    autostrv struct strv labels = {0};
    int r = 0;

    (void)with_size;
    if (strchr(name, '/') != NULL || !volume_exists(store, name)) {
        return volume_missing(name, e);
    }
    r = volume_labels(store, name, &labels, e);
    if (r == 0) {
        *ret = json_pack("{s:o, s:s, s:o, s:o, s:o, s:s, s:{}}", "Name", json_str(name), "Driver",
                         "local", "Mountpoint", json_str(path), "CreatedAt",
                         time_text(volume_created(store, name)), "Labels", json_from_pairs(&labels),
                         "Scope", "local", "Options");
    }
    return r;
}

static int inspect_network(const struct store *store, const char *name, int with_size, json_t **ret,
                           struct err *e)
{
    struct network_config c = {0};
    int r = network_config_find(store, name, &c, e);

    (void)with_size;
    if (r == 0) {
        *ret = network_config_json(&c);
        network_config_done(&c);
    }
    return r;
}

static const struct {
    const char *name;
    int (*inspect)(const struct store *store, const char *name, int with_size, json_t **ret,
                   struct err *e);
} TYPES[] = {
    {"container", inspect_container},
    {"image", inspect_image},
    {"volume", inspect_volume},
    {"network", inspect_network},
};

enum {
    TYPE_COUNT = sizeof(TYPES) / sizeof(TYPES[0])
};

static int parse_type(const char *value, void *field, struct err *e)
{
    int is_known = strcmp(value, "all") == 0;

    for (size_t i = 0; i < TYPE_COUNT; i++) {
        is_known |= strcmp(value, TYPES[i].name) == 0;
    }
    if (!is_known) {
        return err_new(e, EINVAL, "'%s' is not container, image, volume, network or all", value);
    }
    free(*(char **)field);
    *(char **)field = strcmp(value, "all") == 0 ? NULL : xstrdup(value);
    return 0;
}

static void inspect_done(void *options)
{
    free(((struct inspect_options *)options)->type);
}

/* ---- */

static int inspect_one(const struct store *store, const struct inspect_options *o, const char *name,
                       json_t **ret, struct err *e)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        int r = 0;

        if (o->type != NULL && strcmp(o->type, TYPES[i].name) != 0) {
            continue;
        }
        r = TYPES[i].inspect(store, name, o->size, ret, e);
        if (r != -ENOENT) {
            return r;
        }
        if (o->type == NULL) {
            err_clear(e);
        }
    }
    if (o->type == NULL) {
        (void)err_new(e, ENOENT, "there is no container, image, volume or network '%s'", name);
    }
    return err_exit(e, EXITCODE_NO_SUCH);
}

/* What is asked for: the operands, with --latest the newest container, with --all the volumes. */
static int choose_names(const struct store *store, const struct inspect_options *o, int argc,
                        char **argv, struct strv *ret, struct err *e)
{
    autofound struct found newest = {.dir_fd = -1, .run_fd = -1};
    int r = 0;

    if ((argc > 0) + o->all + o->latest != 1) {
        return err_new(e, EINVAL, "name what to inspect, or give --latest, or --all for volumes");
    }
    for (int i = 0; i < argc; i++) {
        strv_push(ret, argv[i]);
    }
    r = o->all ? volume_list(store, ret, e) : 0;
    if (o->latest) {
        r = select_newest(store, &newest, e);
        strv_push(ret, r == 0 ? newest.id : "");
    }
    return r;
}

/* Those that are there are printed, whatever is said of the others. */
static int inspect(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct inspect_options *o = options;
    json_auto_t *list = json_array();
    autostrv struct strv names = {0};
    struct store *store = NULL;
    struct err failures = {0};
    int r = ctx_store(ctx, &store, e);

    r = r < 0 ? r : choose_names(store, o, argc, argv, &names, e);
    for (size_t i = 0; r == 0 && i < names.len; i++) {
        json_t *one = NULL;

        if (inspect_one(store, o, names.v[i], &one, e) < 0) {
            err_add(&failures, e);
        } else {
            (void)json_array_append_new(list, one);
        }
    }
    if (r == 0 && (failures.errnum == 0 || json_array_size(list) > 0)) {
        r = format_value(stdout, o->format, list, e);
    }
    if (r == 0 && failures.errnum != 0) {
        *e = failures;
        r = -failures.errnum;
    }
    return r;
}
