/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "userns/idmap.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct subid_range one[] = {{100000, 65536}};
static struct subid_range two[] = {{100000, 1000}, {300000, 500}};

static const struct subid NONE = {0};
static const struct subid ONE = {.uids = one, .uid_count = 1, .gids = one, .gid_count = 1};
static const struct subid TWO = {.uids = two, .uid_count = 2, .gids = two, .gid_count = 2};

/* The map of uids that comes of these, as text. */
static char *choose(struct spec_userns *u, uid_t uid, const struct subid *ids, struct err *e)
{
    struct spec s = {0};
    char *text = NULL;

    s.linux_.userns = *u;
    if (idmap_choose(&s, uid, uid, ids, e) == 0) {
        text = idmap_text(&s.linux_.uid_mappings);
    }
    free(s.linux_.uid_mappings.rows);
    free(s.linux_.gid_mappings.rows);
    return text;
}

static void modes(void **unused)
{
    const struct {
        enum spec_userns_mode mode;
        int64_t keep;
        uid_t uid;
        const struct subid *ids;
        const char *map;
    } rows[] = {
        {SPEC_USERNS_DEFAULT, -1, 1001, &ONE, "0:1001:1,1:100000:65536"},
        {SPEC_USERNS_DEFAULT, -1, 1001, &TWO, "0:1001:1,1:100000:1000,1001:300000:500"},
        {SPEC_USERNS_DEFAULT, -1, 1001, &NONE, "0:1001:1"},
        {SPEC_USERNS_DEFAULT, -1, 0, &ONE, "0:100000:65536"}, /* root itself is never mapped */
        {SPEC_USERNS_DEFAULT, -1, 0, &NONE, "0:0:1"},
        {SPEC_USERNS_KEEP_ID, -1, 1001, &ONE, "0:100000:1001,1001:1001:1,1002:101001:64535"},
        {SPEC_USERNS_KEEP_ID, 33, 1001, &ONE, "0:100000:33,33:1001:1,34:100033:65503"},
        {SPEC_USERNS_KEEP_ID, 0, 1001, &ONE, "0:1001:1,1:100000:65536"},
        {SPEC_USERNS_KEEP_ID, -1, 1001, &NONE, "1001:1001:1"},
        {SPEC_USERNS_NOMAP, -1, 1001, &ONE, "0:100000:65536"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct spec_userns u = {
            .mode = rows[i].mode, .keep_uid = rows[i].keep, .keep_gid = rows[i].keep};
        struct err e = {0};
        char *text = choose(&u, rows[i].uid, rows[i].ids, &e);

        assert_non_null(text);
        assert_string_equal(text, rows[i].map);
        free(text);
    }
}

static void explicit_rows_go_through_the_intermediate_map(void **unused)
{
    const struct {
        const char *row;
        const char *map; /* NULL: refused */
    } rows[] = {
        {"0:0:1", "0:1001:1"},
        {"0:1:1000", "0:100000:1000"},
        {"0:0:1000", "0:1001:1,1:100000:999"}, /* one row of the kernel's for each piece */
        {"5:@70000:2", "5:70000:2"},
        {"0:999:4", "0:100998:2,2:300000:2"},
        {"0:1500:10", NULL}, /* past the ranges */
        {"0:0:0", NULL},
        {"0:0:", NULL},
        {":0:1", NULL},
        {"a:0:1", NULL},
        {"0", NULL},
        {"0:0:1x", NULL},
        {"0:0:4294967296", NULL},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct spec_userns u = {.mode = SPEC_USERNS_EXPLICIT};
        struct err e = {0};
        char *text = NULL;

        strv_push(&u.uidmap, rows[i].row);
        text = choose(&u, 1001, &TWO, &e);
        if (rows[i].map == NULL) {
            assert_null(text);
            assert_non_null(strstr(e.msg, rows[i].row));
        } else {
            assert_string_equal(text, rows[i].map);
        }
        free(text);
        strv_done(&u.uidmap);
    }
}

static void overlapping_rows_are_refused(void **unused)
{
    struct spec_userns u = {.mode = SPEC_USERNS_EXPLICIT};
    struct err e = {0};

    (void)unused;
    strv_push(&u.uidmap, "0:1:10");
    strv_push(&u.uidmap, "5:20:10");
    assert_null(choose(&u, 1001, &ONE, &e));
    assert_non_null(strstr(e.msg, "overlap"));
    strv_done(&u.uidmap);
}

static void there_and_back(void **unused)
{
    struct spec_idmap m = {0};

    (void)unused;
    spec_idmap_add(&m, 0, 1001, 1);
    spec_idmap_add(&m, 1, 100000, 65536);
    assert_int_equal(idmap_to_host(&m, 0), 1001);
    assert_int_equal(idmap_to_host(&m, 65536), 165535);
    assert_int_equal(idmap_to_host(&m, 65537), -1);
    assert_int_equal(idmap_to_container(&m, 100005), 6);
    assert_int_equal(idmap_to_container(&m, 0), -1);
    assert_int_equal(idmap_size(&m), 65537);
    assert_false(idmap_is_single(&m));
    free(m.rows);
}

/* A row is cut where the upper namespace's rows meet, and not where they do not. */
static void below_another_namespace(void **unused)
{
    struct spec_idmap above = {0};
    struct spec_idmap keep_id = {0};
    struct spec_idmap foreign = {0};
    struct spec_idmap below = {0};
    struct err e = {0};
    char *text = NULL;

    (void)unused;
    spec_idmap_add(&above, 0, 1001, 1);
    spec_idmap_add(&above, 1, 100000, 10);
    spec_idmap_add(&above, 11, 100010, 90);
    spec_idmap_add(&keep_id, 0, 100000, 50);
    spec_idmap_add(&keep_id, 50, 1001, 1);
    spec_idmap_add(&foreign, 0, 99999, 2);
    assert_int_equal(idmap_below(&keep_id, &above, &below, &e), 0);
    text = idmap_text(&below);
    assert_string_equal(text, "0:1:10,10:11:40,50:0:1");
    assert_int_equal(idmap_below(&foreign, &above, &below, &e), -EINVAL);
    free(text);
    free(above.rows);
    free(keep_id.rows);
    free(foreign.rows);
    free(below.rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes),
        cmocka_unit_test(explicit_rows_go_through_the_intermediate_map),
        cmocka_unit_test(overlapping_rows_are_refused),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(below_another_namespace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
