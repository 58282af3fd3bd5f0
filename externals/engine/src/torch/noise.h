// Random numbers that belong to a stream. TorchScript has no way to say which generator it draws
// from: it is the one of the process, so that a seeded stream beside another would not reproduce,
// and a program that seeds torch for itself would find its numbers used up.
#pragma once

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

namespace timbrel {

// The generators of one instance, one per device that it draws on, all from one seed.
class Noise : public c10::DebugInfoBase {
  public:
    // Other numbers each time.
    Noise() = default;

    // From now on, and from the beginning: on the CPU, those that torch.manual_seed(seed) gives.
    // None: other numbers each time.
    void seed(std::optional<uint64_t> seed);
    std::optional<uint64_t> seed() const { return seed_; }

    // By several threads, because a model may compute on more than one.
    at::Generator generator(c10::Device device);

    // While it lives, all that its thread computes, and what that hands to other threads, draws
    // from `noise` where no generator is named. Scopes nest.
    class Scope {
      public:
        explicit Scope(std::shared_ptr<Noise> noise);

      private:
        const c10::DebugInfoGuard info_;
        const c10::impl::IncludeDispatchKeyGuard key_;
    };

  private:
    std::optional<uint64_t> seed_;
    std::mutex mutex_;
    std::map<c10::Device, at::Generator, bool (*)(const c10::Device&, const c10::Device&)>
        generators_{[](const c10::Device& a, const c10::Device& b) {
            return std::pair(a.type(), a.index()) < std::pair(b.type(), b.index());
        }};
};

// The seed of one of several examples that are computed apart: each hears other noise, and the
// first that of the seed itself.
uint64_t seed_of_example(uint64_t seed, int example);

}  // namespace timbrel
