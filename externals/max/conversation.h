// Messages from several threads, carried out one after the other by whichever of them is there.
#pragma once

#include <atomic>
#include <deque>
#include <string>

#include "host/values.h"

namespace timbrel::max {

struct Said {
    std::string selector;
    host::Values values;
    // It reads files or other objects of Max, which only the main thread may.
    bool main_only = false;
    Said* next = nullptr;  // in the list of those that came since
};

// Max delivers messages on the main thread, on the scheduler's, and, with the scheduler in audio
// interrupt, on the audio thread, one of which can interrupt another. None of them waits here for
// another: who comes while somebody has the turn leaves the message to that one. The order is that
// in which they came, also where one has to be carried out by the main thread: what came after it
// waits with it.
class Conversation {
  public:
    Conversation() = default;
    ~Conversation();
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;

    // The right to speak to the stream, for one thread at a time.
    class Turn {
      public:
        explicit Turn(Conversation& conversation) : conversation_(conversation) {}
        ~Turn() { conversation_.taken_.store(false); }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

      private:
        Conversation& conversation_;
    };

    // [any thread] Lock-free.
    void say(Said said);

    // [any thread] Carries out what may be on this thread, unless another thread is at it. Never
    // waits.
    template <typename CarryOut>
    void go_on(bool main, const CarryOut& carry_out) {
        while (came_.load() && !taken_.exchange(true)) {
            const Turn turn(*this);
            carry_out_waiting(main, carry_out);
        }
    }

    // [main thread] Waits for the moment that another thread needs to end its turn.
    Turn take_turn();
    // [whose turn it is]
    template <typename CarryOut>
    void carry_out_waiting(bool main, const CarryOut& carry_out) {
        collect();
        while (!waiting_.empty() && (main || !waiting_.front().main_only)) {
            const Said said = std::move(waiting_.front());
            waiting_.pop_front();
            carry_out(said);
        }
    }

  private:
    void collect();

    // Sequentially consistent, all: who leaves a message looks then whether the turn is taken; who
    // ends a turn looks then whether a message was left.
    std::atomic<Said*> came_{nullptr};  // the last one first
    std::atomic<bool> taken_{false};
    std::deque<Said> waiting_;  // of whose turn it is
};

}  // namespace timbrel::max
