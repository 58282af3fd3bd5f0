// [nn~ model method buffer]: translates between Pure Data and the engine, and nothing else. This
// file creates the object.
#include <m_pd.h>

#include <string>

#include "arguments.h"
#include "host/model_choice.h"
#include "multichannel.h"
#include "object.h"
#include "offline.h"
#include "package.h"

namespace timbrel::pd {

const timbrel_api* api = nullptr;

namespace {

t_class* nn_class = nullptr;

bool make_player(Object* x, Width width) {
    State& state = *x->state;
    std::string problem;
    state.player = Player::make(*api, width, state.multichannel, problem);
    if (!state.player)
        tell(x, true, problem);
    return state.player != nullptr;
}

// How many inlets and outlets a model needs is known beforehand, from the file itself or from the
// last time; else it is loaded here for that. Null with a line in `error`.
timbrel_model* look_at(const std::string& path, std::string& error) {
    char line[TIMBREL_ERROR_SIZE] = "";
    timbrel_model* model = runs_offline() ? nullptr : api->model_outline(path.c_str());
    if (!model)
        model = api->model_open(path.c_str(), line, sizeof(line));
    error = line;
    return model;
}

// In real time the model plays as soon as it is there. A rendering waits for it, and has it from
// the first sample on.
bool play(Object* x, const std::string& path, timbrel_model* model,
          const timbrel_method_info& method, int buffer) {
    if (runs_offline()) {
        char error[TIMBREL_ERROR_SIZE];
        if (api->stream_open(x->state->player->stream(), model, method.name, buffer, error,
                             sizeof(error)) != 0) {
            tell(x, true, error);
            return false;
        }
        return true;
    }
    send_values(x, "load", path);
    send_values(x, "method", std::string(method.name));
    if (buffer != TIMBREL_BUFFER_DEFAULT)
        send_values(x, "buffer", static_cast<double>(buffer));
    return true;
}

bool open_model(Object* x, const Arguments& arguments) {
    State& state = *x->state;
    std::string problem;
    const std::string path = find_model(state.canvas, arguments.model, problem);
    timbrel_model* model = path.empty() ? nullptr : look_at(path, problem);
    if (!model) {
        tell(x, true, problem);
        return false;
    }
    const timbrel_model_info& info = *api->model_info(model);
    const timbrel_method_info* method = host::choose_method(info, arguments.method, problem);
    if (!problem.empty())
        tell(x, true, problem);
    if (!method) {
        api->model_release(model);
        return false;
    }
    Width width =
        state.multichannel ? widest(info) : Width{method->in_channels, method->out_channels};
    width.inlets = arguments.inlets.value_or(width.inlets);
    width.outlets = arguments.outlets.value_or(width.outlets);
    const bool plays = make_player(x, width) && play(x, path, model, *method, arguments.buffer);
    api->model_release(model);
    return plays;
}

bool open_void(Object* x, const Arguments& arguments) {
    if (!make_player(x, {arguments.inlets.value_or(1), arguments.outlets.value_or(1)}))
        return false;
    if (arguments.buffer != TIMBREL_BUFFER_DEFAULT)
        send_values(x, "buffer", static_cast<double>(arguments.buffer));
    return true;
}

bool open(Object* x, const Arguments& arguments) {
    std::string problem;
    api = engine(problem);
    if (!api) {
        tell(x, true, problem);
        return false;
    }
    if (!(arguments.model.empty() ? open_void(x, arguments) : open_model(x, arguments)))
        return false;
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
    state.name = arguments.model.empty() ? "void" : host::without_extension(arguments.model);
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
    x->clock = clock_new(x, as_method(poll));
    clock_delay(x->clock, 0);
    return x;
}

}  // namespace

}  // namespace timbrel::pd

using namespace timbrel::pd;

extern "C" TIMBREL_EXPORT void nn_tilde_setup() {
    nn_class = class_new(gensym("nn~"), reinterpret_cast<t_newmethod>(as_method(create)),
                         as_method(destroy), sizeof(Object), CLASS_DEFAULT | multichannel_flag(),
                         A_GIMME, A_NULL);
    CLASS_MAINSIGNALIN(nn_class, Object, unused_scalar);
    class_addmethod(nn_class, as_method(dsp), gensym("dsp"), A_CANT, A_NULL);
    add_messages(nn_class);
}
