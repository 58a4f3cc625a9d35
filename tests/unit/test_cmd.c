/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of commands and options say nothing twice (issue 2). */
#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/generate.h"
#include "cli/help.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void no_two_commands_have_one_name(void **unused)
{
    autostrv struct strv names = {0};
    const struct cmd *c = NULL;

    (void)unused;
    for (size_t i = 0; (c = cmd_at(i)) != NULL; i++) {
        for (size_t n = 0; n < CMD_NAMES_MAX && c->names[n] != NULL; n++) {
            if (strv_has(&names, c->names[n])) {
                print_error("two commands are called '%s'\n", c->names[n]);
                fail();
            }
            strv_push(&names, c->names[n]);
        }
    }
}

/* Names and letters of @rows and @refused onto the lists; fails where one is there already. */
static void collect(const struct cmd *c, struct strv *names, struct strv *letters)
{
    for (const struct opt *o = c->options; o != NULL && !opt_is_end(o); o++) {
        const char letter[] = {o->letter, '\0'};

        if (o->name == NULL) {
            continue;
        }
        if (strv_has(names, o->name) || (o->letter != 0 && strv_has(letters, letter))) {
            print_error("%s has --%s or -%s twice\n", c->names[0], o->name, letter);
            fail();
        }
        strv_push(names, o->name);
        strv_push(letters, letter);
    }
    for (const struct opt_refused *o = c->refused; o != NULL && o->name != NULL; o++) {
        const char letter[] = {o->letter, '\0'};

        if (strv_has(names, o->name) || (o->letter != 0 && strv_has(letters, letter))) {
            print_error("%s has and refuses --%s or -%s\n", c->names[0], o->name, letter);
            fail();
        }
        strv_push(names, o->name);
        strv_push(letters, letter);
    }
}

static void no_option_is_there_twice_or_refused_as_well(void **unused)
{
    const struct cmd *c = NULL;

    (void)unused;
    for (size_t i = 0; (c = cmd_at(i)) != NULL; i++) {
        autostrv struct strv names = {0};
        autostrv struct strv letters = {0};

        collect(c, &names, &letters);
    }
}

static void rows_are_complete(void **unused)
{
    const struct cmd *c = NULL;

    (void)unused;
    for (size_t i = 0; (c = cmd_at(i)) != NULL; i++) {
        assert_non_null(c->summary);
        assert_non_null(c->usage);
        assert_non_null(c->run);
        assert_true(c->options == NULL || c->options_size > 0);
        for (const struct opt *o = c->options; o != NULL && !opt_is_end(o); o++) {
            if (o->name == NULL) {
                continue;
            }
            if (o->help == NULL || (o->type == OPT_FLAG) != (o->arg == NULL) ||
                (o->type == OPT_PARSE) != (o->parse != NULL) || o->offset >= c->options_size) {
                print_error("%s: the row of --%s is wrong\n", c->names[0], o->name);
                fail();
            }
        }
    }
}

/* What @print writes, as text. */
static char *text_of(void (*print)(FILE *out, const struct cmd *c), const struct cmd *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    print(out, c);
    (void)fclose(out);
    return text;
}

static void help_and_man_pages_name_every_option(void **unused)
{
    const struct cmd *c = NULL;

    (void)unused;
    for (size_t i = 0; (c = cmd_at(i)) != NULL; i++) {
        autofree char *help = text_of(help_command, c);
        autofree char *man = text_of(generate_man, c);

        for (const struct opt *o = c->options; o != NULL && !opt_is_end(o); o++) {
            autofree char *option = o->name != NULL ? xasprintf("--%s", o->name) : xstrdup(o->help);

            assert_non_null(strstr(help, option));
            if (o->name != NULL && strchr(o->name, '-') == NULL) {
                autofree char *in_man = xasprintf("\\-\\-%s", o->name);

                assert_non_null(strstr(man, in_man));
            }
        }
    }
}

static void completions_name_every_command(void **unused)
{
    static const char *const shells[] = {"bash", "zsh", "fish"};
    struct err e = {0};
    const struct cmd *c = NULL;

    (void)unused;
    for (size_t s = 0; s < sizeof(shells) / sizeof(shells[0]); s++) {
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);

        assert_int_equal(generate_completion(out, shells[s], &e), 0);
        (void)fclose(out);
        for (size_t i = 0; (c = cmd_at(i)) != NULL; i++) {
            const char *last = strrchr(c->names[0], ' ');

            if (c->group != CMD_HIDDEN) {
                assert_non_null(strstr(text, last != NULL ? last + 1 : c->names[0]));
            }
        }
        free(text);
    }
    assert_int_equal(generate_completion(stderr, "tcsh", &e), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_two_commands_have_one_name),
        cmocka_unit_test(no_option_is_there_twice_or_refused_as_well),
        cmocka_unit_test(rows_are_complete),
        cmocka_unit_test(help_and_man_pages_name_every_option),
        cmocka_unit_test(completions_name_every_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
