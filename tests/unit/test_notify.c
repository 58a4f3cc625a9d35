/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a container may tell the service manager (issue 5). */
#include "box/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *said, size_t len, const char *passed)
{
    struct buf b = {0};

    notify_filter(said, len, &b);
    assert_int_equal(b.len, strlen(passed));
    assert_memory_equal(b.data != NULL ? b.data : "", passed, b.len);
    free(b.data);
}

#define CHECK(said, passed) check(said, sizeof(said) - 1, passed)

static void what_it_says_of_itself_is_passed_on(void **state)
{
    (void)state;
    CHECK("READY=1", "READY=1\n");
    CHECK("READY=1\nSTATUS=it works: a=b\nWATCHDOG=1\n",
          "READY=1\nSTATUS=it works: a=b\nWATCHDOG=1\n");
    CHECK("STOPPING=1\nERRNO=2\nEXTEND_TIMEOUT_USEC=5000000",
          "STOPPING=1\nERRNO=2\nEXTEND_TIMEOUT_USEC=5000000\n");
}

static void what_is_of_others_is_not(void **state)
{
    (void)state;
    CHECK("MAINPID=1\nREADY=1", "READY=1\n");
    CHECK("FDSTORE=1\nFDNAME=x\nNOTIFYACCESS=all\nBUSERROR=x\nWATCHDOG_USEC=1\nMAINPIDFDID=3", "");
    CHECK("READY=10\nREADY=\nready=1\n READY=1", "");
    CHECK("READY=1\0MAINPID=1", "READY=1\n");
    CHECK("\nSTATUS=a\0\nMAINPID=1", "STATUS=a\n");
    CHECK("", "");
    CHECK("\n\n", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_says_of_itself_is_passed_on),
        cmocka_unit_test(what_is_of_others_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
