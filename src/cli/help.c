/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/help.h"

#include "base/mem.h"

#include <string.h>

enum {
    COMMAND_COLUMN = 16,
    OPTION_COLUMN = 32
};

const char *help_group(enum cmd_group group)
{
    static const char *const TITLES[CMD_GROUP_COUNT] = {
        [CMD_CONTAINERS] = "Containers", [CMD_IMAGES] = "Images",
        [CMD_VOLUMES] = "Volumes",       [CMD_NETWORKS] = "Networks",
        [CMD_SYSTEM] = "System",         [CMD_RUNTIME] = "As an OCI runtime",
    };

    return TITLES[group];
}

const char *help_name(const struct cmd *c, const char *family)
{
    if (family == NULL) {
        return c->names[0];
    }
    for (size_t n = 0; n < CMD_NAMES_MAX && c->names[n] != NULL; n++) {
        const char *rest = str_after(c->names[n], family);

        if (rest != NULL && *rest == ' ') {
            return c->names[n];
        }
    }
    return NULL;
}

/* @options: the lines of @group, the title first. */
static void print_group(FILE *out, enum cmd_group group, const char *family)
{
    const struct cmd *c = NULL;
    int titled = 0;

    for (size_t i = 0; (c = cmd_at(i)) != NULL; i++) {
        const char *name = help_name(c, family);

        if (c->group != group || name == NULL) {
            continue;
        }
        if (!titled) {
            (void)fprintf(out, "\n%s:\n", help_group(group));
            titled = 1;
        }
        (void)fprintf(out, "  %-*s %s\n", COMMAND_COLUMN, name, c->summary);
    }
}

static void print_options(FILE *out, const struct opt *rows)
{
    for (const struct opt *o = rows; o != NULL && !opt_is_end(o); o++) {
        autobuf struct buf left = {0};

        if (opt_is_heading(o)) {
            (void)fprintf(out, "\n%s:\n", o->help);
            continue;
        }
        if (o->letter != 0) {
            buf_printf(&left, "  -%c, ", o->letter);
        } else {
            buf_puts(&left, "      ");
        }
        buf_printf(&left, "--%s", o->name);
        if (o->arg != NULL) {
            buf_printf(&left, " %s", o->arg);
        }
        if (left.len >= OPTION_COLUMN) {
            (void)fprintf(out, "%s\n%*s %s\n", left.data, OPTION_COLUMN, "", o->help);
        } else {
            (void)fprintf(out, "%-*s %s\n", OPTION_COLUMN, left.data, o->help);
        }
    }
}

void help_commands(FILE *out, const char *family)
{
    if (family == NULL) {
        (void)fprintf(out, "rbox runs containers for a normal user: no root, no daemon.\n\n"
                           "Usage: rbox [options] COMMAND\n\n"
                           "  rbox run busybox echo hello   a command in a container of its own\n"
                           "  rbox run -it --rm busybox     a shell, and nothing left afterwards\n"
                           "  rbox COMMAND --help           what a command can do\n");
    } else {
        (void)fprintf(out, "Usage: rbox %s COMMAND\n", family);
    }
    for (int g = 0; g < CMD_HIDDEN; g++) {
        if (family != NULL || g != CMD_RUNTIME) {
            print_group(out, (enum cmd_group)g, family);
        }
    }
    if (family == NULL) {
        (void)fprintf(out, "\nOptions:\n");
        print_options(out, CMD_GLOBAL_OPTIONS);
    }
}

void help_command(FILE *out, const struct cmd *c)
{
    (void)fprintf(out, "Usage: rbox %s%s%s\n", c->names[0], c->usage[0] != '\0' ? " " : "",
                  c->usage);
    for (size_t n = 1; n < CMD_NAMES_MAX && c->names[n] != NULL; n++) {
        (void)fprintf(out, "       rbox %s …\n", c->names[n]);
    }
    (void)fprintf(out, "\n%s\n", c->description != NULL ? c->description : c->summary);
    if (c->options != NULL) {
        if (!opt_is_heading(c->options)) {
            (void)fprintf(out, "\nOptions:\n");
        }
        print_options(out, c->options);
    }
    (void)fprintf(out, "\nGlobal options:\n");
    print_options(out, CMD_GLOBAL_OPTIONS);
    if (c->examples != NULL) {
        (void)fprintf(out, "\nExamples:\n");
        for (const char *line = c->examples; *line != '\0';) {
            const char *end = strchrnul(line, '\n');

            (void)fprintf(out, "  %.*s\n", (int)(end - line), line);
            line = *end != '\0' ? end + 1 : end;
        }
    }
}
