/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rbox: from the command line to an exit code. The only place of the program that prints an error.
 */
#include "base/err.h"
#include "base/exitcode.h"
#include "cli/cmd.h"

#include <errno.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct ctx ctx = {0};
    struct err e = {0};
    int r = cmd_main(&ctx, argc, argv, &e);

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
