#include "buffers.h"

namespace timbrel::max {

Buffers::~Buffers() {
    Reference* next = first_.load();
    while (next) {
        Reference* each = next;
        next = each->next;
        object_free(each->buffer);
        delete each;
    }
}

Buffers::Reference& Buffers::reference(const std::string& user, t_symbol* name) {
    for (Reference* each = first_.load(); each; each = each->next) {
        if (each->user == user) {
            buffer_ref_set(each->buffer, name);
            return *each;
        }
    }
    auto* made = new Reference;
    made->user = user;
    made->buffer = buffer_ref_new(owner_, name);
    made->next = first_.load();
    first_.store(made);
    return *made;
}

bool Buffers::add_content(const std::string& user, const std::string& name,
                          host::EngineAtoms& atoms) {
    Reference& used = reference(user, gensym(name.c_str()));
    t_buffer_obj* buffer =
        buffer_ref_exists(used.buffer) ? buffer_ref_getobject(used.buffer) : nullptr;
    const float* interleaved = buffer ? buffer_locksamples(buffer) : nullptr;
    if (!interleaved)
        return false;
    used.changed = false;
    const auto channels = static_cast<size_t>(buffer_getchannelcount(buffer));
    const auto frames = static_cast<size_t>(buffer_getframecount(buffer));
    std::vector<float> samples(channels * frames);
    for (size_t channel = 0; channel < channels; ++channel) {
        for (size_t frame = 0; frame < frames; ++frame)
            samples[channel * frames + frame] = interleaved[frame * channels + channel];
    }
    const double rate = buffer_getsamplerate(buffer);
    buffer_unlocksamples(buffer);
    if (samples.empty())
        return false;
    atoms.add_buffer(name, static_cast<int>(channels), rate, std::move(samples));
    return true;
}

bool Buffers::notify(t_symbol* name, t_symbol* message, void* sender, void* data) {
    static t_symbol* const modified = gensym("buffer_modified");
    bool changed = false;
    for (Reference* each = first_.load(); each; each = each->next) {
        if (message == modified && sender == buffer_ref_getobject(each->buffer)) {
            each->changed = true;
            changed = true;
        }
        buffer_ref_notify(each->buffer, name, message, sender, data);
    }
    return changed;
}

std::vector<std::string> Buffers::take_changed() {
    std::vector<std::string> users;
    for (Reference* each = first_.load(); each; each = each->next) {
        if (each->changed.exchange(false))
            users.push_back(each->user);
    }
    return users;
}

}  // namespace timbrel::max
