/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Logs: written, rotated, chosen from (issue 5). */
#include "base/cleanup.h"
#include "base/mem.h"
#include "box/logs.h"
#include "sys/dir.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char path[64];
    int dir_fd;
};

static int make(void **state)
{
    static struct fixture f;

    (void)strcpy(f.path, "/tmp/rbox-logs-XXXXXX");
    assert_non_null(mkdtemp(f.path));
    f.dir_fd = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = &f;
    return 0;
}

static int unmake(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    close_fd(&f->dir_fd);
    return dir_remove_tree(AT_FDCWD, f->path, &e);
}

static char *contents(const struct fixture *f, const char *name)
{
    struct err e = {0};
    char *text = NULL;

    assert_int_equal(file_read(f->dir_fd, name, 1 << 20, &text, NULL, &e), 0);
    return text;
}

static void entries_say_when_where_and_whether_the_line_ends(void **state)
{
    struct fixture *f = *state;
    autofree char *text = NULL;
    struct logs *l = NULL;
    struct err e = {0};
    const char *second = NULL;

    assert_int_equal(logs_open(f->dir_fd, 0, &l, &e), 0);
    logs_write(l, LOGS_STDOUT, "whole\npart", 10);
    logs_write(l, LOGS_STDERR, "\n", 1);
    logs_close(l);
    text = contents(f, LOGS_FILE);
    assert_non_null(strstr(text, "Z stdout F whole\n"));
    second = strstr(text, "Z stdout P part\n");
    assert_non_null(second);
    assert_non_null(strstr(second, "Z stderr F \n"));
}

static void a_full_log_becomes_the_old_one_between_entries(void **state)
{
    struct fixture *f = *state;
    autofree char *now = NULL;
    autofree char *old = NULL;
    struct logs *l = NULL;
    struct err e = {0};

    assert_int_equal(logs_open(f->dir_fd, 200, &l, &e), 0);
    for (int i = 0; i < 9; i++) {
        logs_write(l, LOGS_STDOUT, "0123456789\n", 11);
    }
    logs_close(l);
    old = contents(f, LOGS_FILE_OLD);
    now = contents(f, LOGS_FILE);
    assert_true(strlen(old) >= 200 && strlen(old) < 300);
    assert_true(str_ends(old, "0123456789\n"));
    assert_true(strlen(now) < 200);
}

/* Print with @q into a file and give back what came. */
static char *printed(const struct fixture *f, const struct logs_query *q)
{
    struct err e = {0};
    int saved = dup(STDOUT_FILENO);
    int fd = openat(f->dir_fd, "printed", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(dup2(fd, STDOUT_FILENO) >= 0);
    assert_int_equal(logs_print(f->dir_fd, q, &e), 0);
    assert_true(dup2(saved, STDOUT_FILENO) >= 0);
    (void)close(saved);
    (void)close(fd);
    return contents(f, "printed");
}

static void write_log(const struct fixture *f, const char *text)
{
    autoclose int fd = openat(f->dir_fd, LOGS_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static void times_and_counts_choose_lines_and_parts_are_joined(void **state)
{
    struct fixture *f = *state;
    const int64_t noon_ns = 1764244800LL * 1000000000; /* 2025-11-27T12:00:00Z */
    autofree char *all = NULL;
    autofree char *late = NULL;
    autofree char *early = NULL;
    autofree char *last = NULL;

    (void)unlinkat(f->dir_fd, LOGS_FILE_OLD, 0);
    write_log(f, "2025-11-27T11:59:59.999999999Z stdout F one\n"
                 "not an entry\n"
                 "2025-11-27T12:00:00.000000000Z stdout P two \n"
                 "2025-11-27T12:00:00.000000001Z stdout F halves\n");
    all = printed(f, &(struct logs_query){.tail = -1});
    assert_string_equal(all, "one\ntwo halves\n");
    late = printed(f, &(struct logs_query){.tail = -1, .since_ns = noon_ns});
    assert_string_equal(late, "two halves\n");
    early = printed(f, &(struct logs_query){.tail = -1, .until_ns = noon_ns - 1});
    assert_string_equal(early, "one\n");
    last = printed(f, &(struct logs_query){.tail = 1, .timestamps = 1, .prefix = "c "});
    assert_string_equal(last, "c 2025-11-27T12:00:00.000000000Z two halves\n");
}

/* Asked each time that there was nothing to read: the first time, two rotations follow. */
static int rotate_twice(void *arg)
{
    static int was_here = 0;
    struct logs *l = arg;

    for (int i = 0; !was_here && i < 8; i++) {
        logs_write(l, LOGS_STDOUT, &"abcdefgh"[i], 1);
        logs_write(l, LOGS_STDOUT, "123456789\n", 10);
    }
    return was_here++;
}

static void who_follows_misses_no_file_that_is_there(void **state)
{
    struct fixture *f = *state;
    autofree char *text = NULL;
    struct logs *l = NULL;
    struct err e = {0};

    (void)unlinkat(f->dir_fd, LOGS_FILE_OLD, 0);
    (void)unlinkat(f->dir_fd, LOGS_FILE, 0);
    assert_int_equal(logs_open(f->dir_fd, 300, &l, &e), 0);
    text =
        printed(f, &(struct logs_query){.tail = -1, .follow = 1, .ended = rotate_twice, .arg = l});
    logs_close(l);
    assert_string_equal(text, "a123456789\nb123456789\nc123456789\nd123456789\n"
                              "e123456789\nf123456789\ng123456789\nh123456789\n");
}

static void a_log_that_was_left_in_a_rotation_is_printed(void **state)
{
    struct fixture *f = *state;
    autofree char *text = NULL;

    write_log(f, "2025-11-27T11:59:59.999999999Z stdout F one\n");
    assert_int_equal(renameat(f->dir_fd, LOGS_FILE, f->dir_fd, LOGS_FILE_OLD), 0);
    text = printed(f, &(struct logs_query){.tail = 5});
    assert_string_equal(text, "one\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_say_when_where_and_whether_the_line_ends),
        cmocka_unit_test(a_full_log_becomes_the_old_one_between_entries),
        cmocka_unit_test(times_and_counts_choose_lines_and_parts_are_joined),
        cmocka_unit_test(who_follows_misses_no_file_that_is_there),
        cmocka_unit_test(a_log_that_was_left_in_a_rotation_is_printed),
    };

    return cmocka_run_group_tests(tests, make, unmake);
}
