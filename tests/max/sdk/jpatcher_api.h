#ifndef TIMBREL_TESTS_MAX_JPATCHER_API_H
#define TIMBREL_TESTS_MAX_JPATCHER_API_H

#include "ext.h"

#ifdef __cplusplus
extern "C" {
#endif

t_symbol* jpatcher_get_filepath(t_object* patcher);

#ifdef __cplusplus
}
#endif

#endif
