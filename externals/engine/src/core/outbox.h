// What the voices of a stream leave behind for it: news, counts, and themselves.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "atoms.h"
#include "queue.h"
#include "statistics.h"
#include "timbrel/engine.h"

namespace timbrel {

class Voice;

struct Outbox {
    // By workers, loaders and control threads. What a host does not fetch is lost beyond the limit.
    void say(const char* selector, Atoms atoms) { events.push({selector, std::move(atoms)}); }
    void error(const std::string& line) { say("error", {line}); }
    void notice(const std::string& line) { say("notice", {line}); }

    Queue<Event> events{1024};  // popped by control threads
    Counters counters;
    std::atomic<bool> closed{false};  // nothing is begun any more
    std::atomic<bool> offline{false};

    // The stream's position, and the layout that it is counted in, as of the last call.
    std::atomic<uint64_t> calls{0};
    std::atomic<int64_t> position{0};
    std::atomic<int> epoch{0};

    // Voices that the audio thread is done with, linked. One thread gives, one takes all: neither
    // ever tries twice.
    class Retired {
      public:
        void give(Voice* voice) noexcept TIMBREL_NONBLOCKING;
        Voice* take_all() { return first_.exchange(nullptr, std::memory_order_acq_rel); }
        bool any() const { return first_.load(std::memory_order_relaxed) != nullptr; }

      private:
        std::atomic<Voice*> first_{nullptr};
    } retired;
    std::function<void()> collect;  // has them fetched; by workers and control threads
};

}  // namespace timbrel
