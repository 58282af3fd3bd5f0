#ifndef TIMBREL_TESTS_MAX_EXT_DICTOBJ_H
#define TIMBREL_TESTS_MAX_EXT_DICTOBJ_H

#include "ext.h"

#ifdef __cplusplus
extern "C" {
#endif

t_dictionary* dictionary_new(void);
t_max_err dictionary_clear(t_dictionary* x);
t_max_err dictionary_appendlong(t_dictionary* x, t_symbol* key, t_atom_long value);
t_max_err dictionary_appendfloat(t_dictionary* x, t_symbol* key, double value);
t_max_err dictionary_appendsym(t_dictionary* x, t_symbol* key, t_symbol* value);
t_max_err dictionary_appendatoms(t_dictionary* x, t_symbol* key, long count, t_atom* atoms);
t_max_err dictionary_appenddictionary(t_dictionary* x, t_symbol* key, t_object* value);
t_dictionary* dictobj_register(t_dictionary* x, t_symbol** name);
t_dictionary* dictobj_findregistered_retain(t_symbol* name);
t_max_err dictobj_release(t_dictionary* x);

#ifdef __cplusplus
}
#endif

#endif
