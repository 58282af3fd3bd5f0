// An object in a patch: a stream that is spoken to in messages and answers in them.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "atoms.h"
#include "stream.h"

namespace timbrel {

class Object {
  public:
    explicit Object(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}

    Stream& stream() { return *stream_; }
    const Stream& stream() const { return *stream_; }

    // [control] Carries a message out, or sees to it that it will be. Throws std::runtime_error
    // with a line where it is not understood; what comes of it otherwise is told by events.
    void send(const std::string& selector, const Atoms& atoms);

    // [control] The next thing that there is to say; null when there is nothing. Answers to
    // messages that only ask are there when `send` returns.
    std::unique_ptr<Event> take_event();

    // For the handlers of messages.
    void answer(const char* selector, Atoms atoms);

  private:
    // Null, or a notice that the host's rate is not the model's, once for each such pair.
    std::unique_ptr<Event> compare_rates();

    std::shared_ptr<Stream> stream_;
    std::deque<std::unique_ptr<Event>> answers_;
    std::pair<double, double> compared_{0, 0};  // the model's and the host's, Hz
};

}  // namespace timbrel
