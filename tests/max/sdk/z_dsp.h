#ifndef TIMBREL_TESTS_MAX_Z_DSP_H
#define TIMBREL_TESTS_MAX_Z_DSP_H

#include "ext.h"

enum { Z_NO_INPLACE = 1, Z_MC_INLETS = 32 };

typedef struct t_pxobject {
    t_object z_ob;
    long z_in;
    void* z_proxy;
    long z_disabled;
    short z_count;
    short z_misc;
} t_pxobject;

typedef struct _dspchain t_dspchain;
typedef void (*t_perfroutine64)(t_object* x, t_object* chain, double** ins, long in_count,
                                double** outs, long out_count, long frames, long flags,
                                void* parameter);

#define dsp_setup z_dsp_setup
#define dsp_free z_dsp_free

#ifdef __cplusplus
extern "C" {
#endif

void class_dspinit(t_class* c);
void z_dsp_setup(t_pxobject* x, long signals);
void z_dsp_free(t_pxobject* x);
void dsp_add64(t_object* chain, t_object* x, t_perfroutine64 function, long flags, void* parameter);
t_dspchain* dspchain_fromobject(t_object* x);
void dspchain_setbroken(t_dspchain* chain);

#ifdef __cplusplus
}
#endif

#endif
