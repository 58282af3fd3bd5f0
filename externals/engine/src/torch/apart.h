// Threads of our own for what calls torch, so that its settings per thread never touch a host's.
#pragma once

#include <ATen/core/grad_mode.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include "noise.h"

namespace timbrel {

// What every piece of a model's code runs in: one intra-op thread, no gradients, no optimiser, and
// the random numbers of its stream.
class Computing {
  public:
    explicit Computing(std::shared_ptr<Noise> noise);
    ~Computing();
    Computing(const Computing&) = delete;
    Computing& operator=(const Computing&) = delete;

  private:
    const at::NoGradGuard no_grad_;
    // It specialises a graph for the shapes that it sees: for networks on a CPU that is no faster,
    // keeps more copies of the graph, and takes long in the first blocks of every new size.
    const torch::jit::GraphOptimizerEnabledGuard as_written_{false};
    const Noise::Scope scope_;
};

// Seconds that the code of a model may take to load, describe itself, or warm up: 60, or what the
// environment variable TIMBREL_MODEL_TIMEOUT says.
double patience();

class NeverReturned : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// Runs `work` on a thread of its own, and rethrows what it throws. If it has not returned after
// `seconds`, throws NeverReturned, which says so of `what`, and leaves the thread to itself: so
// `work` must own all that it uses.
void run_apart(const std::string& what, double seconds, std::function<void()> work);

}  // namespace timbrel
