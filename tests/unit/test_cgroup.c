/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Figures, their words, and the saved form (issue 6). Real cgroups: tests/cgroup and the VM. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "box/cgroup.h"
#include "sys/dir.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A folder with the given files in the place of a cgroup. */
static int make_folder(const char *const (*files)[2], size_t count, char *ret_path)
{
    struct err e = {0};
    int fd = -1;

    (void)strcpy(ret_path, "/tmp/rbox-cgroup-XXXXXX");
    assert_non_null(mkdtemp(ret_path));
    fd = open(ret_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(file_write(fd, files[i][0], files[i][1], strlen(files[i][1]), 0, &e), 0);
    }
    return fd;
}

static void remove_folder(const char *path)
{
    struct err e = {0};

    assert_int_equal(dir_remove_tree(AT_FDCWD, path, &e), 0);
}

static void figures_are_read_from_their_files(void **unused)
{
    static const char *const files[][2] = {
        {"memory.current", "4096\n"},
        {"memory.max", "max\n"},
        {"memory.events", "low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 0\n"},
        {"pids.max", "64\n"},
        {"pids.events", "max 9\n"},
        {"cpu.stat", "usage_usec 30\nuser_usec 10\nsystem_usec 20\nnr_periods 5\n"},
        {"io.stat", "8:0 rbytes=100 wbytes=10 rios=1 wios=2 dbytes=0\n8:16 rbytes=5 wbytes=1\n"},
        {"memory.pressure",
         "some avg10=0.00 avg60=0.00 avg300=0.00 total=77\nfull avg10=0.00 total=5\n"},
    };
    char path[64];
    autoclose int fd = make_folder(files, sizeof(files) / sizeof(files[0]), path);
    struct cgroup_figures f;

    (void)unused;
    cgroup_figures_read(fd, &f);
    remove_folder(path);
    assert_int_equal(f.memory_bytes, 4096);
    assert_true(f.memory_max_bytes == CGROUP_UNKNOWN);
    assert_true(f.memory_peak_bytes == CGROUP_UNKNOWN);
    assert_int_equal(f.memory_exhausted, 3);
    assert_int_equal(f.oom_kills, 2);
    assert_int_equal(f.pids_max, 64);
    assert_int_equal(f.pids_refused, 9);
    assert_int_equal(f.cpu_us, 30);
    assert_int_equal(f.cpu_system_us, 20);
    assert_true(f.cpu_throttled_us == CGROUP_UNKNOWN);
    assert_int_equal(f.io_read_bytes, 105);
    assert_int_equal(f.io_write_bytes, 11);
    assert_int_equal(f.io_reads, 1);
    assert_int_equal(f.pressure_memory_us, 77);
}

static void without_a_cgroup_all_is_unknown(void **unused)
{
    struct cgroup_figures f;

    (void)unused;
    cgroup_figures_read(-1, &f);
    assert_true(f.cpu_us == CGROUP_UNKNOWN && f.pressure_io_us == CGROUP_UNKNOWN);
    assert_null(cgroup_explain(&f));
}

static void a_kill_is_explained(void **unused)
{
    struct cgroup_figures f;
    autofree char *text = NULL;
    autofree char *forks = NULL;

    (void)unused;
    cgroup_figures_read(-1, &f);
    f.oom_kills = 1;
    f.memory_max_bytes = 5 << 20;
    f.memory_peak_bytes = (5 << 20) - (100 << 10);
    text = cgroup_explain(&f);
    assert_string_equal(text, "out of memory: limit 5 MiB, peak 4.9 MiB, 1 process killed");
    f.oom_kills = 0;
    f.pids_refused = 3;
    f.pids_max = 64;
    forks = cgroup_explain(&f);
    assert_string_equal(forks, "out of processes: limit 64, 3 forks refused");
}

static void a_kill_by_the_host_does_not_blame_the_limit(void **unused)
{
    struct cgroup_figures f;
    autofree char *limited = NULL;
    autofree char *unlimited = NULL;
    autofree char *inside = NULL;

    (void)unused;
    cgroup_figures_read(-1, &f);
    f.oom_kills = 2;
    f.memory_exhausted = 0;
    f.memory_peak_bytes = 3 << 20;
    unlimited = cgroup_explain(&f);
    assert_string_equal(unlimited, "out of memory: of the host, or of a cgroup above, peak 3 MiB, "
                                   "2 processes killed");
    f.memory_exhausted = 2;
    inside = cgroup_explain(&f);
    assert_string_equal(inside, "out of memory: limit of a cgroup inside, peak 3 MiB, "
                                "2 processes killed");
    f.memory_exhausted = 0;
    f.memory_max_bytes = 5 << 20;
    limited = cgroup_explain(&f);
    assert_string_equal(limited,
                        "out of memory: of the host, or of a cgroup above (the container's "
                        "limit is 5 MiB), 2 processes killed");
}

static void a_life_is_explained_without_those_before(void **unused)
{
    struct cgroup_figures none = {0};
    struct cgroup_figures then;
    struct cgroup_figures f;
    autofree char *first = NULL;
    autofree char *second = NULL;

    (void)unused;
    cgroup_figures_read(-1, &f);
    f.oom_kills = f.memory_exhausted = 2;
    f.memory_max_bytes = f.memory_peak_bytes = 5 << 20;
    f.pids_refused = 0;
    f.pids_max = 64;
    then = f;
    cgroup_figures_since(&none, &f);
    first = cgroup_explain(&f);
    assert_string_equal(first, "out of memory: limit 5 MiB, peak 5 MiB, 2 processes killed");
    f = then;
    f.pids_refused = 1;
    cgroup_figures_since(&then, &f);
    assert_int_equal(f.oom_kills, 0);
    second = cgroup_explain(&f);
    assert_string_equal(second, "out of processes: limit 64, 1 fork refused");
    assert_true(f.cpu_us == CGROUP_UNKNOWN);
    cgroup_figures_read(-1, &then);
    cgroup_figures_since(&then, &f);
    assert_int_equal(f.pids_refused, 1);
}

/* Without a cgroup.kill, as before Linux 5.14. */
static void a_kill_reaches_the_folders_below(void **unused)
{
    char path[64];
    autoclose int fd = make_folder((const char *const[][2]){{"cgroup.procs", ""}}, 1, path);
    autoclose int a_fd = -1;
    autoclose int b_fd = -1;
    autofree char *line = NULL;
    struct err e = {0};
    int status = 0;
    pid_t pid = fork();

    (void)unused;
    if (pid == 0) {
        (void)pause();
        _exit(0);
    }
    line = xasprintf("%d\n", (int)pid);
    assert_int_equal(dir_make(fd, "a", 0755, &a_fd, &e), 0); /* no file: as one of threads */
    assert_int_equal(dir_make(fd, "b", 0755, &b_fd, &e), 0);
    assert_int_equal(file_write(b_fd, "cgroup.procs", line, strlen(line), 0, &e), 0);
    assert_int_equal(cgroup_kill(fd), -EAGAIN); /* only the kernel would take it off the list */
    remove_folder(path);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void what_is_saved_is_loaded(void **unused)
{
    char path[64];
    autoclose int fd = make_folder(NULL, 0, path);
    autocgroup struct cgroup saved = CGROUP_INIT;
    autocgroup struct cgroup loaded = CGROUP_INIT;
    autocgroup struct cgroup none = CGROUP_INIT;
    struct err e = {0};

    (void)unused;
    assert_int_equal(cgroup_load(fd, &none, &e), 0); /* no file: no cgroup */
    assert_int_equal(none.way, CGROUP_NONE);
    saved.nproc_limit = 64;
    cgroup_note_limit(&saved, "--pids-limit", "20", "rlimit", 1);
    cgroup_note_limit(&saved, "--pids-limit", "64", "rlimit", 1);
    cgroup_note_limit(&saved, "--memory", "5242880", NULL, 0);
    assert_int_equal(cgroup_save(&saved, fd, &e), 0);
    assert_int_equal(cgroup_load(fd, &loaded, &e), 0);
    remove_folder(path);
    assert_int_equal(loaded.nproc_limit, 64);
    assert_int_equal(loaded.limit_count, 2);
    assert_string_equal(loaded.limits[0].asked, "64");
    assert_string_equal(loaded.limits[0].enforced_by, "rlimit");
    assert_null(loaded.limits[1].enforced_by);
    assert_int_equal(loaded.box_fd, -1);
}

static void a_damaged_file_is_an_error(void **unused)
{
    static const char *const files[][2] = {{"cgroup.json", "{\"Way\":\"systemd\"}"}};
    char path[64];
    autoclose int fd = make_folder(files, 1, path);
    autocgroup struct cgroup c = CGROUP_INIT;
    struct err e = {0};

    (void)unused;
    assert_int_equal(cgroup_load(fd, &c, &e), -EINVAL);
    remove_folder(path);
}

static void a_cgroup_is_made_only_where_asked(void **unused)
{
    struct spec s = {0};

    (void)unused;
    s.linux_.resources = (struct spec_resources){.memory_max_bytes = -1,
                                                 .memory_swap_max_bytes = -1,
                                                 .memory_low_bytes = -1,
                                                 .cpu_quota_us = -1,
                                                 .cpu_period_us = -1,
                                                 .cpu_shares = -1,
                                                 .pids_max = 2048,
                                                 .io_weight = -1};
    assert_false(cgroup_wanted(&s));
    s.box.detach = 1;
    assert_true(cgroup_wanted(&s));
    s.box.cgroups = (char[]){"disabled"};
    assert_false(cgroup_wanted(&s));
    s.linux_.resources.pids_asked = 1;
    assert_true(cgroup_wanted(&s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_read_from_their_files),
        cmocka_unit_test(without_a_cgroup_all_is_unknown),
        cmocka_unit_test(a_kill_is_explained),
        cmocka_unit_test(a_kill_by_the_host_does_not_blame_the_limit),
        cmocka_unit_test(a_life_is_explained_without_those_before),
        cmocka_unit_test(a_kill_reaches_the_folders_below),
        cmocka_unit_test(what_is_saved_is_loaded),
        cmocka_unit_test(a_damaged_file_is_an_error),
        cmocka_unit_test(a_cgroup_is_made_only_where_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
