#include <algorithm>

#include "multichannel.h"
#include "object.h"
#include "offline.h"

namespace timbrel::pd {
namespace {

#if PD_FLOATSIZE == 32
constexpr auto process_function = &timbrel_api::stream_process_f32;
constexpr auto blocking_function = &timbrel_api::stream_process_blocking_f32;
#else
constexpr auto process_function = &timbrel_api::stream_process_f64;
constexpr auto blocking_function = &timbrel_api::stream_process_blocking_f64;
#endif

t_int* perform(t_int* arguments) {
    State& state = *reinterpret_cast<Object*>(arguments[1])->state;
    timbrel_stream* stream = state.player->stream();
    const auto frames = static_cast<int32_t>(arguments[2]);
    if (api->stream_waits(stream)) {
        (api->*blocking_function)(stream, state.inputs.data(), state.outputs.data(), frames);
    } else {
        (api->*process_function)(stream, state.inputs.data(), state.outputs.data(), frames);
    }
    return arguments + 3;
}

}  // namespace

bool is_rendering(const State& state) {
    return state.offline == Offline::always ||
           (state.offline == Offline::automatic && runs_offline());
}

void decide_waiting(const State& state) {
    api->stream_set_offline(state.player->stream(), is_rendering(state));
}

namespace {

// The channels of one cable are the model's; fewer than it has inputs are used again.
void connect_cables(State& state, t_signal** signals) {
    const t_signal& in = *signals[0];
    const int vector = in.s_n, channels = channels_of(in);
    for (size_t i = 0; i < state.inputs.size(); ++i)
        state.inputs[i] = in.s_vec + static_cast<int>(i) % channels * vector;
    state.cable = std::max(state.player->out_channels(), 1);
    set_channels(&signals[1], state.cable);
    for (size_t i = 0; i < state.outputs.size(); ++i) {
        const int channel = static_cast<int>(i);
        state.outputs[i] = channel < state.cable ? signals[1]->s_vec + channel * vector : nullptr;
    }
    if (state.outputs.empty())
        dsp_add_zero(signals[1]->s_vec, vector);
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

}  // namespace

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

}  // namespace timbrel::pd
