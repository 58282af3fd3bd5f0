/* The part of Max's C interface that nn~ uses, declared as the SDK's headers declare it (layouts
 * and signatures for 64-bit systems), so that the objects can be built and tested without them. See
 * ../ASSUMPTIONS.md for what is assumed of the functions behind. */
#ifndef TIMBREL_TESTS_MAX_EXT_H
#define TIMBREL_TESTS_MAX_EXT_H

#include <stdint.h>

#if defined(_WIN32)
#define C74_EXPORT __declspec(dllexport)
#else
#define C74_EXPORT __attribute__((visibility("default")))
#endif

typedef intptr_t t_ptr_int;
typedef t_ptr_int t_atom_long;
typedef t_atom_long t_max_err;
typedef double t_atom_float;
typedef uint32_t t_fourcc;

enum { MAX_ERR_NONE = 0, MAX_ERR_GENERIC = -1 };
enum { MAX_PATH_CHARS = 2048, MAX_FILENAME_CHARS = 512 };

typedef void* (*method)(void*);
typedef void t_outlet;
typedef void t_inlet;
typedef void t_qelem;
typedef void t_clock;

typedef struct symbol {
    char* s_name;
    struct object* s_thing;
} t_symbol;

typedef struct object {
    struct messlist* o_messlist;
    t_ptr_int o_magic;
    t_inlet* o_inlet;
    t_outlet* o_outlet;
} t_object;

typedef struct maxclass t_class;
typedef struct _atomarray t_atomarray;
typedef struct _dictionary t_dictionary;

enum { A_NOTHING = 0, A_LONG, A_FLOAT, A_SYM, A_OBJ, A_GIMME = 8, A_CANT, A_DEFER = 0x41 };

union word {
    t_atom_long w_long;
    t_atom_float w_float;
    t_symbol* w_sym;
    t_object* w_obj;
};

typedef struct atom {
    short a_type;
    union word a_w;
} t_atom;

enum { PATH_STYLE_NATIVE = 1 };
enum { PATH_TYPE_ABSOLUTE = 1, PATH_TYPE_BOOT = 3 };

#ifdef __cplusplus
extern "C" {
#endif

t_symbol* gensym(const char* name);
void object_post(t_object* x, const char* format, ...);
void object_error(t_object* x, const char* format, ...);

t_class* class_new(const char* name, const method create, const method destroy, long size,
                   const method menu, short type, ...);
t_max_err class_addmethod(t_class* c, const method function, const char* name, ...);
t_max_err class_addattr(t_class* c, t_object* attribute);
t_max_err class_attr_addattr_atoms(t_class* c, const char* attribute, const char* name,
                                   t_symbol* type, long flags, long count, t_atom* atoms);
t_max_err class_register(t_symbol* name_space, t_class* c);
t_object* attr_offset_new(const char* name, const t_symbol* type, long flags, const method get,
                          const method set, long offset);
long attr_args_offset(short count, t_atom* atoms);
void attr_args_process(void* x, short count, t_atom* atoms);
t_max_err atom_alloc(long* count, t_atom** atoms, char* allocated);

void* object_alloc(t_class* c);
t_max_err object_free(void* x);
void* object_method_imp(void* x, void* name, void* p1, void* p2, void* p3, void* p4, void* p5,
                        void* p6, void* p7, void* p8);
t_max_err object_obex_store(void* x, t_symbol* key, t_object* value);
t_max_err object_obex_lookup(void* x, t_symbol* key, t_object** value);
void object_obex_dumpout(void* x, t_symbol* name, long count, t_atom* atoms);

void* outlet_new(void* x, const char* type);
void* outlet_anything(t_outlet* x, t_symbol* name, short count, t_atom* atoms);

t_clock* clock_new(void* object, method function);
void clock_fdelay(t_clock* x, double ms);
void* qelem_new(void* object, method function);
void qelem_set(t_qelem* x);
void qelem_free(t_qelem* x);
short systhread_ismainthread(void);

short locatefile_extended(char* name, short* folder, t_fourcc* type, const t_fourcc* types,
                          short type_count);
t_max_err path_toabsolutesystempath(const short folder, const char* file, char* path);
short path_nameconform(const char* from, char* to, long style, long type);

#ifdef __cplusplus
}
#endif

#endif
