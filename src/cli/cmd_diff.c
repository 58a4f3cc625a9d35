/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/container.h"
#include "cli/format.h"
#include "cli/select.h"
#include "sys/fd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct diff_options {
    char *format;
    int latest;
};

static const struct opt OPTIONS[] = {
    {"format", 0, "FORMAT", OPT_STRING, offsetof(struct diff_options, format), "json", NULL},
    SELECT_LATEST_ROW(offsetof(struct diff_options, latest)),
    {0},
};

static int diff(struct ctx *ctx, void *options, int argc, char **argv, struct err *e);

const struct cmd cmd_diff = {
    .names = {"diff", "container diff"},
    .group = CMD_CONTAINERS,
    .summary = "list the files that a container has added, changed and deleted",
    .usage = "[options] CONTAINER",
    .description =
        "A, C or D and the path, in order. What is mounted in the container is not its own.\n"
        "A file that was only opened for writing is not listed.",
    .examples = "rbox diff web\n",
    .options = OPTIONS,
    .options_size = sizeof(struct diff_options),
    .max_args = 1,
    .run = diff,
};

enum {
    OUTPUT_BYTES_MAX = 1 << 30
};

/* As a JSON object, a list for each kind. Names that are not text are escaped. */
static int print_json(const char *text, size_t len, struct err *e)
{
    json_auto_t *o = json_object();
    const struct {
        char kind;
        const char *key;
    } kinds[] = {{'C', "changed"}, {'A', "added"}, {'D', "deleted"}};

    for (const char *p = text; p < text + len; p += strlen(p) + 1) {
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
            json_t *list = json_object_get(o, kinds[i].key);

            if (*p != kinds[i].kind) {
                continue;
            }
            if (list == NULL) {
                list = json_array();
                (void)json_object_set_new(o, kinds[i].key, list);
            }
            (void)json_array_append_new(list, json_str(p + 1));
        }
    }
    return format_value(stdout, NULL, o, e);
}

static int print(const char *text, size_t len, const char *format, struct err *e)
{
    if (format != NULL) {
        return print_json(text, len, e);
    }
    for (const char *p = text; p < text + len; p += strlen(p) + 1) {
        (void)printf("%c %s\n", *p, p + 1);
    }
    return 0;
}

static int compare(const struct store *store, const struct found *f, const struct spec *s,
                   const char *format, struct err *e)
{
    autoclose int out_fd = memfd_create("rbox diff", MFD_CLOEXEC);
    autofree char *text = NULL;
    size_t len = 0;
    int r = out_fd < 0 ? err_set(e, errno, "cannot create a memory file")
                       : container_changes(store, f, s, "changes", out_fd, e);

    if (r == 0 && lseek(out_fd, 0, SEEK_SET) < 0) {
        r = err_set(e, errno, "cannot read the list of changes");
    }
    r = r < 0 ? r : fd_read_all(out_fd, OUTPUT_BYTES_MAX, &text, &len, e);
    return r < 0 ? r : print(text, len, format, e);
}

static int diff(struct ctx *ctx, void *options, int argc, char **argv, struct err *e)
{
    const struct diff_options *o = options;
    autofound struct found f = {.dir_fd = -1, .run_fd = -1};
    struct store *store = NULL;
    struct container c;
    int r = 0;

    if (o->format != NULL && strcmp(o->format, "json") != 0) {
        return err_new(e, EINVAL, "--format can be json here, not '%s'", o->format);
    }
    r = (argc == 0) != o->latest ? err_new(e, EINVAL, "name a container, or give --latest")
                                 : ctx_store(ctx, &store, e);
    r = r < 0 ? r : o->latest ? select_newest(store, &f, e) : find_container(store, argv[0], &f, e);
    r = r < 0 ? r : container_read(&f, &c, e);
    if (r == 0) {
        r = compare(store, &f, &c.spec, o->format, e);
        container_done(&c);
    }
    return r;
}
