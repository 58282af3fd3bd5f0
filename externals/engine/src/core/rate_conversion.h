// A model that runs at a rate of its own, in a host that runs at another.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "model.h"

namespace timbrel {

// Takes a block of the host's and gives one back, while the model is given blocks of its own size
// at its own rate, whenever there is enough for one: a call brings none, one, or several of them.
//
// Audio goes through libsamplerate's best sinc filters, whose delay is counted here. They are flat
// to 0.93 of the lower one of the Nyquist frequencies, and above it 140 dB down; those of medium
// quality, a quarter of the cost, lose 2 dB at 20 kHz already. Latents (a ratio above 1) are not
// filtered and keep the model's clock: an outlet holds each value until the next one is due, an
// inlet gives the last sample before its frame ends.
//
// Used by one thread at a time, a worker's. Throws std::runtime_error where rates make no sense.
class RateConversion {
  public:
    struct Layout {
        Shape shape;  // of the model's method
        int batch = 1;
        double host_rate = 0;   // Hz
        double model_rate = 0;  // Hz, within a factor of 256 of the host's
        int host_block = 0;     // samples at the host's rate
        int model_block = 0;    // samples at the model's rate; a multiple of both ratios
    };
    // Computes a block at the model's rate: (batch, in_channels, model_block / in_ratio) becomes
    // (batch, out_channels, model_block / out_ratio). `position` is the one of its first sample,
    // counted at the model's rate from the stream's position 0.
    using Compute = std::function<void(const float* input, float* output, int64_t position)>;

    explicit RateConversion(const Layout& layout);
    ~RateConversion();
    RateConversion(const RateConversion&) = delete;
    RateConversion& operator=(const RateConversion&) = delete;

    // The largest block of the host's for which no call brings more than one of the model's.
    static int host_block(int model_block, double host_rate, double model_rate);

    // (batch, in_channels, host_block) becomes (batch, out_channels, host_block): on this side
    // every channel has one value per sample, whatever its ratio. `position` is the stream's at the
    // first of them; calls may leave blocks out. What `compute` throws is thrown on when the call
    // is complete: the block that failed is silent, and nothing shifts.
    void process(const float* input, float* output, int64_t position, const Compute& compute);
    // As constructed: the past is silent.
    void reset();

    // Samples at the host's rate by which a block comes out later than it goes in, filters and the
    // wait for a whole block of the model's included, the model's own delay not. Exact, and the
    // same for every call.
    int latency() const { return latency_; }
    // The most blocks of the model's in one call: what has to be computed in the time of one of the
    // host's, though not every time.
    int blocks_per_call() const { return blocks_per_call_; }

  private:
    class Inlet;
    class Outlet;

    const Layout layout_;
    int latency_ = 0, blocks_per_call_ = 0;
    int64_t host_position_ = -1;  // that the next call will have, if no block is left out
    int64_t model_position_ = 0;  // of the model's next block
    std::unique_ptr<Inlet> inlet_;
    std::unique_ptr<Outlet> outlet_;
    std::vector<float> input_, output_;  // one block of the model's
};

}  // namespace timbrel
