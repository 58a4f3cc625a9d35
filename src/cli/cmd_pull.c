/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "box/events.h"
#include "cli/cmd.h"
#include "cli/image_use.h"
#include "cli/registry_list.h"
#include "cli/registry_options.h"
#include "cli/unpacking_options.h"
#include "image/pull.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pull_cmd_options {
    struct registry_options registry;
    struct unpacking unpacking;
    int no_trust;
    int all_tags;
};

static int parse_events(const char *value, void *field, struct err *e);

static const struct opt OPTIONS[] = {
    {"quiet", 'q', NULL, OPT_FLAG, offsetof(struct pull_cmd_options, registry.quiet),
     "print the image's id only", NULL},
    {"format", 0, "FORMAT", OPT_PARSE, offsetof(struct pull_cmd_options, registry.json),
     "json: events, one a line on standard output", parse_events},
    REGISTRY_PLATFORM_ROWS(struct pull_cmd_options, registry),
    REGISTRY_ACCESS_ROWS(struct pull_cmd_options, registry),
    {"all-tags", 'a', NULL, OPT_FLAG, offsetof(struct pull_cmd_options, all_tags),
     "all that the repository has", NULL},
    {"disable-content-trust", 0, NULL, OPT_FLAG, offsetof(struct pull_cmd_options, no_trust),
     "look for no signatures, which is never done", NULL},
    UNPACKING_ROWS(offsetof(struct pull_cmd_options, unpacking)),
    {0},
};

static const struct opt_refused REFUSED[] = {
    {"decryption-key", 0, NULL},      {"retry", 0, "it always is"},
    {"signature-policy", 0, NULL},    {"retry-delay", 0, "it always is, later each time"},
    {"policy", 0, "rbox run --pull"}, {0}};

static int pull(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_pull = {
    .names = {"pull", "image pull"},
    .group = CMD_IMAGES,
    .summary = "fetch images from a registry",
    .usage = "[options] NAME [NAME…]",
    .description =
        "NAME is [REGISTRY/]REPOSITORY[:TAG][@DIGEST]. One without a registry is looked for where\n"
        "registries.conf says (unqualified-search-registries, aliases), else on docker.io;\n"
        "RBOX_DEFAULT_REGISTRY names another. Mirrors and insecure registries are those of\n"
        "~/.config/rbox, ~/.config/containers, /etc/rbox or /etc/containers/registries.conf.\n"
        "Blobs that are here are not fetched again, and a broken-off pull is gone on with.",
    .examples = "rbox pull alpine\n"
                "rbox pull --platform linux/arm64 registry.example.com/team/app:1.2\n"
                "rbox pull --tls-verify=false localhost:5000/app\n",
    .options = OPTIONS,
    .refused = REFUSED,
    .options_size = sizeof(struct pull_cmd_options),
    .min_args = 1,
    .max_args = CMD_ANY_ARGS,
    .run = pull,
};

static int parse_events(const char *value, void *field, struct err *e)
{
    if (strcmp(value, "json") != 0) {
        return err_new(e, EINVAL, "'%s' is not json", value);
    }
    *(int *)field = 1;
    return 0;
}

/* What is to be pulled: the operands, or all their tags. */
static int choose_names(const struct store *store, const struct pull_options *po, char **names,
                        int all_tags, struct strv *ret, struct err *e)
{
    int r = 0;

    for (; r == 0 && *names != NULL; names++) {
        if (all_tags) {
            autostrv struct strv tags = {0};

            r = registry_tags(store, *names, po, &tags, e);
            strv_append(ret, &tags);
        } else {
            strv_push(ret, *names);
        }
    }
    return r;
}

static int pull_one(const struct store *store, const char *name, const struct pull_options *po,
                    int is_json, struct err *e)
{
    autofree char *id = NULL;
    int r = image_use_brought(store, image_pull(store, name, po, NULL, &id, e));

    if (r == 0) {
        events_add(store, "image", "pull", id, name);
    }
    if (r == 0 && !is_json) {
        (void)printf("%s\n", str_after(id, "sha256:"));
        (void)fflush(stdout);
    }
    return r;
}

/* All of them; the first error is the one that is told at the end. */
static int pull(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct pull_cmd_options *o = options;
    struct pull_options pull_options = {0};
    struct progress p = {0};
    autostrv struct strv names = {0};
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    if (r == 0) {
        store->unpacking = o->unpacking;
    }
    r = r < 0 ? r : registry_options_read(&o->registry, &p, &pull_options, e);
    r = r < 0 ? r : choose_names(store, &pull_options, argv, o->all_tags, &names, e);
    for (size_t i = 0; i < names.len; i++) {
        struct err one = {0};
        int pulled = pull_one(store, names.v[i], &pull_options, o->registry.json, &one);

        progress_done(&p);
        if (pulled < 0 && r < 0) {
            notice("%s", one.msg);
        } else if (pulled < 0) {
            *e = one;
            r = pulled;
        }
    }
    return r;
}
