/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "box/events.h"
#include "cli/cmd.h"
#include "cli/filter.h"
#include "cli/format.h"

#include <stdio.h>
#include <string.h>

struct events_options {
    struct events_query query;
    struct strv filters;
    char *format;
    int no_trunc;
};

static int parse_time(const char *value, void *field, struct err *e);
static int parse_filter(const char *value, void *list, struct err *e);

#define FIELD(name) offsetof(struct events_options, name)

static const struct opt OPTIONS[] = {
    {"filter", 'f', "KEY=VALUE", OPT_PARSE, FIELD(filters),
     "only these: container, event, image, label, type or volume; of one key any, of several all",
     parse_filter},
    {"format", 0, "FORMAT", OPT_STRING, FIELD(format), "json, or a template", NULL},
    {"no-trunc", 0, NULL, OPT_FLAG, FIELD(no_trunc), "whole ids, as they are anyway", NULL},
    {"since", 0, "TIME", OPT_PARSE, FIELD(query.since_ns), "from then on: 10m, 2026-11-27T05:56",
     parse_time},
    {"stream", 0, NULL, OPT_FLAG, FIELD(query.follow),
     "go on with those to come (default; --stream=false ends with those that were)", NULL},
    {"until", 0, "TIME", OPT_PARSE, FIELD(query.until_ns), "until then", parse_time},
    {0},
};

static void events_init(void *options);
static int events(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_events = {
    .names = {"events", "system events"},
    .group = CMD_SYSTEM,
    .summary = "print what happens to containers, images and volumes",
    .usage = "[options]",
    .description =
        "Of a container that ended (died) the attribute reason says why: exit, signal, stop, "
        "kill,\n"
        "timeout, oom, supervisor. Without --since and --until only what happens from now on.",
    .examples = "rbox events --since 1h --stream=false\n"
                "rbox events -f event=died --format '{{.Name}} {{.Attributes.reason}}'\n",
    .options = OPTIONS,
    .options_size = sizeof(struct events_options),
    .init = events_init,
    .run = events,
};

static void events_init(void *options)
{
    ((struct events_options *)options)->query.follow = 1;
}

static int parse_time(const char *value, void *field, struct err *e)
{
    return parse_time_ns(value, field, e);
}

/* ---- filters */

static int matches_text(const json_t *event, const char *key, const char *value)
{
    return str_eq(json_string_value(json_object_get(event, key)), value);
}

static int matches_container(const void *event, const struct filter_term *t)
{
    const char *value = t->value;
    const char *id = json_string_value(json_object_get(event, "ID"));

    return matches_text(event, "Type", "container") &&
           (matches_text(event, "Name", value) || (id != NULL && str_after(id, value) != NULL));
}

static int matches_event(const void *event, const struct filter_term *t)
{
    const char *value = t->value;
    /* docker's name for it */
    return matches_text(event, "Status", strcmp(value, "die") == 0 ? "died" : value);
}

/* "busybox" is docker.io/library/busybox:latest, too. */
static int matches_image(const void *event, const struct filter_term *t)
{
    const char *value = t->value;
    const char *key = matches_text(event, "Type", "image") ? "Name" : "Image";
    const char *name = json_string_value(json_object_get(event, key));
    const char *found = name != NULL ? strstr(name, value) : NULL;

    return found != NULL && (found == name || found[-1] == '/') &&
           (found[strlen(value)] == '\0' || found[strlen(value)] == ':');
}

static int matches_label(const void *event, const struct filter_term *t)
{
    const char *value = t->value;
    autofree char *key = xstrndup(value, strcspn(value, "="));
    const char *label =
        json_string_value(json_object_get(json_object_get(event, "Attributes"), key));

    return label != NULL && (value[strlen(key)] == '\0' || str_eq(label, value + strlen(key) + 1));
}

static int matches_type(const void *event, const struct filter_term *t)
{
    const char *value = t->value;
    return matches_text(event, "Type", value);
}

static int matches_volume(const void *event, const struct filter_term *t)
{
    const char *value = t->value;
    return matches_text(event, "Type", "volume") && matches_text(event, "Name", value);
}

static const struct filter_key FILTERS[] = {
    {.key = "container", .match = matches_container},
    {.key = "event", .match = matches_event},
    {.key = "image", .match = matches_image},
    {.key = "label", .match = matches_label},
    {.key = "type", .match = matches_type},
    {.key = "volume", .match = matches_volume},
    {0},
};

static int parse_filter(const char *value, void *list, struct err *e)
{
    return filter_add(FILTERS, value, list, e);
}

/* ---- printing */

struct printing {
    const struct events_options *o;
    struct filter filter;
    struct err *e;
};

static const char *text_of(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));

    return text != NULL ? text : "";
}

static void print_text(const json_t *event, const char *when)
{
    const json_t *attributes = json_object_get(event, "Attributes");
    const char *key = NULL;
    json_t *value = NULL;
    const char *id = text_of(event, "ID");
    const char *hex = str_after(id, "sha256:");

    (void)printf("%s %s %s %.12s (", when, text_of(event, "Type"), text_of(event, "Status"),
                 hex != NULL ? hex : id);
    if (*text_of(event, "Image") != '\0') {
        (void)printf("image=%s, ", text_of(event, "Image"));
    }
    (void)printf("name=%s", text_of(event, "Name"));
    json_object_foreach((json_t *)(uintptr_t)attributes, key, value)
    {
        (void)printf(", %s=%s", key, json_string_value(value));
    }
    (void)puts(")");
}

static int print(const json_t *event, void *arg)
{
    const struct printing *p = arg;
    char when[CLOCK_TEXT_BYTES];
    json_auto_t *shown = NULL;
    autofree char *text = NULL;
    int r = 0;

    if (!filter_matches(&p->filter, event)) {
        return 0;
    }
    (void)clock_text(json_integer_value(json_object_get(event, "timeNano")), when);
    if (p->o->format == NULL) {
        print_text(event, when);
    } else {
        shown = json_deep_copy(event);
        (void)json_object_set_new(shown, "Time", json_string(when));
        if (strcmp(p->o->format, "json") != 0) {
            r = format_value(stdout, p->o->format, shown, p->e);
        } else {
            text = json_text(shown);
            (void)puts(text);
        }
    }
    (void)fflush(stdout);
    return r < 0 || !ferror(stdout) ? r : err_set(p->e, EIO, "cannot write the events");
}

static int events(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    struct events_options *o = options;
    struct printing p = {.o = o, .e = e};
    struct store *store = NULL;
    int r = ctx_store(ctx, &store, e);

    (void)argc;
    (void)argv;
    if (o->query.since_ns == 0 && o->query.until_ns == 0 && o->query.follow) {
        o->query.since_ns = clock_realtime_ns();
    }
    r = r < 0 ? r : filter_open(FILTERS, store, &o->filters, &p.filter, e);
    r = r < 0 ? r : events_read(store, &o->query, print, &p, e);
    filter_done(&p.filter);
    return r;
}
