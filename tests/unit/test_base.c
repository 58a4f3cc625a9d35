/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/err.h"
#include "base/hints.h"
#include "base/json.h"
#include "base/mem.h"
#include "box/caps.h"
#include "box/signals.h"
#include "box/undo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void an_error_says_what_and_why(void **unused)
{
    struct err e = {0};

    (void)unused;
    assert_int_equal(err_set(&e, ENOENT, "cannot open '%s'", "x"), -ENOENT);
    assert_string_equal(e.msg, "cannot open 'x': No such file or directory");
    assert_int_equal(err_wrap(&e, "cannot run '%s'", "y"), -ENOENT);
    assert_string_equal(e.msg, "cannot run 'y': cannot open 'x': No such file or directory");
    assert_int_equal(err_hint(&e, "touch x"), -ENOENT);
    assert_int_equal(err_exit(&e, 126), -ENOENT);
    assert_int_equal(e.exit_code, 126);
    assert_int_equal(err_new(&e, 0, "no number"), -EIO); /* never success by mistake */
    assert_int_equal(e.exit_code, 0);
    assert_string_equal(e.hint, "");
}

static void long_messages_are_cut_visibly(void **unused)
{
    struct err e = {0};
    char text[2000];

    (void)unused;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    (void)err_new(&e, EINVAL, "%s", text);
    assert_true(strlen(e.msg) < sizeof(e.msg));
    assert_string_equal(e.msg + strlen(e.msg) - 3, "...");
    (void)err_wrap(&e, "%s", text);
    assert_true(strlen(e.msg) < sizeof(e.msg));
}

static void every_hint_has_its_words(void **unused)
{
    const struct hint *h = NULL;
    const struct hint *before = NULL;

    (void)unused;
    for (size_t i = 0; (h = hint_at(i)) != NULL; before = h, i++) {
        struct err e = {0};
        char *fix = hint_fix(h->id, "ONE", "TWO");

        assert_true(before == NULL || before->id < h->id);
        assert_true(*h->title != '\0' && *h->explain != '\0' && *fix != '\0');
        assert_null(strstr(fix, "{0:"));
        (void)err_new(&e, EPERM, "x");
        (void)err_hint_id(&e, h->id, "ONE", "TWO");
        assert_non_null(strstr(e.hint, "RBX-")); /* it fits */
        assert_ptr_equal(hint_find(h->id), h);
        free(fix);
    }
}

static void a_word_of_a_shell(void **unused)
{
    static const struct {
        const char *word;
        const char *quoted;
    } ROWS[] = {
        {"/a/b.c=d", "/a/b.c=d"}, {"", "''"}, {"a b", "'a b'"}, {"it's $x", "'it'\\''s $x'"}};

    (void)unused;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        char *s = str_shell(ROWS[i].word);

        assert_string_equal(s, ROWS[i].quoted);
        free(s);
    }
}

static void a_fix_is_filled_in(void **unused)
{
    char *with = hint_fix(HINT_SUBID, "alice", "1-2");
    char *without = hint_fix(HINT_SUBID, NULL, NULL);

    (void)unused;
    assert_string_equal(with, "sudo usermod --add-subuids 1-2 --add-subgids 1-2 alice");
    assert_string_equal(without,
                        "sudo usermod --add-subuids FIRST-LAST --add-subgids FIRST-LAST USER");
    free(with);
    free(without);
}

static void a_string_is_replaced_by_what_is_there(void **unused)
{
    char *s = xstrdup("old");

    (void)unused;
    xreplace(&s, NULL);
    assert_string_equal(s, "old");
    xreplace(&s, "new");
    assert_string_equal(s, "new");
    free(s);
}

static void lists_of_strings(void **unused)
{
    struct strv l = {0};

    (void)unused;
    strv_split(&l, "a::b:", ':');
    assert_int_equal(l.len, 4);
    assert_string_equal(l.v[1], "");
    assert_string_equal(l.v[3], "");
    assert_null(l.v[4]);
    strv_remove(&l, 1);
    assert_string_equal(l.v[1], "b");
    assert_true(strv_has(&l, "a"));
    assert_false(strv_has(&l, "c"));
    for (int i = 0; i < 1000; i++) {
        strv_pushf(&l, "%d", i);
    }
    assert_string_equal(l.v[1002], "999");
    assert_null(l.v[1003]);
    strv_done(&l);
    strv_split(&l, "", ':');
    assert_int_equal(l.len, 0);
    strv_done(&l);
}

static int parse(const char *text, json_t **ret, struct err *e)
{
    return json_parse(text, strlen(text), "it", ret, e);
}

static void json_of_the_wrong_type_is_refused_by_name(void **unused)
{
    struct err e = {0};
    json_t *root = NULL;
    const char *s = "default";
    int64_t n = 7;
    struct strv l = {0};

    (void)unused;
    assert_int_equal(parse("{\"a\":1,\"s\":\"x\",\"l\":[\"p\",2],\"z\":null}", &root, &e), 0);
    assert_int_equal(json_get_string(root, "a", "it", &s, &e), -EINVAL);
    assert_string_equal(e.msg, "it: field 'a' is not a string");
    assert_int_equal(json_get_int(root, "s", "it", &n, &e), -EINVAL);
    assert_int_equal(json_get_strv(root, "l", "it", &l, &e), -EINVAL);
    assert_int_equal(json_get_string(root, "z", "it", &s, &e), 0);
    assert_int_equal(json_get_string(root, "missing", "it", &s, &e), 0);
    assert_string_equal(s, "default");
    json_decref(root);
    strv_done(&l);
    assert_int_equal(parse("{\"a\":1,\"a\":2}", &root, &e), -EINVAL);
    assert_int_equal(json_parse("[", 1, "it", &root, &e), -EINVAL);
}

static void capabilities_by_any_name(void **unused)
{
    struct err e = {0};
    uint64_t mask = 0;

    (void)unused;
    assert_int_equal(caps_parse("net_admin", &mask, &e), 0);
    assert_int_equal(mask, 1ULL << 12);
    assert_int_equal(caps_parse("CAP_CHOWN", &mask, &e), 0);
    assert_int_equal(mask, 1);
    assert_int_equal(caps_parse("all", &mask, &e), 0);
    assert_int_equal(mask, (1ULL << 41) - 1);
    assert_int_equal(caps_parse("CAP_", &mask, &e), -EINVAL);
    assert_int_equal(caps_parse("FLY", &mask, &e), -EINVAL);
    assert_string_equal(caps_name(40), "CAP_CHECKPOINT_RESTORE");
    assert_null(caps_name(41));
}

static void who_sees_a_signal(void **unused)
{
    static const char STATUS[] =
        "Name:\tx\nState:\tS (sleeping)\nSigBlk:\t0000000000004000\nSigIgn:\t0000000000000001\n"
        "SigCgt:\t0000000000000002\n";
    static const char *const BUSY[] = {
        "Name:\tx\nState:\tR (running)\nSigBlk:\tfffffffe7ffbfeff\nSigCgt:\t0000000000000002\n",
        "Name:\tx\nState:\tD (disk sleep)\nSigBlk:\tfffffffe7ffbfeff\nSigCgt:\t0000000000000002\n"};

    (void)unused;
    assert_int_equal(signals_handled_in(STATUS, SIGTERM), 1); /* blocked: 15 */
    assert_int_equal(signals_handled_in(STATUS, SIGHUP), 1);  /* ignored */
    assert_int_equal(signals_handled_in(STATUS, SIGINT), 1);  /* caught */
    assert_int_equal(signals_handled_in(STATUS, SIGUSR1), 0);
    assert_int_equal(signals_handled_in("", SIGTERM), 0);
    for (size_t i = 0; i < sizeof(BUSY) / sizeof(BUSY[0]); i++) {
        assert_int_equal(signals_handled_in(BUSY[i], SIGTERM), -EAGAIN);
        assert_int_equal(signals_handled_in(BUSY[i], SIGINT), 1);
    }
    assert_false(signals_terminates(SIGWINCH));
    assert_true(signals_terminates(SIGUSR1));
    assert_true(signals_terminates(SIGRTMIN));
}

static void add_digit(void *arg)
{
    char **p = arg;

    *(*p)++ = 'x';
}

static void undoing_runs_backwards_and_once(void **unused)
{
    char text[8] = "";
    char *end = text;
    struct undo u = {0};

    (void)unused;
    undo_push(&u, add_digit, &end);
    undo_push(&u, add_digit, &end);
    undo_run(&u);
    undo_run(&u);
    assert_string_equal(text, "xx");
    undo_push(&u, add_digit, &end);
    undo_forget(&u);
    undo_run(&u);
    assert_string_equal(text, "xx");
}

static char *some_of(const char *text, const char *const *paths)
{
    json_t *root = NULL;
    struct err e = {0};
    char *ret = NULL;

    if (json_parse_some(text, strlen(text), "it", paths, &root, &e) < 0) {
        return xstrdup(e.msg);
    }
    ret = json_text(root);
    json_decref(root);
    return ret;
}

static void some_members_are_picked_and_the_rest_is_stepped_over(void **unused)
{
    static const char *const PATHS[] = {"a", "o.in", "o.deep.x", "s", NULL};
    static const char *const rows[][2] = {
        {"{\"a\": 1}", "{\"a\":1}"},
        {" { \"b\" : [1, {\"a\": \"]}\"}] , \"a\" : -5 } ", "{\"a\":-5}"},
        {"{\"o\": {\"in\": true, \"out\": {\"in\": 1}, \"deep\": {\"x\": [], \"y\": 2}}}",
         "{\"o\":{\"in\":true,\"deep\":{\"x\":[]}}}"},
        {"{\"s\": \"a\\\"b\\u00e4\", \"a\": 1.5e3, \"z\": \"\\\\\"}", NULL},
        {"{\"o\": 7, \"a\": {\"k\": [null, false]}}", "{\"a\":{\"k\":[null,false]}}"},
        {"{}", "{}"},
        {"{\"a\": \"\", \"in\": 3, \"aa\": 4}", "{\"a\":\"\"}"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        autofree char *got = some_of(rows[i][0], PATHS);

        assert_string_equal(got, rows[i][1] != NULL ? rows[i][1]
                                                    : "{\"s\":\"a\\\"b\u00e4\",\"a\":1500.0}");
    }
}

/* What is damaged is refused with the words of the whole parser. */
static void some_of_a_damaged_document_is_an_error(void **unused)
{
    static const char *const PATHS[] = {"a", NULL};
    static const char *const rows[] = {"",
                                       "{",
                                       "{\"a\"",
                                       "{\"a\":",
                                       "{\"a\": \"x",
                                       "{\"a\": tru}",
                                       "{\"a\": 1} x",
                                       "{\"b\": [1",
                                       "{\"a\": [1}",
                                       "{\"a\": 99999999999999999999}",
                                       "{\"a\": \"\xff\"}",
                                       "{a: 1}"};

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *root = NULL;
        struct err e = {0};
        /* Exactly the bytes: the sanitizers see who reads past them. */
        autofree char *text = xmemdup(rows[i], strlen(rows[i]) + (rows[i][0] == '\0'));

        assert_int_equal(json_parse_some(text, strlen(rows[i]), "it", PATHS, &root, &e), -EINVAL);
        assert_null(root);
    }
}

/* What nobody wants may nest as deep as it likes: it is stepped over, not entered. */
static void depth_of_what_is_not_wanted_costs_no_stack(void **unused)
{
    enum {
        DEPTH = 1 << 20
    };
    static const char *const PATHS[] = {"a", "b.c", NULL};
    static const char NEST[] = "{\"b\":";
    autobuf struct buf text = {0};
    autofree char *got = NULL;

    (void)unused;
    buf_puts(&text, "{\"x\":");
    for (int i = 0; i < DEPTH; i++) {
        buf_puts(&text, NEST);
    }
    buf_puts(&text, "1");
    for (int i = 0; i < DEPTH; i++) {
        buf_puts(&text, "}");
    }
    buf_puts(&text, ",\"a\":1,\"b\":{\"b\":{\"c\":2},\"c\":3}}");
    got = some_of(text.data, PATHS);
    assert_string_equal(got, "{\"a\":1,\"b\":{\"c\":3}}");
}

static void paths_at_or_below_a_folder(void **unused)
{
    (void)unused;
    assert_true(str_is_below("/a/b", "/a/b"));
    assert_true(str_is_below("/a/b/c", "/a/b"));
    assert_false(str_is_below("/a/bc", "/a/b"));
    assert_false(str_is_below("/a", "/a/b"));
    assert_true(str_is_below("/a", "/"));
    assert_true(str_is_below("/", "/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(some_members_are_picked_and_the_rest_is_stepped_over),
        cmocka_unit_test(some_of_a_damaged_document_is_an_error),
        cmocka_unit_test(depth_of_what_is_not_wanted_costs_no_stack),
        cmocka_unit_test(paths_at_or_below_a_folder),
        cmocka_unit_test(an_error_says_what_and_why),
        cmocka_unit_test(long_messages_are_cut_visibly),
        cmocka_unit_test(every_hint_has_its_words),
        cmocka_unit_test(a_fix_is_filled_in),
        cmocka_unit_test(a_word_of_a_shell),
        cmocka_unit_test(a_string_is_replaced_by_what_is_there),
        cmocka_unit_test(lists_of_strings),
        cmocka_unit_test(json_of_the_wrong_type_is_refused_by_name),
        cmocka_unit_test(capabilities_by_any_name),
        cmocka_unit_test(who_sees_a_signal),
        cmocka_unit_test(undoing_runs_backwards_and_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
