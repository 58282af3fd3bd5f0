// [nn~ model method buffer]: translates between Pure Data and the engine, and nothing else.
#include <m_pd.h>

#include <memory>
#include <string>
#include <vector>

#include "arguments.h"
#include "atoms.h"
#include "engine_library.h"
#include "model_search.h"
#include "offline.h"
#include "timbrel/engine.h"

using namespace timbrel::pd;

namespace {

t_class* nn_class = nullptr;
const timbrel_api* api = nullptr;

// What the engine says of itself is asked for this often. Answers to messages come at once.
constexpr double kEventPollMs = 20;

// What waiting for the model depends on.
enum class Offline { never, always, automatic };

// Pd allocates objects as plain memory; what has constructors lives here.
struct State {
    t_canvas* canvas = nullptr;
    std::string name;  // of the model in the box
    timbrel_stream* stream = nullptr;
    std::vector<const t_sample*> inputs;
    std::vector<t_sample*> outputs;
    Offline offline = Offline::automatic;
    // False once the object is gone, which may happen while it speaks.
    std::shared_ptr<bool> alive = std::make_shared<bool>(true);

    ~State() {
        *alive = false;
        if (api)
            api->stream_release(stream);
    }
};

struct Object {
    t_object pd;
    t_float unused_scalar;  // what Pd needs a signal inlet to have
    State* state;
    t_outlet* reports;
    t_clock* clock;
};

#if PD_FLOATSIZE == 32
void process(State& state, int frames) {
    if (api->stream_waits(state.stream)) {
        api->stream_process_blocking_f32(state.stream, state.inputs.data(), state.outputs.data(),
                                         frames);
    } else {
        api->stream_process_f32(state.stream, state.inputs.data(), state.outputs.data(), frames);
    }
}
#else
void process(State& state, int frames) {
    if (api->stream_waits(state.stream)) {
        api->stream_process_blocking_f64(state.stream, state.inputs.data(), state.outputs.data(),
                                         frames);
    } else {
        api->stream_process_f64(state.stream, state.inputs.data(), state.outputs.data(), frames);
    }
}
#endif

// ---- signals ----

t_int* perform(t_int* arguments) {
    process(*reinterpret_cast<Object*>(arguments[1])->state, static_cast<int>(arguments[2]));
    return arguments + 3;
}

void decide_waiting(State& state) {
    const bool automatic = state.offline == Offline::automatic && runs_offline();
    api->stream_set_offline(state.stream, automatic || state.offline == Offline::always);
}

void dsp(Object* x, t_signal** signals) {
    State& state = *x->state;
    const int vector = signals[0]->s_n;
    char error[TIMBREL_ERROR_SIZE];
    // The signal's own rate: a canvas may be resampled by [block~].
    const timbrel_stream_config config{signals[0]->s_sr, vector, 0};
    const bool prepared = api->stream_prepare(state.stream, &config, error, sizeof(error)) == 0;
    t_signal** next = signals + (state.inputs.empty() ? 1 : 0);
    for (const t_sample*& input : state.inputs)
        input = (*next++)->s_vec;
    for (t_sample*& output : state.outputs)
        output = (*next++)->s_vec;
    if (!prepared) {
        pd_error(x, "nn~: %s: %s", state.name.c_str(), error);
        // Pd does not clear them: left alone, they play what another object wrote there.
        for (t_sample* output : state.outputs)
            dsp_add_zero(output, vector);
        return;
    }
    decide_waiting(state);
    dsp_add(perform, 2, x, static_cast<t_int>(vector));
}

// ---- what the engine has to say ----

// Lines for a person go to the console, all else out of the right outlet. A patch may delete the
// object in answer.
void tell_events(Object* x) {
    State& state = *x->state;
    const std::shared_ptr<bool> alive = state.alive;
    while (const timbrel_event* event = *alive ? api->stream_event(state.stream) : nullptr) {
        const std::string selector = event->selector;
        if (selector == "error") {
            pd_error(x, "nn~: %s: %s", state.name.c_str(), event->atoms[0].text);
        } else if (selector == "notice") {
            logpost(x, PD_NORMAL, "nn~: %s: %s", state.name.c_str(), event->atoms[0].text);
        } else {
            if (selector == "loaded" && event->count > 1 && event->atoms[1].text)
                state.name = event->atoms[1].text;
            std::vector<t_atom> atoms = pd_atoms(*event);
            outlet_anything(x->reports, gensym(selector.c_str()), static_cast<int>(atoms.size()),
                            atoms.data());
        }
    }
}

void poll(Object* x) {
    clock_delay(x->clock, kEventPollMs);
    tell_events(x);
}

// ---- messages ----

bool send(Object* x, const char* selector, const EngineAtoms& atoms) {
    char error[TIMBREL_ERROR_SIZE];
    const bool understood = api->stream_send(x->state->stream, selector, atoms.data(), atoms.size(),
                                             error, sizeof(error)) == 0;
    if (!understood)
        pd_error(x, "nn~: %s: %s", x->state->name.c_str(), error);
    return understood;
}

// Everything that the engine understands, which has the table of it.
void anything(Object* x, t_symbol* selector, int count, t_atom* arguments) {
    EngineAtoms atoms;
    for (int i = 0; i < count; ++i)
        atoms.add(arguments[i]);
    send(x, selector->s_name, atoms);
    tell_events(x);
}

void bang(Object* x) {
    anything(x, gensym("bang"), 0, nullptr);
}

void load(Object* x, t_symbol* selector, int count, t_atom* arguments) {
    if (count != 1) {
        anything(x, selector, count, arguments);  // which says how it is used
        return;
    }
    std::string problem;
    const std::string path = find_model(x->state->canvas, text_of(arguments[0]), problem);
    if (path.empty()) {
        pd_error(x, "nn~: %s", problem.c_str());
        return;
    }
    EngineAtoms atoms;
    atoms.add(path);
    send(x, "load", atoms);
    tell_events(x);
}

void offline(Object* x, t_symbol*, int count, t_atom* arguments) {
    State& state = *x->state;
    if (count == 1 && arguments->a_type == A_FLOAT) {
        state.offline = atom_getfloat(arguments) != 0 ? Offline::always : Offline::never;
    } else if (count == 1 && atom_getsymbol(arguments) == gensym("auto")) {
        state.offline = Offline::automatic;
    } else {
        pd_error(x, "nn~: usage: offline 0/1/auto");
        return;
    }
    decide_waiting(state);
}

void help(Object*) {
    int32_t count = 0;
    const timbrel_message* messages = api->messages(&count);
    for (int i = 0; i < count; ++i) {
        post("nn~: %s%s%s: %s", messages[i].name, *messages[i].arguments ? " " : "",
             messages[i].arguments, messages[i].does);
    }
}

// ---- creation ----

// The method asked for, else `forward`, else the first.
const timbrel_method_info& choose_method(Object* x, const timbrel_model_info& info,
                                         const std::string& wanted) {
    std::string list;
    const timbrel_method_info* chosen = &info.methods[0];
    for (int i = 0; i < info.method_count; ++i) {
        const std::string name = info.methods[i].name;
        if (name == wanted)
            return info.methods[i];
        if (name == "forward")
            chosen = &info.methods[i];
        list += (list.empty() ? "" : ", ") + name;
    }
    pd_error(x, "nn~: %s has no method '%s', using '%s' (it has: %s)", x->state->name.c_str(),
             wanted.c_str(), chosen->name, list.c_str());
    return *chosen;
}

void create_stream(Object* x, int inlets, int outlets) {
    char error[TIMBREL_ERROR_SIZE];
    const timbrel_stream_options options{inlets, outlets, 1};
    x->state->stream = api->stream_create(&options, error, sizeof(error));
    if (!x->state->stream)
        pd_error(x, "nn~: %s", error);
    x->state->inputs.resize(static_cast<size_t>(inlets));
    x->state->outputs.resize(static_cast<size_t>(outlets));
}

// Asks for the model, which plays as soon as it is there. How many inlets and outlets it needs is
// known beforehand, from the file itself or from the last time; else it is loaded here for that.
bool open_model(Object* x, const Arguments& arguments) {
    State& state = *x->state;
    std::string problem;
    const std::string path = find_model(state.canvas, arguments.model, problem);
    if (path.empty()) {
        pd_error(x, "nn~: %s", problem.c_str());
        return false;
    }
    char error[TIMBREL_ERROR_SIZE];
    timbrel_model* model = api->model_outline(path.c_str());
    if (!model)
        model = api->model_open(path.c_str(), error, sizeof(error));
    if (!model) {
        pd_error(x, "nn~: %s", error);
        return false;
    }
    const timbrel_model_info& info = *api->model_info(model);
    const timbrel_method_info& method = choose_method(x, info, arguments.method);
    create_stream(x, method.in_channels, method.out_channels);
    if (state.stream) {
        EngineAtoms file, name, buffer;
        file.add(path);
        name.add(std::string(method.name));
        send(x, "load", file);
        send(x, "method", name);
        if (arguments.buffer != TIMBREL_BUFFER_DEFAULT) {
            buffer.add(static_cast<double>(arguments.buffer));
            send(x, "buffer", buffer);
        }
    }
    api->model_release(model);
    return state.stream != nullptr;
}

void destroy(Object* x) {
    if (x->clock)
        clock_free(x->clock);
    delete x->state;
}

void* create(t_symbol*, int count, t_atom* atoms) {
    auto* x = reinterpret_cast<Object*>(pd_new(nn_class));
    x->state = new State;
    x->clock = nullptr;
    State& state = *x->state;
    state.canvas = canvas_getcurrent();
    const Arguments arguments = parse_arguments(count, atoms);
    state.name = arguments.model.empty() ? "void" : arguments.model;
    if (state.name.ends_with(".ts"))
        state.name.resize(state.name.size() - 3);
    for (const std::string& complaint : arguments.complaints)
        pd_error(x, "nn~: %s", complaint.c_str());
    std::string problem;
    api = engine(problem);
    if (!api) {
        pd_error(x, "nn~: %s", problem.c_str());
    } else if (arguments.model.empty()) {
        create_stream(x, arguments.inlets, arguments.outlets);
    } else {
        open_model(x, arguments);
    }
    if (!state.stream) {
        pd_free(&x->pd.ob_pd);
        return nullptr;
    }
    for (size_t i = 1; i < state.inputs.size(); ++i)
        signalinlet_new(&x->pd, 0);
    for (size_t i = 0; i < state.outputs.size(); ++i)
        outlet_new(&x->pd, &s_signal);
    x->reports = outlet_new(&x->pd, &s_anything);
    x->clock = clock_new(x, reinterpret_cast<t_method>(reinterpret_cast<void*>(poll)));
    clock_delay(x->clock, 0);
    return x;
}

template <typename Function>
t_method as_method(Function* function) {
    return reinterpret_cast<t_method>(reinterpret_cast<void*>(function));
}

}  // namespace

extern "C" TIMBREL_EXPORT void nn_tilde_setup() {
    nn_class = class_new(gensym("nn~"), reinterpret_cast<t_newmethod>(as_method(create)),
                         as_method(destroy), sizeof(Object), CLASS_DEFAULT, A_GIMME, A_NULL);
    CLASS_MAINSIGNALIN(nn_class, Object, unused_scalar);
    class_addmethod(nn_class, as_method(dsp), gensym("dsp"), A_CANT, A_NULL);
    class_addmethod(nn_class, as_method(load), gensym("load"), A_GIMME, A_NULL);
    class_addmethod(nn_class, as_method(offline), gensym("offline"), A_GIMME, A_NULL);
    class_addmethod(nn_class, as_method(help), gensym("help"), A_NULL);
    class_addbang(nn_class, as_method(bang));
    class_addanything(nn_class, as_method(anything));
}
