/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/generate.h"
#include "cli/help.h"

#include <string.h>

static const struct {
    const char *status;
    const char *meaning;
} STATUSES[] = {
    {"0", "all went well; of run: the command did"},
    {"1", "what was named does not exist (rm, rmi, inspect, … exists)"},
    {"2", "it is in use (rm, volume rm)"},
    {"125", "rbox itself failed; standard error says why"},
    {"126", "run: the command could not be executed"},
    {"127", "run: the command was not found"},
    {"128+n", "run: signal n ended the command"},
};

/* @text for troff: no hyphens where minus signs are meant, no requests by accident. */
static void put_text(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'') {
        (void)fputs("\\&", out);
    }
    for (; *text != '\0'; text++) {
        if (*text == '\\') {
            (void)fputs("\\e", out);
        } else if (*text == '-') {
            (void)fputs("\\-", out);
        } else {
            (void)fputc(*text, out);
        }
        if (*text == '\n' && (text[1] == '.' || text[1] == '\'')) {
            (void)fputs("\\&", out);
        }
    }
}

static void put_options(FILE *out, const struct opt *rows)
{
    for (const struct opt *o = rows; o != NULL && !opt_is_end(o); o++) {
        if (opt_is_heading(o)) {
            (void)fprintf(out, ".SS %s\n", o->help);
            continue;
        }
        (void)fputs(".TP\n\\fB", out);
        if (o->letter != 0) {
            (void)fprintf(out, "\\-%c\\fR, \\fB", o->letter);
        }
        put_text(out, "--");
        put_text(out, o->name);
        (void)fputs("\\fR", out);
        if (o->arg != NULL) {
            (void)fputs(" \\fI", out);
            put_text(out, o->arg);
            (void)fputs("\\fR", out);
        }
        (void)fputc('\n', out);
        put_text(out, o->help);
        (void)fputc('\n', out);
    }
}

static void put_lines(FILE *out, const char *title, const char *text)
{
    (void)fprintf(out, ".SH %s\n.nf\n", title);
    put_text(out, text);
    (void)fputs(".fi\n", out);
}

static void put_statuses(FILE *out)
{
    (void)fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; i < sizeof(STATUSES) / sizeof(STATUSES[0]); i++) {
        (void)fprintf(out, ".TP\n.B %s\n", STATUSES[i].status);
        put_text(out, STATUSES[i].meaning);
        (void)fputc('\n', out);
    }
}

char *generate_man_name(const struct cmd *c)
{
    char *name = c != NULL ? xasprintf("rbox-%s.1", c->names[0]) : xstrdup("rbox.1");

    for (char *p = name; *p != '\0'; p++) {
        *p = (char)(*p == ' ' ? '-' : *p);
    }
    return name;
}

static void put_head(FILE *out, const struct cmd *c, const char *summary)
{
    autofree char *file = generate_man_name(c);
    autofree char *name = xstrndup(file, strlen(file) - strlen(".1"));

    (void)fprintf(out, ".TH \"%s\" 1 \"\" \"rbox %s\" \"rbox\"\n.SH NAME\n", name, RBOX_VERSION);
    put_text(out, name);
    (void)fputs(" \\- ", out);
    put_text(out, summary);
    (void)fputc('\n', out);
}

static void put_command(FILE *out, const struct cmd *c)
{
    put_head(out, c, c->summary);
    (void)fputs(".SH SYNOPSIS\n", out);
    for (size_t n = 0; n < CMD_NAMES_MAX && c->names[n] != NULL; n++) {
        (void)fprintf(out, "%s\\fBrbox %s\\fR ", n > 0 ? ".br\n" : "", c->names[n]);
        put_text(out, c->usage);
        (void)fputc('\n', out);
    }
    (void)fputs(".SH DESCRIPTION\n", out);
    put_text(out, c->description != NULL ? c->description : c->summary);
    (void)fputc('\n', out);
    if (c->options != NULL) {
        (void)fputs(".SH OPTIONS\n", out);
        put_options(out, c->options);
    }
    if (c->examples != NULL) {
        put_lines(out, "EXAMPLES", c->examples);
    }
    put_statuses(out);
    (void)fputs(".SH SEE ALSO\n.BR rbox (1)\n", out);
}

static void put_group(FILE *out, enum cmd_group group)
{
    const struct cmd *c = NULL;

    (void)fprintf(out, ".SS %s\n", help_group(group));
    for (size_t i = 0; (c = cmd_at(i)) != NULL; i++) {
        if (c->group == group) {
            (void)fprintf(out, ".TP\n.B %s\n", c->names[0]);
            put_text(out, c->summary);
            (void)fputc('\n', out);
        }
    }
}

static void put_overview(FILE *out)
{
    static const char ENVIRONMENT[] =
        ".SH ENVIRONMENT\n"
        ".TP\n.B RBOX_STORE\nthe store, unless \\-\\-root says another\n"
        ".TP\n.B RBOX_DEBUG\n1: as \\-\\-debug\n"
        ".TP\n.B RBOX_LIBEXEC\nthe folder with rbox's helper programs\n"
        ".SH FILES\n"
        ".TP\n.I ~/.local/share/rbox\nthe store: images, containers, volumes\n"
        ".TP\n.I /etc/subuid, /etc/subgid\nthe subordinate ids that containers are made of\n";

    put_head(out, NULL, "containers for a normal user");
    (void)fputs(".SH SYNOPSIS\n\\fBrbox\\fR [options] COMMAND [\\&...]\n.SH DESCRIPTION\n"
                "Runs containers without root and without a daemon. Each command has a page of its "
                "own:\n\\fBrbox COMMAND \\-\\-help\\fR, \\fBman rbox\\-COMMAND\\fR.\n"
                ".SH OPTIONS\n",
                out);
    put_options(out, CMD_GLOBAL_OPTIONS);
    (void)fputs(".SH COMMANDS\n", out);
    for (int g = 0; g < CMD_HIDDEN; g++) {
        put_group(out, (enum cmd_group)g);
    }
    put_statuses(out);
    (void)fputs(ENVIRONMENT, out);
}

void generate_man(FILE *out, const struct cmd *c)
{
    if (c != NULL) {
        put_command(out, c);
    } else {
        put_overview(out);
    }
}
