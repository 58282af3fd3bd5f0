// [nn~ model method buffer]: translates between Pure Data and the engine, and nothing else.
#include <m_pd.h>

#include <cmath>
#include <string>
#include <vector>

#include "engine_library.h"
#include "model_search.h"
#include "offline.h"
#include "report.h"
#include "timbrel/engine.h"

using namespace timbrel::pd;

namespace {

t_class* nn_class = nullptr;
const timbrel_api* api = nullptr;

constexpr double kErrorPollMs = 100;

// What waiting for the model depends on.
enum class Offline { never, always, automatic };

// Pd allocates objects as plain memory; what has constructors lives here.
struct State {
    std::string name;
    timbrel_model* model = nullptr;
    timbrel_stream* stream = nullptr;
    std::vector<const t_sample*> inputs;
    std::vector<t_sample*> outputs;
    Offline offline = Offline::automatic;
    bool waits = false;
    t_float rate = 0;       // of the signals; 0 before DSP has been on
    t_float told_rate = 0;  // the rate at which a mismatch was last reported

    ~State() {
        if (!api)
            return;
        api->stream_release(stream);
        api->model_release(model);
    }

    const timbrel_model_info& info() const { return *api->model_info(model); }
    const timbrel_stream_info& layout() const { return *api->stream_info(stream); }
    const timbrel_method_info& method() const { return *layout().method; }
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
    if (state.waits) {
        api->stream_process_blocking_f32(state.stream, state.inputs.data(), state.outputs.data(),
                                         frames);
    } else {
        api->stream_process_f32(state.stream, state.inputs.data(), state.outputs.data(), frames);
    }
}
#else
void process(State& state, int frames) {
    if (state.waits) {
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
    state.waits = state.layout().blocking || state.offline == Offline::always ||
                  (state.offline == Offline::automatic && runs_offline());
}

void warn_of_rate(Object* x, t_float rate) {
    State& state = *x->state;
    const double made_for = state.info().sample_rate;
    if (made_for <= 0 || made_for == rate || state.told_rate == rate)
        return;
    state.told_rate = rate;
    logpost(x, PD_NORMAL,
            "nn~: %s was made for %g Hz and Pd runs at %g Hz: it will sound transposed",
            state.name.c_str(), made_for, static_cast<double>(rate));
}

void dsp(Object* x, t_signal** signals) {
    State& state = *x->state;
    // The signal's own rate: a canvas may be resampled by [block~].
    const t_float rate = signals[0]->s_sr;
    const int vector = signals[0]->s_n;
    char error[TIMBREL_ERROR_SIZE];
    const timbrel_stream_config config{rate, vector, 0, TIMBREL_SLACK_DEFAULT};
    const bool prepared = api->stream_prepare(state.stream, &config, error, sizeof(error)) == 0;
    t_signal** next = signals;
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
    state.rate = rate;
    decide_waiting(state);
    warn_of_rate(x, rate);
    dsp_add(perform, 2, x, static_cast<t_int>(vector));
}

// Errors of a running model are said here, because perform must not.
void poll_error(Object* x) {
    char error[TIMBREL_ERROR_SIZE];
    if (api->stream_poll_error(x->state->stream, error, sizeof(error))) {
        pd_error(x, "nn~: %s: %s", x->state->name.c_str(), error);
    }
    clock_delay(x->clock, kErrorPollMs);
}

// ---- reports ----

void report_methods(Object* x) {
    Report methods("methods");
    for (int i = 0; i < x->state->info().method_count; ++i)
        methods.add(x->state->info().methods[i].name);
    methods.send(x->reports);
}

void report_attributes(Object* x) {
    Report attributes("attributes");
    for (int i = 0; i < x->state->info().attribute_count; ++i) {
        attributes.add(x->state->info().attributes[i]);
    }
    attributes.send(x->reports);
}

void report_latency(Object* x) {
    const timbrel_stream_latency latency = api->stream_latency(x->state->stream);
    const int total = latency.buffer_latency + latency.model_latency;
    const double rate = x->state->rate > 0 ? x->state->rate : sys_getsr();
    Report("latency")
        .add(total)
        .add(1000.0 * total / rate)
        .add(latency.buffer_latency)
        .add(latency.model_latency)
        .send(x->reports);
}

// In the order that existing patches rely on.
void report_state(Object* x) {
    const State& state = *x->state;
    const timbrel_method_info& method = state.method();
    Report("loaded").add(1).send(x->reports);
    Report("enabled").add(api->stream_enabled(state.stream)).send(x->reports);
    Report("gpu").add(0).send(x->reports);
    Report("model").add(state.name).send(x->reports);
    report_methods(x);
    Report("method").add(method.name).send(x->reports);
    report_attributes(x);
    Report("bufsize").add(state.layout().blocking ? 0 : state.layout().block).send(x->reports);
    Report("dim").add(method.in_channels).add(method.out_channels).send(x->reports);
    Report("ratio").add(method.in_ratio).add(method.out_ratio).send(x->reports);
}

void report_stats(Object* x) {
    const timbrel_stream_stats stats = api->stream_stats(x->state->stream);
    const auto count = [&](const char* selector, uint64_t value) {
        Report(selector).add(static_cast<double>(value)).send(x->reports);
    };
    count("blocks", stats.blocks);
    count("late", stats.late);
    count("skipped", stats.skipped);
    count("failed", stats.failed);
    count("nonfinite", stats.non_finite);
    Report("inference").add(stats.median_ms).add(stats.p99_ms).add(stats.max_ms).send(x->reports);
    Report("load").add(stats.load).send(x->reports);
    report_latency(x);
}

void report_all(Object* x) {
    report_state(x);
    report_stats(x);
}

// ---- messages ----

void enable(Object* x, t_floatarg on) {
    api->stream_set_enabled(x->state->stream, on != 0);
}

void reset(Object* x) {
    api->stream_reset(x->state->stream);
}

void offline(Object* x, t_symbol*, int count, t_atom* arguments) {
    State& state = *x->state;
    if (count == 1 && arguments->a_type == A_FLOAT) {
        state.offline = atom_getfloat(arguments) != 0 ? Offline::always : Offline::never;
    } else if (count == 1 && atom_getsymbol(arguments) == gensym("auto")) {
        state.offline = Offline::automatic;
    } else {
        pd_error(x, "nn~: offline takes 0, 1 or auto");
        return;
    }
    decide_waiting(state);
}

void help(Object* x);

struct Message {
    const char* selector;
    t_method method;
    t_atomtype argument;  // A_NULL: none
    const char* usage;
    const char* does;
};

template <typename Function>
t_method as_method(Function* function) {
    return reinterpret_cast<t_method>(reinterpret_cast<void*>(function));
}

// All that the object understands: registered, and told by `help`, from here.
const Message kMessages[] = {
    {"enable", as_method(enable), A_FLOAT, "0/1", "0: silence, and the model is not fed"},
    {"reset", as_method(reset), A_NULL, "",
     "forget what was heard: streaming state as in the file"},
    {"offline", as_method(offline), A_GIMME, "0/1/auto",
     "wait for the model instead of fading over late blocks; auto: when Pd runs with -batch"},
    {"bang", as_method(report_state), A_NULL, "", "report model, method, buffer and channels"},
    {"stats", as_method(report_stats), A_NULL, "",
     "report blocks, late and skipped ones, inference time in ms (median, 99th percentile, "
     "longest), "
     "load, latency"},
    {"latency", as_method(report_latency), A_NULL, "",
     "report latency in samples and ms, then the buffer's and the model's part in samples"},
    {"dump", as_method(report_all), A_NULL, "", "report everything"},
    {"get_methods", as_method(report_methods), A_NULL, "", "report the model's methods"},
    {"get_attributes", as_method(report_attributes), A_NULL, "", "report the model's attributes"},
    {"help", as_method(help), A_NULL, "", "print this list"},
};

void help(Object*) {
    for (const Message& message : kMessages) {
        post("nn~: %s%s%s: %s", message.selector, *message.usage ? " " : "", message.usage,
             message.does);
    }
}

// ---- creation ----

// The arguments of [nn~ model method buffer].
struct Arguments {
    std::string model;
    std::string method = "forward";
    int buffer = TIMBREL_BUFFER_DEFAULT;
};

// A symbol as it is: atom_string() would put a backslash before the spaces of a file's name.
std::string text_of(const t_atom& atom) {
    if (atom.a_type == A_SYMBOL)
        return atom.a_w.w_symbol->s_name;
    char text[MAXPDSTRING];
    atom_string(&atom, text, sizeof(text));
    return text;
}

Arguments parse(Object* x, int count, const t_atom* atoms) {
    Arguments arguments;
    arguments.model = text_of(atoms[0]);
    int next = 1;
    if (next < count && atoms[next].a_type == A_SYMBOL) {
        arguments.method = atom_getsymbol(atoms + next++)->s_name;
    }
    if (next < count && atoms[next].a_type == A_FLOAT) {
        const t_float buffer = atom_getfloat(atoms + next++);
        if (buffer >= 0 && buffer <= 1 << 24 && buffer == std::floor(buffer)) {
            arguments.buffer = static_cast<int>(buffer);
        } else {
            pd_error(x, "nn~: a buffer of %g samples is not possible; using the default",
                     static_cast<double>(buffer));
        }
    }
    for (; next < count; ++next) {
        pd_error(x, "nn~: argument '%s' is not understood; [nn~ model method buffer]",
                 text_of(atoms[next]).c_str());
    }
    return arguments;
}

// The method asked for, else `forward`, else the first.
std::string choose_method(Object* x, const timbrel_model_info& info, const std::string& wanted) {
    std::string list;
    bool has_forward = false;
    for (int i = 0; i < info.method_count; ++i) {
        const std::string name = info.methods[i].name;
        if (name == wanted)
            return wanted;
        has_forward |= name == "forward";
        list += (list.empty() ? "" : ", ") + name;
    }
    const std::string chosen = has_forward ? "forward" : info.methods[0].name;
    pd_error(x, "nn~: %s has no method '%s', using '%s' (it has: %s)", x->state->name.c_str(),
             wanted.c_str(), chosen.c_str(), list.c_str());
    return chosen;
}

bool open_stream(Object* x, const Arguments& arguments) {
    State& state = *x->state;
    std::string problem;
    api = engine(problem);
    char error[TIMBREL_ERROR_SIZE];
    if (api) {
        const std::string path = find_model(canvas_getcurrent(), arguments.model, problem);
        if (!path.empty()) {
            state.model = api->model_open(path.c_str(), error, sizeof(error));
            if (!state.model)
                problem = error;
        }
    }
    if (!state.model) {
        pd_error(x, "nn~: %s", problem.c_str());
        return false;
    }
    state.name = arguments.model.ends_with(".ts")
                     ? arguments.model.substr(0, arguments.model.size() - 3)
                     : arguments.model;
    const std::string method = choose_method(x, state.info(), arguments.method);
    const timbrel_stream_options options{method.c_str(), arguments.buffer, 1};
    state.stream = api->stream_create(state.model, &options, error, sizeof(error));
    if (!state.stream) {
        pd_error(x, "nn~: %s: %s", state.name.c_str(), error);
        return false;
    }
    const timbrel_stream_info& layout = state.layout();
    if (layout.requested_buffer > 0 && layout.block != layout.requested_buffer) {
        logpost(x, PD_NORMAL, "nn~: buffer %d rounded up to %d, a multiple of the ratio of %s (%d)",
                layout.requested_buffer, layout.block, state.name.c_str(), state.info().max_ratio);
    }
    return true;
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
    if (count == 0) {
        pd_error(x, "nn~: which model? [nn~ model method buffer]");
        pd_free(&x->pd.ob_pd);
        return nullptr;
    }
    if (!open_stream(x, parse(x, count, atoms))) {
        pd_free(&x->pd.ob_pd);
        return nullptr;
    }
    State& state = *x->state;
    state.inputs.resize(static_cast<size_t>(state.method().in_channels));
    state.outputs.resize(static_cast<size_t>(state.method().out_channels));
    for (size_t i = 1; i < state.inputs.size(); ++i)
        signalinlet_new(&x->pd, 0);
    for (size_t i = 0; i < state.outputs.size(); ++i)
        outlet_new(&x->pd, &s_signal);
    x->reports = outlet_new(&x->pd, &s_anything);
    x->clock = clock_new(x, as_method(poll_error));
    clock_delay(x->clock, kErrorPollMs);
    return x;
}

}  // namespace

extern "C" TIMBREL_EXPORT void nn_tilde_setup() {
    nn_class = class_new(gensym("nn~"), reinterpret_cast<t_newmethod>(as_method(create)),
                         as_method(destroy), sizeof(Object), CLASS_DEFAULT, A_GIMME, A_NULL);
    CLASS_MAINSIGNALIN(nn_class, Object, unused_scalar);
    class_addmethod(nn_class, as_method(dsp), gensym("dsp"), A_CANT, A_NULL);
    for (const Message& message : kMessages) {
        class_addmethod(nn_class, message.method, gensym(message.selector), message.argument,
                        A_NULL);
    }
}
