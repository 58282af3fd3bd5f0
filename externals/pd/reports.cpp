#include <algorithm>

#include "object.h"

namespace timbrel::pd {
namespace {

// What the engine says of itself is asked for this often. Answers to messages come at once.
constexpr double kPollMs = 20;

void report(Object* x, const char* selector, std::vector<t_atom> atoms) {
    if (x->reports)
        outlet_anything(x->reports, gensym(selector), static_cast<int>(atoms.size()), atoms.data());
}

// As tell_events, of what was done on other threads.
bool tell_tidings(Object* x) {
    const std::shared_ptr<bool> alive = x->state->alive;
    while (*alive) {
        const std::optional<host::Tidings> tidings = x->state->errands.take();
        if (!tidings)
            return true;
        if (tidings->selector == "error") {
            tell(x, true, tidings->words[0]);
            continue;
        }
        std::vector<t_atom> atoms(tidings->words.size());
        for (size_t i = 0; i < atoms.size(); ++i)
            SETSYMBOL(&atoms[i], gensym(tidings->words[i].c_str()));
        // A list is read more easily one below the other.
        for (const std::string& word : tidings->words)
            post("nn~: %s %s", tidings->selector.c_str(), word.c_str());
        report(x, tidings->selector.c_str(), std::move(atoms));
    }
    return false;
}

}  // namespace

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
    clock_delay(x->clock, kPollMs);
    if (!tell_events(x) || !tell_tidings(x))
        return;
    const State& state = *x->state;
    const bool another = state.player->settle(is_rendering(state));
    // The host learns of channels when its DSP graph is built, and not before.
    if (another || (state.cable && state.cable != std::max(state.player->out_channels(), 1)))
        canvas_update_dsp();
}

}  // namespace timbrel::pd
