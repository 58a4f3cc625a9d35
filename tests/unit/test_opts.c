/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options from tables (issue 2). */
#include "base/mem.h"
#include "cli/opts.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fields {
    int interactive;
    int tty;
    int remove;
    char *name;
    struct strv env;
    int64_t count;
    int64_t memory;
    int64_t timeout;
    char custom[32];
};

static int parse_custom(const char *value, void *field, struct err *e)
{
    if (strcmp(value, "bad") == 0) {
        return err_new(e, EINVAL, "'%s' is bad", value);
    }
    (void)strcpy(field, value);
    return 0;
}

static const struct opt ROWS[] = {
    {NULL, 0, NULL, 0, 0, "A heading", NULL},
    {"interactive", 'i', NULL, OPT_FLAG, offsetof(struct fields, interactive), "", NULL},
    {"tty", 't', NULL, OPT_FLAG, offsetof(struct fields, tty), "", NULL},
    {"rm", 0, NULL, OPT_FLAG, offsetof(struct fields, remove), "", NULL},
    {"name", 0, "NAME", OPT_STRING, offsetof(struct fields, name), "", NULL},
    {"env", 'e', "K=V", OPT_STRV, offsetof(struct fields, env), "", NULL},
    {"count", 0, "N", OPT_INT64, offsetof(struct fields, count), "", NULL},
    {"memory", 'm', "BYTES", OPT_BYTES, offsetof(struct fields, memory), "", NULL},
    {"timeout", 0, "TIME", OPT_DURATION, offsetof(struct fields, timeout), "", NULL},
    {"custom", 'c', "X", OPT_PARSE, offsetof(struct fields, custom), "", parse_custom},
    {0},
};
static const struct opt_refused REFUSED[] = {{"gpus", 0, "--device"}, {"attach", 'a', NULL}, {0}};

/* Parse the words of @line (apart by single blanks). The operands are left in @ret_operands,
 * apart by blanks. */
static int parse(const char *line, enum opts_flags flags, struct fields *f, char *ret_operands,
                 struct err *e)
{
    struct strv words = {0};
    struct opts set = {.rows = ROWS, .refused = REFUSED, .fields = f};
    char **argv = NULL;
    int argc = 0;
    int r = 0;

    strv_split(&words, line, ' ');
    argc = (int)words.len;
    argv = xcalloc(words.len + 1, sizeof(*argv));
    for (int i = 0; i < argc; i++) {
        argv[i] = words.v[i];
    }
    r = opts_parse(&set, 1, flags, &argc, argv, e);
    ret_operands[0] = '\0';
    for (int i = 0; r == 0 && i < argc; i++) {
        (void)strcat(strcat(ret_operands, i > 0 ? " " : ""), argv[i]);
    }
    if (r == 0) {
        assert_null(argv[argc]);
    }
    free(argv);
    strv_done(&words);
    return r;
}

static void done(struct fields *f)
{
    opts_done(&(struct opts){.rows = ROWS, .fields = f});
    assert_null(f->name);
    assert_int_equal(f->env.len, 0);
}

static void all_forms_are_understood(void **unused)
{
    static const char *const forms[] = {
        "--name web -it -e A=1 -eB=2 -e=C=3 --env D=4 --env=E=5 -m64k --count=7 --timeout 1m",
        "-ti --name=web --env A=1 --env B=2 --env C=3 --env D=4 --env E=5 -m=64k --count 7 "
        "--timeout=60",
        "-ie A=1 -teB=2 --rm --rm=false --name first --name web -eC=3 -eD=4 -eE=5 --memory 65536 "
        "--count 7 --timeout 60s",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        static const char *const env[] = {"A=1", "B=2", "C=3", "D=4", "E=5"};
        struct fields f = {0};
        struct err e = {0};
        char operands[100];

        assert_int_equal(parse(forms[i], 0, &f, operands, &e), 0);
        assert_string_equal(operands, "");
        assert_int_equal(f.interactive, 1);
        assert_int_equal(f.tty, 1);
        assert_int_equal(f.remove, 0);
        assert_string_equal(f.name, "web");
        assert_int_equal(f.env.len, 5);
        for (size_t j = 0; j < 5; j++) {
            assert_string_equal(f.env.v[j], env[j]);
        }
        assert_int_equal(f.count, 7);
        assert_int_equal(f.memory, 65536);
        assert_int_equal(f.timeout, 60000);
        done(&f);
    }
}

static void operands_end_options_where_the_command_says_so(void **unused)
{
    static const struct {
        const char *line;
        enum opts_flags flags;
        const char *operands;
        int tty;
    } rows[] = {
        {"-i image sh -t", OPTS_STOP_AT_OPERAND, "image sh -t", 0},
        {"-i image sh -t", 0, "image sh", 1},
        {"-- -t", 0, "-t", 0},
        {"-- -t", OPTS_STOP_AT_OPERAND, "-t", 0},
        {"image -- -t", OPTS_STOP_AT_OPERAND, "image -- -t", 0},
        {"image -- -t", 0, "image -t", 0},
        {"- -t", 0, "-", 1},
        {"", 0, "", 0},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fields f = {0};
        struct err e = {0};
        char operands[100];

        assert_int_equal(parse(rows[i].line, rows[i].flags, &f, operands, &e), 0);
        assert_string_equal(operands, rows[i].operands);
        assert_int_equal(f.tty, rows[i].tty);
        done(&f);
    }
}

static void what_is_wrong_is_said_with_the_option_s_name(void **unused)
{
    static const struct {
        const char *line;
        const char *message;
        const char *hint;
    } rows[] = {
        {"--nmae x", "unknown option '--nmae'", "did you mean --name?"},
        {"--interactiv", "unknown option '--interactiv'", "did you mean --interactive?"},
        {"--qqqqqqqq", "unknown option '--qqqqqqqq'", ""},
        {"-x", "unknown option '-x'", ""},
        {"-ix", "unknown option '-x'", ""},
        {"--gpus all", "--gpus is not supported yet", "--device"},
        {"--gpus=all", "--gpus is not supported yet", "--device"},
        {"--name", "--name needs a value: NAME", ""},
        {"-e", "-e needs a value: K=V", ""},
        {"--tty=perhaps", "--tty: 'perhaps' is neither true nor false", ""},
        {"--count -1", "--count: '-1' is not a whole number", ""},
        {"--count 9223372036854775808",
         "--count: '9223372036854775808' is not from 0 to 9223372036854775807", ""},
        {"-m lots", "-m: 'lots' is not a size such as 512m or 2g", ""},
        {"--timeout=soon", "--timeout: 'soon' is not a time such as 10, 300ms or 1m30s", ""},
        {"-cbad", "-c: 'bad' is bad", ""},
        {"--=x", "unknown option '--'", ""},
        {"---", "unknown option '---'", ""},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fields f = {0};
        struct err e = {0};
        char operands[100];

        assert_true(parse(rows[i].line, 0, &f, operands, &e) < 0);
        assert_string_equal(e.msg, rows[i].message);
        assert_string_equal(e.hint, rows[i].hint);
        done(&f);
    }
}

static void an_option_of_any_length_is_refused_whole(void **unused)
{
    struct fields f = {0};
    struct err e = {0};
    char operands[100];
    char line[5000] = "--";

    (void)unused;
    memset(line + 2, 'x', sizeof(line) - 3);
    assert_int_equal(parse(line, 0, &f, operands, &e), -EINVAL);
    assert_string_equal(e.hint, "");
    done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms_are_understood),
        cmocka_unit_test(operands_end_options_where_the_command_says_so),
        cmocka_unit_test(what_is_wrong_is_said_with_the_option_s_name),
        cmocka_unit_test(an_option_of_any_length_is_refused_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
