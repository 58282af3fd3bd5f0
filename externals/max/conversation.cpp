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
    Said* first = nullptr;
    for (Said* next = came_.exchange(nullptr); next;) {
        Said* after = next->next;
        next->next = first;
        first = next;
        next = after;
    }
    while (first) {
        waiting_.push_back(std::move(*first));
        delete std::exchange(first, first->next);
    }
}

}  // namespace timbrel::max
