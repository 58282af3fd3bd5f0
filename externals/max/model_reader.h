// Opens models off the main thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "timbrel/engine.h"

namespace timbrel::max {

// Reads one file after the other, each on a thread of its own that nobody waits for.
class ModelReader {
  public:
    // `notify` is called on that thread when a file was read, but never after the reader is gone.
    ModelReader(const timbrel_api* api, std::function<void()> notify);
    ~ModelReader();
    ModelReader(const ModelReader&) = delete;
    ModelReader& operator=(const ModelReader&) = delete;

    // Supersedes what is being read.
    void read(const std::string& path);
    bool busy() const;
    // What was read last, to be released by who takes it, once; null where there is nothing new or
    // where reading failed, with a line in `error`.
    timbrel_model* take(std::string& error);

  private:
    struct State;
    const std::shared_ptr<State> state_;
};

}  // namespace timbrel::max
