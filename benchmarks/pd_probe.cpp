// [ticks~]: how punctual Pd's DSP ticks are. A bang prints how many there were, how many came more
// than 5 ms late, and the longest delay in ms; and begins anew.
#include <m_pd.h>

#include <algorithm>
#include <chrono>

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kLate = 5;  // ms

struct Probe {
    t_object pd;
    double tick;   // ms
    double due;    // ms on the clock, of the next tick
    double worst;  // ms
    int ticks, late;
    bool begun;
};

t_class* probe_class = nullptr;

double now() {
    return std::chrono::duration<double, std::milli>(Clock::now().time_since_epoch()).count();
}

t_int* perform(t_int* arguments) {
    Probe& probe = *reinterpret_cast<Probe*>(arguments[1]);
    const double time = now();
    // The earliest that it ever was sets the pace: Pd catches up after a delay, but never runs
    // ahead.
    probe.due = probe.begun ? std::min(probe.due, time) : time;
    probe.begun = true;
    const double delay = time - probe.due;
    probe.due += probe.tick;
    ++probe.ticks;
    probe.late += delay > kLate;
    probe.worst = std::max(probe.worst, delay);
    return arguments + 2;
}

void dsp(Probe* probe, t_signal** signals) {
    probe->tick = 1000.0 * signals[0]->s_n / static_cast<double>(signals[0]->s_sr);
    dsp_add(perform, 1, probe);
}

void bang(Probe* probe) {
    post("ticks %d late %d longest %.3f", probe->ticks, probe->late, probe->worst);
    probe->ticks = probe->late = 0;
    probe->worst = 0;
    probe->begun = false;
}

void* create() {
    auto* probe = reinterpret_cast<Probe*>(pd_new(probe_class));
    outlet_new(&probe->pd, &s_signal);
    bang(probe);
    return probe;
}

template <typename Function>
t_method as_method(Function* function) {
    return reinterpret_cast<t_method>(reinterpret_cast<void*>(function));
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void ticks_tilde_setup() {
    probe_class = class_new(gensym("ticks~"), reinterpret_cast<t_newmethod>(as_method(create)),
                            nullptr, sizeof(Probe), CLASS_DEFAULT, A_NULL);
    class_addmethod(probe_class, as_method(dsp), gensym("dsp"), A_CANT, A_NULL);
    class_addbang(probe_class, as_method(bang));
}
