/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `rbox system df -v`: what each image, container and volume takes. */
#ifndef RBOX_CLI_DF_DETAILS_H
#define RBOX_CLI_DF_DETAILS_H

#include "base/err.h"
#include "image/store.h"

/* Print the three tables. */
int df_details(const struct store *store, struct err *e);

#endif
