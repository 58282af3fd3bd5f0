#include "conversation.h"

#include <thread>
#include <utility>

namespace timbrel::max {

Conversation::~Conversation() {
    collect();
}

void Conversation::say(Said said) {
    auto* left = new Said(std::move(said));
    left->next = came_.load();
    while (!came_.compare_exchange_weak(left->next, left)) {
    }
}

Conversation::Turn Conversation::take_turn() {
    while (taken_.exchange(true))
        std::this_thread::yield();
    return Turn(*this);
}

void Conversation::collect() {
    const auto place = static_cast<std::ptrdiff_t>(waiting_.size());
    for (Said* next = came_.exchange(nullptr); next;) {
        Said* each = next;
        next = each->next;
        waiting_.insert(waiting_.begin() + place, std::move(*each));
        delete each;
    }
}

}  // namespace timbrel::max
