/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/dir.h"
#include "sys/fd.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char top[64];
static int top_fd = -1;

static int make_top(void **unused)
{
    (void)unused;
    (void)strcpy(top, "/tmp/rbox-fd.XXXXXX");
    assert_non_null(mkdtemp(top));
    top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return top_fd < 0;
}

static int remove_top(void **unused)
{
    struct err e = {0};

    (void)unused;
    (void)close(top_fd);
    return dir_remove_tree(AT_FDCWD, top, &e);
}

static void a_file_is_replaced_whole(void **unused)
{
    autofree char *data = NULL;
    struct err e = {0};
    struct stat st;

    (void)unused;
    assert_int_equal(file_write(top_fd, "f", "old", 3, FILE_PRIVATE, &e), 0);
    assert_int_equal(file_write(top_fd, "f", "newer", 5, FILE_SYNC | FILE_PRIVATE, &e), 0);
    assert_int_equal(file_read(top_fd, "f", 100, &data, NULL, &e), 0);
    assert_string_equal(data, "newer");
    assert_int_equal(fstatat(top_fd, "f", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_file_is_written_wherever_its_name_leads(void **unused)
{
    autofree char *path = xasprintf("%s/by-path", top);
    autofree char *data = NULL;
    struct err e = {0};

    (void)unused;
    assert_int_equal(file_write(AT_FDCWD, path, "text", 4, 0, &e), 0);
    assert_int_equal(file_read(top_fd, "by-path", 100, &data, NULL, &e), 0);
    assert_string_equal(data, "text");
    assert_int_equal(mkdirat(top_fd, "below", 0700), 0);
    assert_int_equal(file_write(top_fd, "below/f", "text", 4, 0, &e), 0);
    assert_int_equal(file_write(top_fd, "nowhere/f", "text", 4, 0, &e), -ENOENT);
    assert_string_equal(e.msg, "cannot create 'nowhere/f': No such file or directory");
}

static void links_and_large_files_are_not_read(void **unused)
{
    autofree char *data = NULL;
    struct err e = {0};

    (void)unused;
    assert_int_equal(file_write(top_fd, "large", "0123456789", 10, 0, &e), 0);
    assert_int_equal(file_read(top_fd, "large", 9, &data, NULL, &e), -EFBIG);
    assert_int_equal(symlinkat("large", top_fd, "link"), 0);
    assert_int_equal(file_read(top_fd, "link", 100, &data, NULL, &e), -ELOOP);
    assert_int_equal(file_read(top_fd, ".", 100, &data, NULL, &e), -EINVAL);
}

/* overlay leaves folders of mode 000; packages make folders without a write bit. */
static void a_tree_goes_whatever_its_modes_and_no_further(void **unused)
{
    struct err e = {0};
    autoclose int dir_fd = -1;
    autoclose int sub_fd = -1;

    (void)unused;
    assert_int_equal(file_write(top_fd, "kept", "x", 1, 0, &e), 0);
    assert_int_equal(dir_make(top_fd, "tree", 0755, &dir_fd, &e), 0);
    assert_int_equal(dir_make(dir_fd, "closed", 0755, &sub_fd, &e), 0);
    assert_int_equal(file_write(sub_fd, "f", "x", 1, 0, &e), 0);
    assert_int_equal(symlinkat("../kept", dir_fd, "link"), 0);
    assert_int_equal(symlinkat("..", dir_fd, "up"), 0);
    assert_int_equal(mkdirat(dir_fd, "none", 0), 0);
    assert_int_equal(fchmod(sub_fd, 0), 0);
    assert_int_equal(fchmod(dir_fd, 0555), 0);
    assert_int_equal(dir_remove_tree(top_fd, "tree", &e), 0);
    assert_int_equal(faccessat(top_fd, "tree", F_OK, 0), -1);
    assert_int_equal(faccessat(top_fd, "kept", F_OK, 0), 0);
    assert_int_equal(dir_remove_tree(top_fd, "tree", &e), 0);
}

/* A layer's names may be 2 000 folders deep, and a link in it leads to 2 000 more. */
static void deep_trees_go_without_deep_descriptors(void **unused)
{
    struct rlimit before;
    struct rlimit few;
    struct err e = {0};
    int fd = dup(top_fd);

    (void)unused;
    for (int depth = 0; depth < 5000; depth++) {
        int next = -1;

        assert_int_equal(dir_make(fd, "deep", 0755, &next, &e), 0);
        if (depth % 100 == 99) {
            assert_int_equal(file_write(next, "file", "x", 1, 0, &e), 0);
            assert_int_equal(mkdirat(next, "empty", 0), 0);
        }
        (void)close(fd);
        fd = next;
    }
    (void)close(fd);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){100, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(dir_remove_tree(top_fd, "deep", &e), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(faccessat(top_fd, "deep", F_OK, 0), -1);
}

/* What is moved on the way takes no name that is there, and folders may be moved that are not to be
 * written to. */
static void deep_trees_go_whatever_they_are_called(void **unused)
{
    static const char *const TAKEN[] = {".removed-0", ".removed-1", ".removed-2"};
    struct err e = {0};
    autoclose int first_fd = -1;
    int fd = -1;

    (void)unused;
    assert_int_equal(dir_make(top_fd, "deep", 0755, &first_fd, &e), 0);
    assert_int_equal(mkdirat(first_fd, TAKEN[0], 0755), 0);
    assert_int_equal(file_write(first_fd, TAKEN[1], "x", 1, 0, &e), 0);
    assert_int_equal(dir_make(first_fd, TAKEN[2], 0755, &fd, &e), 0);
    assert_int_equal(file_write(fd, "file", "x", 1, 0, &e), 0);
    for (int depth = 0; depth < 300; depth++) {
        int next = -1;

        assert_int_equal(dir_make(fd, "d", 0755, &next, &e), 0);
        assert_int_equal(fchmod(fd, 0555), 0);
        (void)close(fd);
        fd = next;
    }
    (void)close(fd);
    assert_int_equal(dir_remove_tree(top_fd, "deep", &e), 0);
    assert_int_equal(faccessat(top_fd, "deep", F_OK, 0), -1);
}

static void surplus_descriptors_are_closed(void **unused)
{
    const int fds[3] = {0, 1, 2};
    int pair[2] = {-1, -1};
    int got[1] = {-1};
    char byte = 'x';
    size_t count = 9;
    int next = -1;
    int again = -1;

    (void)unused;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    next = dup(0);
    (void)close(next);
    assert_int_equal(fd_send(pair[0], &byte, 1, fds, 3), 0);
    assert_int_equal(fd_recv(pair[1], &byte, 1, got, 1, &count), 1);
    assert_int_equal(count, 1);
    assert_int_equal(got[0], next);
    again = dup(0);
    assert_int_equal(again, next + 1);
    (void)close(again);
    (void)close(got[0]);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static int is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void what_is_kept_and_what_is_closed(void **unused)
{
    pid_t pid = fork();
    int status = 0;

    (void)unused;
    if (pid == 0) {
        int keep[2] = {40, 20};
        int ok = dup2(0, 20) == 20 && dup2(0, 30) == 30 && dup2(0, 40) == 40 && dup2(0, 50) == 50;

        fd_close_except(keep, 2);
        ok = ok && is_open(20) && !is_open(30) && is_open(40) && !is_open(50) && is_open(2);
        /* Inherited ones are those without close-on-exec. */
        ok = ok && fd_cloexec(20, 1) == 0;
        fd_close_inherited();
        _exit(ok && is_open(20) && !is_open(40) && is_open(0) ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void a_memory_file_is_sealed(void **unused)
{
    struct err e = {0};
    autoclose int fd = -1;
    char byte = 0;

    (void)unused;
    assert_int_equal(fd_memfd("test", "abc", 3, &fd, &e), 0);
    assert_int_equal(read(fd, &byte, 1), 1);
    assert_int_equal(byte, 'a');
    assert_int_equal(write(fd, "x", 1), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_replaced_whole),
        cmocka_unit_test(a_file_is_written_wherever_its_name_leads),
        cmocka_unit_test(links_and_large_files_are_not_read),
        cmocka_unit_test(a_tree_goes_whatever_its_modes_and_no_further),
        cmocka_unit_test(deep_trees_go_without_deep_descriptors),
        cmocka_unit_test(deep_trees_go_whatever_they_are_called),
        cmocka_unit_test(surplus_descriptors_are_closed),
        cmocka_unit_test(what_is_kept_and_what_is_closed),
        cmocka_unit_test(a_memory_file_is_sealed),
    };

    return cmocka_run_group_tests(tests, make_top, remove_top);
}
