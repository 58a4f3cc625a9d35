/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rbox: from the command line to an exit code. The only place of the program that prints an error.
 */
#include "base/cleanup.h"
#include "base/err.h"
#include "base/exitcode.h"
#include "base/mem.h"
#include "cli/cmd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Called rbox-oci it is `rbox oci`: podman --runtime takes a program, and no words. NULL: it is
 * not. The caller frees the list. */
static char **runtime_words(int argc, char **argv)
{
    static char word[] = "oci";
    char **words = NULL;

    if (argc < 1 || strcmp(basename(argv[0]), "rbox-oci") != 0) {
        return NULL;
    }
    words = xcalloc((size_t)argc + 2, sizeof(*words));
    words[0] = argv[0];
    words[1] = word;
    memcpy(words + 2, argv + 1, (size_t)argc * sizeof(*argv)); /* with the NULL */
    return words;
}

int main(int argc, char **argv)
{
    struct ctx ctx = {0};
    struct err e = {0};
    autofree char **words = runtime_words(argc, argv);
    int r = 0;

    /* Where the caller ignores it, no child's status is to be had. */
    (void)signal(SIGCHLD, SIG_DFL);
    r = words != NULL ? cmd_main(&ctx, argc + 1, words, &e) : cmd_main(&ctx, argc, argv, &e);
    ctx_done(&ctx);
    if (fflush(stdout) != 0 && r == 0) {
        r = err_set(&e, errno, "cannot write to standard output");
    }
    if (r < 0) {
        err_print(&e, "rbox");
        return e.exit_code != 0 ? e.exit_code : EXITCODE_RBOX;
    }
    return r;
}
