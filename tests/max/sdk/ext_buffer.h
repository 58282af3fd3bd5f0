#ifndef TIMBREL_TESTS_MAX_EXT_BUFFER_H
#define TIMBREL_TESTS_MAX_EXT_BUFFER_H

#include "ext.h"

typedef struct _buffer_ref t_buffer_ref;
typedef t_object t_buffer_obj;

#ifdef __cplusplus
extern "C" {
#endif

t_buffer_ref* buffer_ref_new(t_object* self, t_symbol* name);
void buffer_ref_set(t_buffer_ref* x, t_symbol* name);
t_atom_long buffer_ref_exists(t_buffer_ref* x);
t_buffer_obj* buffer_ref_getobject(t_buffer_ref* x);
t_max_err buffer_ref_notify(t_buffer_ref* x, t_symbol* name, t_symbol* message, void* sender,
                            void* data);
float* buffer_locksamples(t_buffer_obj* buffer);
void buffer_unlocksamples(t_buffer_obj* buffer);
t_atom_long buffer_getchannelcount(t_buffer_obj* buffer);
t_atom_long buffer_getframecount(t_buffer_obj* buffer);
t_atom_float buffer_getsamplerate(t_buffer_obj* buffer);

#ifdef __cplusplus
}
#endif

#endif
