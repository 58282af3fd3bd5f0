// Messages from any threads to one: whoever pushes never waits for anybody.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <utility>

namespace timbrel {

// A linked list that is pushed to with a single exchange. Allocates: not for audio threads.
template <typename T>
class Queue {
  public:
    explicit Queue(size_t limit) : limit_(limit) {}
    ~Queue() {
        while (pop()) {
        }
        delete last_popped_;
    }
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;

    // False: `limit` messages wait already, and this one was dropped.
    bool push(T value) {
        if (size_.fetch_add(1, std::memory_order_relaxed) >= limit_) {
            size_.fetch_sub(1, std::memory_order_relaxed);
            return false;
        }
        Node* node = new Node;
        node->value = std::move(value);
        // acq_rel: the node before was made by another thread. release: whoever reads the link
        // reads the value.
        Node* before = last_pushed_.exchange(node, std::memory_order_acq_rel);
        before->next.store(node, std::memory_order_release);
        return true;
    }

    // By one thread at a time. Empty as well for the moment that another's push takes, and whatever
    // was pushed behind it: who is woken after a push finds everything.
    std::optional<T> pop() {
        Node* next = last_popped_->next.load(std::memory_order_acquire);
        if (!next)
            return std::nullopt;
        delete std::exchange(last_popped_, next);
        size_.fetch_sub(1, std::memory_order_relaxed);
        return std::exchange(next->value, T{});
    }

  private:
    struct Node {
        std::atomic<Node*> next{nullptr};
        T value{};
    };

    const size_t limit_;
    std::atomic<size_t> size_{0};
    Node* last_popped_ = new Node;
    std::atomic<Node*> last_pushed_{last_popped_};
};

}  // namespace timbrel
