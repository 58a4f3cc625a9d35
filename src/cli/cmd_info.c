/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/json.h"
#include "box/storage.h"
#include "cli/cmd.h"
#include "cli/format.h"
#include "cli/probe.h"
#include "userns/idmap.h"
#include "userns/userns.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

struct info_options {
    char *format;
};

static const struct opt OPTIONS[] = {
    {"format", 'f', "FORMAT", OPT_STRING, offsetof(struct info_options, format),
     "json, or a template", NULL},
    {0},
};

static int info(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_info = {
    .names = {"info", "system info"},
    .group = CMD_SYSTEM,
    .summary = "tell what rbox found on this host",
    .usage = "[options]",
    .examples = "rbox info\n"
                "rbox info --format json | jq .store\n",
    .options = OPTIONS,
    .options_size = sizeof(struct info_options),
    .run = info,
};

static json_t *host_json(const struct store *store)
{
    const struct probe_host host = {.store = store};
    const struct probe *p = NULL;
    json_t *o = json_object();

    for (size_t i = 0; (p = probe_at(i)) != NULL; i++) {
        struct probe_result r = {0};

        if (!probe_run(p, &host, &r)) {
            continue;
        }
        (void)json_object_set_new(o, p->what, json_str(r.evidence));
        probe_result_done(&r);
    }
    return o;
}

/* The caller's ids, and how the store serves them. New references. */
static int describe_caller(const struct store *store, json_t **ret_maps, json_t **ret_storage,
                           struct err *e)
{
    struct spec s = {0};
    const char *driver = NULL;
    autofree char *reason = NULL;
    int r = userns_own_maps(&s, e);

    r = r < 0 ? r : storage_find(store, &s, /* try_again= */ 0, &driver, &reason, e);
    if (r == 0) {
        autofree char *uids = idmap_text(&s.linux_.uid_mappings);
        autofree char *gids = idmap_text(&s.linux_.gid_mappings);

        *ret_maps = json_pack("{s:s, s:s}", "uid", uids, "gid", gids);
        *ret_storage = json_pack("{s:s, s:s, s:s}", "path", store->path, "graphDriverName", driver,
                                 "graphDriverReason", reason != NULL ? reason : "it works");
    }
    spec_done(&s);
    return r;
}

static void print_text(const json_t *root)
{
    const char *section = NULL;
    json_t *o = NULL;

    json_object_foreach((json_t *)(uintptr_t)root, section, o)
    {
        const char *key = NULL;
        json_t *v = NULL;

        (void)printf("%s:\n", section);
        json_object_foreach(o, key, v)
        {
            (void)printf("  %s: %s\n", key, json_string_value(v));
        }
    }
}

static int info(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct info_options *o = options;
    struct store *store = NULL;
    struct utsname u = {0};
    json_t *maps = NULL;
    json_t *storage = NULL;
    json_t *root = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    (void)argv;
    r = r < 0 ? r : describe_caller(store, &maps, &storage, e);
    if (r < 0) {
        return r;
    }
    (void)uname(&u);
    root =
        json_pack("{s:{s:s, s:s, s:s}, s:o, s:o, s:o}", "rbox", "version", RBOX_VERSION, "kernel",
                  u.release, "architecture", u.machine, "default id map (container:host:size)",
                  maps, "store", storage, "host", host_json(store));
    if (o->format != NULL) {
        r = format_value(stdout, str_eq(o->format, "json") ? NULL : o->format, root, e);
    } else {
        print_text(root);
    }
    json_decref(root);
    return r;
}
