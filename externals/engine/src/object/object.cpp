#include "object.h"

#include <cstdio>
#include <stdexcept>

#include "messages.h"

namespace timbrel {

void Object::send(const std::string& selector, const Atoms& atoms) {
    const Message* message = find_message(selector);
    if (!message)
        throw std::runtime_error("no message '" + selector + "'; 'help' lists what there is");
    message->handle(*this, atoms);
}

std::unique_ptr<Event> Object::take_event() {
    if (answers_.empty()) {
        auto event = stream_->take_event();
        return event ? std::move(event) : compare_rates();
    }
    auto event = std::move(answers_.front());
    answers_.pop_front();
    return event;
}

void Object::answer(const char* selector, Atoms atoms) {
    answers_.push_back(std::make_unique<Event>(Event{selector, std::move(atoms)}));
}

std::unique_ptr<Event> Object::compare_rates() {
    const auto loaded = stream_->loaded();
    if (!loaded || loaded->settings.resample)
        return nullptr;
    const Description& description = loaded->prototype->description();
    const std::pair rates(description.sample_rate, stream_->latency().sample_rate);
    if (rates.first <= 0 || rates.second <= 0 || rates == compared_)
        return nullptr;
    compared_ = rates;
    if (rates.first == rates.second)
        return nullptr;
    char line[256];
    std::snprintf(line, sizeof(line),
                  "%.64s was made for %g Hz and plays at %g Hz: it sounds transposed; 'resample 1' "
                  "converts",
                  description.name.c_str(), rates.first, rates.second);
    return std::make_unique<Event>(Event{"notice", {std::string(line)}});
}

}  // namespace timbrel
