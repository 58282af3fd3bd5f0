// [nn~ model method buffer]: translates between Pure Data and the engine, and nothing else.
#include <m_pd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "atoms.h"
#include "engine_library.h"
#include "model_search.h"
#include "multichannel.h"
#include "offline.h"
#include "player.h"
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
    std::string name;  // of the model in the box, then of the one that is heard
    bool multichannel = false;
    std::unique_ptr<Player> player;
    std::vector<const t_sample*> inputs;
    std::vector<t_sample*> outputs;
    Offline offline = Offline::automatic;
    int cable = 0;  // channels of the outlet, when DSP was built last
    // False once the object is gone, which may happen while it speaks.
    std::shared_ptr<bool> alive = std::make_shared<bool>(true);

    ~State() { *alive = false; }
};

struct Object {
    t_object pd;
    t_float unused_scalar;  // what Pd needs a signal inlet to have
    State* state;
    t_outlet* reports;  // null until all of the object is there
    t_clock* clock;
};

#if PD_FLOATSIZE == 32
constexpr auto process_function = &timbrel_api::stream_process_f32;
constexpr auto blocking_function = &timbrel_api::stream_process_blocking_f32;
#else
constexpr auto process_function = &timbrel_api::stream_process_f64;
constexpr auto blocking_function = &timbrel_api::stream_process_blocking_f64;
#endif

// ---- signals ----

t_int* perform(t_int* arguments) {
    State& state = *reinterpret_cast<Object*>(arguments[1])->state;
    timbrel_stream* stream = state.player->stream();
    const auto function = api->stream_waits(stream) ? blocking_function : process_function;
    (api->*function)(stream, state.inputs.data(), state.outputs.data(),
                     static_cast<int>(arguments[2]));
    return arguments + 3;
}

void decide_waiting(const State& state) {
    const bool automatic = state.offline == Offline::automatic && runs_offline();
    api->stream_set_offline(state.player->stream(), automatic || state.offline == Offline::always);
}

// The channels of one cable are the model's; fewer than it has inputs are used again.
void connect_cables(State& state, t_signal** signals) {
    const t_signal& in = *signals[0];
    const int vector = in.s_n, channels = channels_of(in);
    for (size_t i = 0; i < state.inputs.size(); ++i)
        state.inputs[i] = in.s_vec + static_cast<int>(i) % channels * vector;
    state.cable = state.player->out_channels();
    set_channels(&signals[1], state.cable);
    for (size_t i = 0; i < state.outputs.size(); ++i) {
        const int channel = static_cast<int>(i);
        state.outputs[i] = channel < state.cable ? signals[1]->s_vec + channel * vector : nullptr;
    }
}

void connect_singly(State& state, t_signal** signals) {
    t_signal** next = signals + (state.inputs.empty() ? 1 : 0);
    for (const t_sample*& input : state.inputs)
        input = (*next++)->s_vec;
    for (t_sample*& output : state.outputs) {
        set_channels(next, 1);
        output = (*next++)->s_vec;
    }
}

void dsp(Object* x, t_signal** signals) {
    State& state = *x->state;
    const int vector = signals[0]->s_n;
    // The signal's own rate: a canvas may be resampled by [block~].
    const timbrel_stream_config config{signals[0]->s_sr, vector, 0};
    const Width width = state.player->width();
    state.inputs.resize(static_cast<size_t>(width.inlets));
    state.outputs.resize(static_cast<size_t>(width.outlets));
    if (state.multichannel) {
        connect_cables(state, signals);
    } else {
        connect_singly(state, signals);
    }
    char error[TIMBREL_ERROR_SIZE];
    if (api->stream_prepare(state.player->stream(), &config, error, sizeof(error)) != 0) {
        pd_error(x, "nn~: %s: %s", state.name.c_str(), error);
        // Pd does not clear them: left alone, they play what another object wrote there.
        for (t_sample* output : state.outputs) {
            if (output)
                dsp_add_zero(output, vector);
        }
        return;
    }
    decide_waiting(state);
    dsp_add(perform, 2, x, static_cast<t_int>(vector));
}

// ---- what there is to say ----

void report(Object* x, const char* selector, std::vector<t_atom> atoms) {
    if (x->reports)
        outlet_anything(x->reports, gensym(selector), static_cast<int>(atoms.size()), atoms.data());
}

// A line for a person, on the console; and out of the right outlet, for a patch that can do
// something about it.
void tell(Object* x, bool is_error, const std::string& line) {
    const std::string whole =
        "nn~: " + (line.starts_with(x->state->name) ? "" : x->state->name + ": ") + line;
    if (is_error) {
        pd_error(x, "%s", whole.c_str());
    } else {
        logpost(x, PD_NORMAL, "%s", whole.c_str());
    }
    t_atom atom;
    SETSYMBOL(&atom, gensym(line.c_str()));
    report(x, is_error ? "error" : "notice", {atom});
}

// A patch may delete the object in answer. False: it has.
bool tell_events(Object* x) {
    State& state = *x->state;
    const std::shared_ptr<bool> alive = state.alive;
    while (*alive) {
        const timbrel_event* event = state.player->event();
        if (!event)
            return true;
        const std::string selector = event->selector;
        if (selector == "error" || selector == "notice") {
            tell(x, selector == "error", event->atoms[0].text);
            continue;
        }
        const timbrel_atom* named = std::find_if(event->atoms, event->atoms + event->count,
                                                 [](const timbrel_atom& a) { return a.text; });
        if (selector == "loaded" && named != event->atoms + event->count)
            state.name = named->text;
        report(x, selector.c_str(), pd_atoms(*event));
    }
    return false;
}

void poll(Object* x) {
    clock_delay(x->clock, kEventPollMs);
    if (!tell_events(x))
        return;
    const State& state = *x->state;
    const bool another = state.player->settle();
    // The host learns of channels when its DSP graph is built, and not before.
    if (another || (state.multichannel && state.cable &&
                    state.cable != std::max(state.player->out_channels(), 1)))
        canvas_update_dsp();
}

// ---- messages ----

void send(Object* x, const char* selector, std::shared_ptr<const EngineAtoms> atoms) {
    std::string error;
    if (!x->state->player->send(selector, std::move(atoms), error))
        tell(x, true, error);
}

template <typename... Values>
void send_values(Object* x, const char* selector, const Values&... values) {
    auto atoms = std::make_shared<EngineAtoms>();
    (atoms->add(values), ...);
    send(x, selector, std::move(atoms));
}

// Everything that the engine understands, which has the table of it.
void anything(Object* x, t_symbol* selector, int count, t_atom* arguments) {
    const std::shared_ptr<bool> alive = x->state->alive;
    auto atoms = std::make_shared<EngineAtoms>();
    for (int i = 0; i < count; ++i)
        atoms->add(arguments[i]);
    send(x, selector->s_name, std::move(atoms));
    if (*alive)
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
        tell(x, true, problem);
        return;
    }
    t_atom file;
    SETSYMBOL(&file, gensym(path.c_str()));
    anything(x, selector, 1, &file);
}

void offline(Object* x, t_symbol*, int count, t_atom* arguments) {
    State& state = *x->state;
    if (count == 1 && arguments->a_type == A_FLOAT) {
        state.offline = atom_getfloat(arguments) != 0 ? Offline::always : Offline::never;
    } else if (count == 1 && atom_getsymbol(arguments) == gensym("auto")) {
        state.offline = Offline::automatic;
    } else {
        tell(x, true, "usage: offline 0/1/auto");
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
    tell(x, true,
         x->state->name + " has no method '" + wanted + "', using '" + chosen->name +
             "' (it has: " + list + ")");
    return *chosen;
}

bool make_player(Object* x, Width width) {
    State& state = *x->state;
    std::string problem;
    state.player = Player::make(*api, width, state.multichannel, problem);
    if (!state.player)
        tell(x, true, problem);
    return state.player != nullptr;
}

// Asks for the model, which plays as soon as it is there. How many inlets and outlets it needs is
// known beforehand, from the file itself or from the last time; else it is loaded here for that.
bool open_model(Object* x, const Arguments& arguments) {
    State& state = *x->state;
    std::string problem;
    const std::string path = find_model(state.canvas, arguments.model, problem);
    if (path.empty()) {
        tell(x, true, problem);
        return false;
    }
    char error[TIMBREL_ERROR_SIZE];
    timbrel_model* model = api->model_outline(path.c_str());
    if (!model)
        model = api->model_open(path.c_str(), error, sizeof(error));
    if (!model) {
        tell(x, true, error);
        return false;
    }
    const timbrel_model_info& info = *api->model_info(model);
    const timbrel_method_info& method = choose_method(x, info, arguments.method);
    const Width width =
        state.multichannel ? widest(info) : Width{method.in_channels, method.out_channels};
    if (make_player(x, width)) {
        send_values(x, "load", path);
        send_values(x, "method", std::string(method.name));
    }
    api->model_release(model);
    return state.player != nullptr;
}

bool open(Object* x, const Arguments& arguments) {
    std::string problem;
    api = engine(problem);
    if (!api) {
        tell(x, true, problem);
        return false;
    }
    const bool opened = arguments.model.empty()
                            ? make_player(x, {arguments.inlets, arguments.outlets})
                            : open_model(x, arguments);
    if (!opened)
        return false;
    if (arguments.buffer != TIMBREL_BUFFER_DEFAULT)
        send_values(x, "buffer", static_cast<double>(arguments.buffer));
    if (arguments.gpu)
        send_values(x, "gpu", 1.0);
    if (!arguments.enabled)
        send_values(x, "enable", 0.0);
    return true;
}

void add_inlets_and_outlets(Object* x) {
    const State& state = *x->state;
    const Width width = state.multichannel ? Width{1, 1} : state.player->width();
    for (int i = 1; i < width.inlets; ++i)
        signalinlet_new(&x->pd, 0);
    for (int i = 0; i < width.outlets; ++i)
        outlet_new(&x->pd, &s_signal);
    x->reports = outlet_new(&x->pd, &s_anything);
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
    x->reports = nullptr;
    State& state = *x->state;
    state.canvas = canvas_getcurrent();
    const Arguments arguments = parse_arguments(count, atoms);
    state.name = arguments.model.empty() ? "void" : arguments.model;
    if (state.name.ends_with(".ts"))
        state.name.resize(state.name.size() - 3);
    for (const std::string& complaint : arguments.complaints)
        pd_error(x, "nn~: %s", complaint.c_str());
    state.multichannel = arguments.multichannel && has_multichannel();
    if (arguments.multichannel && !state.multichannel)
        pd_error(x, "nn~: -m needs Pd 0.54 or later; an inlet and an outlet per channel instead");
    if (!open(x, arguments)) {
        pd_free(&x->pd.ob_pd);
        return nullptr;
    }
    add_inlets_and_outlets(x);
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
                         as_method(destroy), sizeof(Object), CLASS_DEFAULT | multichannel_flag(),
                         A_GIMME, A_NULL);
    CLASS_MAINSIGNALIN(nn_class, Object, unused_scalar);
    class_addmethod(nn_class, as_method(dsp), gensym("dsp"), A_CANT, A_NULL);
    class_addmethod(nn_class, as_method(load), gensym("load"), A_GIMME, A_NULL);
    class_addmethod(nn_class, as_method(offline), gensym("offline"), A_GIMME, A_NULL);
    class_addmethod(nn_class, as_method(help), gensym("help"), A_NULL);
    class_addbang(nn_class, as_method(bang));
    class_addanything(nn_class, as_method(anything));
}
