/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/path.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "sys/compat.h"
#include "sys/dir.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A root with links that try to leave it, and a folder beside it that nothing may reach. */
struct tree {
    char path[64];
    int top_fd;
    int root_fd;
};

static int make_tree(void **state)
{
    struct tree *t = xcalloc(1, sizeof(*t));
    struct err e = {0};
    int fd = -1;

    (void)strcpy(t->path, "/tmp/rbox-path.XXXXXX");
    assert_non_null(mkdtemp(t->path));
    t->top_fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(dir_make(t->top_fd, "root", 0755, &t->root_fd, &e), 0);
    assert_int_equal(dir_make(t->top_fd, "outside", 0755, &fd, &e), 0);
    assert_int_equal(file_write(fd, "secret", "secret", 6, 0, &e), 0);
    (void)close(fd);
    assert_int_equal(dir_make(t->root_fd, "etc", 0755, &fd, &e), 0);
    assert_int_equal(file_write(fd, "passwd", "inside", 6, 0, &e), 0);
    (void)close(fd);
    assert_int_equal(symlinkat("/etc", t->root_fd, "absolute"), 0);
    assert_int_equal(symlinkat("../../../../../etc", t->root_fd, "climbs"), 0);
    assert_int_equal(symlinkat("../outside", t->root_fd, "beside"), 0);
    assert_int_equal(symlinkat("loop", t->root_fd, "loop"), 0);
    assert_int_equal(symlinkat("/var/made", t->root_fd, "dangling"), 0);
    *state = t;
    return 0;
}

static int remove_tree(void **state)
{
    struct tree *t = *state;
    struct err e = {0};

    (void)close(t->root_fd);
    (void)close(t->top_fd);
    assert_int_equal(dir_remove_tree(AT_FDCWD, t->path, &e), 0);
    free(t);
    return 0;
}

static int content_is(int root_fd, const char *path, const char *want)
{
    autofree char *data = NULL;
    struct err e = {0};

    return path_read_in_root(root_fd, path, 100, &data, NULL, &e) == 0 && strcmp(data, want) == 0;
}

/* The checks, as a bit for each that fails, so that they can run in a child under a filter. */
static int failures(struct tree *t)
{
    struct err e = {0};
    int failed = 0;
    int fd = -1;

    failed |= !content_is(t->root_fd, "/etc/passwd", "inside") << 0;
    failed |= !content_is(t->root_fd, "absolute/passwd", "inside") << 1;
    failed |= !content_is(t->root_fd, "climbs/passwd", "inside") << 2;
    failed |= !content_is(t->root_fd, "../../etc/./passwd", "inside") << 3;
    failed |= content_is(t->root_fd, "beside/secret", "secret") << 4;
    failed |= (path_open_in_root(t->root_fd, "loop", O_RDONLY, &fd, &e) != -ELOOP) << 5;
    failed |= (path_open_no_symlinks(t->root_fd, "absolute/passwd", O_RDONLY, &fd, &e) != -ELOOP)
              << 6;
    failed |= (path_open_in_root(t->root_fd, "no/such", O_RDONLY, &fd, &e) != -ENOENT) << 7;
    failed |=
        (path_open_in_root(t->root_fd, "etc/passwd", O_PATH | O_DIRECTORY, &fd, &e) != -ENOTDIR)
        << 8;
    failed |= (path_make_file_in_root(t->root_fd, "dangling/deep/file", &fd, &e) != 0) << 9;
    failed |= (faccessat(t->root_fd, "var/made/deep/file", F_OK, AT_SYMLINK_NOFOLLOW) != 0) << 10;
    failed |= (path_make_dir_in_root(t->root_fd, "beside/dir", &fd, &e) != 0) << 11;
    failed |= (faccessat(t->root_fd, "outside/dir", F_OK, 0) != 0) << 12;
    failed |= (faccessat(t->top_fd, "outside/dir", F_OK, 0) == 0) << 13;
    return failed;
}

static void names_stay_inside(void **state)
{
    assert_int_equal(failures(*state), 0);
}

/* The same without openat2(2), as on Linux before 5.6 or under an outer container's filter. */
static void names_stay_inside_without_openat2(void **state)
{
    static struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = 4, .filter = code};
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        int failed = 0;

        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
            _exit(100);
        }
        failed = failures(*state);
        for (int bit = 0; bit < 14; bit++) {
            if ((failed >> bit & 1) != 0) {
                _exit(bit + 1);
            }
        }
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void what_is_no_small_regular_file_is_not_read(void **state)
{
    struct tree *t = *state;
    autofree char *data = NULL;
    struct err e = {0};

    assert_int_equal(mkfifoat(t->root_fd, "etc/fifo", 0644), 0);
    assert_int_equal(path_read_in_root(t->root_fd, "etc/fifo", 100, &data, NULL, &e), -EINVAL);
    assert_int_equal(path_read_in_root(t->root_fd, "etc", 100, &data, NULL, &e), -EINVAL);
    assert_int_equal(path_read_in_root(t->root_fd, "etc/passwd", 5, &data, NULL, &e), -EFBIG);
    assert_null(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_stay_inside, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(names_stay_inside_without_openat2, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(what_is_no_small_regular_file_is_not_read, make_tree,
                                        remove_tree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
