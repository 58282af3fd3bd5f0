#include "object.h"

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
    if (answers_.empty())
        return stream_->take_event();
    auto event = std::move(answers_.front());
    answers_.pop_front();
    return event;
}

void Object::answer(const char* selector, Atoms atoms) {
    answers_.push_back(std::make_unique<Event>(Event{selector, std::move(atoms)}));
}

}  // namespace timbrel
