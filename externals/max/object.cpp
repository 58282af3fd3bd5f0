// Translates between Max's functions and those of a player, and nothing else.
#include "object.h"

#include <algorithm>
#include <cstdio>
#include <exception>

#include "atoms.h"
#include "player.h"

namespace timbrel::max {
namespace {

// Max allocates objects as plain memory; what has constructors lives behind the pointer.
struct Object {
    t_pxobject base;  // first, as Max demands
    Player* player;
};

t_class* object_class = nullptr;
Kind object_kind = Kind::single;
const char* object_name = nullptr;

// Of the buffer that Max gives to `assist`.
constexpr size_t kAssistanceSize = 512;

void tick(Object* x) {
    x->player->tick();
}

void listen(Object* x) {
    x->player->listen();
}

// ---- creation ----

void* create(t_symbol*, long count, t_atom* atoms) {
    auto* x = static_cast<Object*>(object_alloc(object_class));
    if (!x)
        return nullptr;
    auto* object = reinterpret_cast<t_object*>(x);
    x->player = nullptr;
    const long words = std::min(count, attr_args_offset(static_cast<short>(count), atoms));
    const host::Form form = object_kind == Kind::mcs ? host::Form::examples : host::Form::channels;
    try {
        x->player = new Player(object, object_kind,
                               host::parse_arguments(object_name, form, values_of(words, atoms)));
    } catch (const std::exception& problem) {
        object_error(object, "%s", problem.what());
    }
    const Shape shape = x->player ? x->player->shape() : Shape{object_kind, 0, 0, 0, 0};
    dsp_setup(&x->base, shape.inlets());
    if (!x->player) {
        object_free(object);
        return nullptr;
    }
    const bool multichannel = object_kind != Kind::single;
    if (multichannel)
        x->base.z_misc |= Z_MC_INLETS;
    // From right to left.
    void* reports = outlet_new(x, nullptr);
    object_obex_store(x, gensym("dumpout"), static_cast<t_object*>(reports));
    for (int i = 0; i < shape.outlets(); ++i)
        outlet_new(x, multichannel ? "multichannelsignal" : "signal");
    x->player->start(reports, as_method(tick), as_method(listen));
    attr_args_process(x, static_cast<short>(count), atoms);
    return x;
}

void destroy(Object* x) {
    // First, as the audio must not run through what goes away.
    dsp_free(&x->base);
    delete x->player;
}

// ---- messages ----

void anything(Object* x, t_symbol* selector, long count, t_atom* atoms) {
    x->player->say(selector->s_name, count, atoms);
}

void bang(Object* x) {
    x->player->say("bang", 0, nullptr);
}

t_max_err notify(Object* x, t_symbol* name, t_symbol* message, void* sender, void* data) {
    if (x->player)
        x->player->notify(name, message, sender, data);
    return MAX_ERR_NONE;
}

void assist(Object* x, void*, long side, long index, char* text) {
    constexpr long kInlets = 1;
    std::snprintf(text, kAssistanceSize, "%s",
                  x->player->assistance(side == kInlets, index).c_str());
}

t_max_err get_attribute(Object* x, void* attribute, long* count, t_atom** atoms) {
    char allocated = 0;
    const t_max_err problem = atom_alloc(count, atoms, &allocated);
    if (problem == MAX_ERR_NONE)
        **atoms = x->player->attribute(index_of(attribute));
    return problem;
}

t_max_err set_attribute(Object* x, void* attribute, long count, t_atom* atoms) {
    x->player->set_attribute(index_of(attribute), count, atoms);
    return MAX_ERR_NONE;
}

// ---- signals ----

void perform(Object* x, t_object*, double** ins, long in_count, double** outs, long out_count,
             long frames, long, void*) {
    x->player->perform(ins, in_count, outs, out_count, frames);
}

void perform_silence(Object*, t_object*, double**, long, double** outs, long out_count, long frames,
                     long, void*) {
    Player::silence(outs, out_count, frames);
}

void dsp64(Object* x, t_object* chain, short*, double sample_rate, long vector_size, long) {
    const bool prepared = x->player->prepare(chain, sample_rate, vector_size);
    auto* routine = reinterpret_cast<void*>(prepared ? perform : perform_silence);
    dsp_add64(chain, reinterpret_cast<t_object*>(x), reinterpret_cast<t_perfroutine64>(routine), 0,
              nullptr);
}

long multichanneloutputs(Object* x, long) {
    return x->player->output_channels();
}

long inputchanged(Object* x, long inlet, long channels) {
    return x->player->input_changed(inlet, channels);
}

}  // namespace

void register_class(const char* name, Kind kind) {
    object_kind = kind;
    object_name = name;
    t_class* c =
        class_new(name, as_method(create), as_method(destroy), sizeof(Object), nullptr, A_GIMME, 0);
    class_addmethod(c, as_method(dsp64), "dsp64", A_CANT, 0);
    class_addmethod(c, as_method(assist), "assist", A_CANT, 0);
    class_addmethod(c, as_method(notify), "notify", A_CANT, 0);
    class_addmethod(c, as_method(bang), "bang", 0);
    class_addmethod(c, as_method(anything), "anything", A_GIMME, 0);
    if (kind != Kind::single) {
        class_addmethod(c, as_method(multichanneloutputs), "multichanneloutputs", A_CANT, 0);
        class_addmethod(c, as_method(inputchanged), "inputchanged", A_CANT, 0);
    }
    class_addmethod(c, as_method(object_obex_dumpout), "dumpout", A_CANT, 0);
    class_dspinit(c);
    // After class_dspinit(), whose own `enable` is for being muted.
    add_attributes(c, kind != Kind::single, as_method(get_attribute), as_method(set_attribute));
    class_register(gensym("box"), c);
    object_class = c;
}

}  // namespace timbrel::max
