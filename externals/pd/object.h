// An object in a patch, as its parts see it: signals, messages, creation.
#pragma once

#include <m_pd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "atoms.h"
#include "host/errands.h"
#include "player.h"
#include "timbrel/engine.h"

namespace timbrel::pd {

// The engine's functions; null until an object has been created.
extern const timbrel_api* api;

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
    int cable = 0;  // -m: channels of the outlet when DSP was built last, 0 before
    host::Errands errands;
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

// ---- signals.cpp ----

// Pd's request to join its DSP graph.
void dsp(Object* x, t_signal** signals);
// Whether Pd renders faster than real time, as far as one can tell or was told.
bool is_rendering(const State& state);
// Tells the stream so.
void decide_waiting(const State& state);

// ---- reports.cpp ----

// A line for a person, on the console; and out of the right outlet, for a patch that can do
// something about it.
void tell(Object* x, bool is_error, const std::string& line);
// All that there is to say. A patch may delete the object in answer. False: it has.
bool tell_events(Object* x);
// What the object's clock does again and again.
void poll(Object* x);

// ---- messages.cpp ----

void send(Object* x, const char* selector, std::shared_ptr<const host::EngineAtoms> atoms);

template <typename... Values>
void send_values(Object* x, const char* selector, const Values&... values) {
    auto atoms = std::make_shared<host::EngineAtoms>();
    (atoms->add(values), ...);
    send(x, selector, std::move(atoms));
}

void add_messages(t_class* nn_class);

template <typename Function>
t_method as_method(Function* function) {
    return reinterpret_cast<t_method>(reinterpret_cast<void*>(function));
}

}  // namespace timbrel::pd
