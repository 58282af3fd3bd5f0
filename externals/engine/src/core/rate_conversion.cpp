#include "rate_conversion.h"

#include <samplerate.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <numeric>
#include <stdexcept>
#include <string>

namespace timbrel {
namespace {

// `host` samples of the host's last as long as `model` ones of the model's, in lowest terms.
struct Rates {
    int64_t host, model;

    Rates(double host_rate, double model_rate) {
        const auto valid = [](double rate) { return rate >= 1 && rate <= 1e7; };
        if (!valid(host_rate) || !valid(model_rate) || host_rate > 256 * model_rate ||
            model_rate > 256 * host_rate) {
            throw std::runtime_error("cannot convert between " + std::to_string(host_rate) +
                                     " Hz and " + std::to_string(model_rate) + " Hz");
        }
        host = std::llround(1000 * host_rate);
        model = std::llround(1000 * model_rate);
        const int64_t common = std::gcd(host, model);
        host /= common;
        model /= common;
    }

    bool equal() const { return host == model; }
    double model_per_host() const { return static_cast<double>(model) / static_cast<double>(host); }
};

constexpr int64_t divide_up(int64_t value, int64_t by) {
    return (value + by - 1) / by;
}

// Channels whose samples wait until there are enough of them.
class Queue {
  public:
    Queue(int channels, int64_t capacity)
        : channels_(channels),
          capacity_(static_cast<int>(capacity)),
          samples_(static_cast<size_t>(channels) * static_cast<size_t>(capacity)) {}

    int channels() const { return channels_; }
    int size() const { return size_; }
    int room() const { return capacity_ - size_; }
    // Where the next samples of a channel are written, before they are `added` to all.
    float* end(int channel) { return row(channel) + size_; }
    void added(int count) { size_ += count; }

    void clear(int silence) {
        std::fill(samples_.begin(), samples_.end(), 0.0F);
        size_ = silence;
    }
    // (channels, count). Where a sample is missing it is silent: libsamplerate adds up fractions,
    // and after some years may be one behind.
    void take(float* output, int count) {
        const int there = std::min(count, size_);
        for (int channel = 0; channel < channels_; ++channel, output += count) {
            float* samples = row(channel);
            std::fill(std::copy_n(samples, there, output), output + count, 0.0F);
            std::copy(samples + there, samples + size_, samples);
        }
        size_ -= there;
    }

  private:
    float* row(int channel) { return &samples_[static_cast<size_t>(channel) * capacity_]; }

    int channels_, capacity_, size_ = 0;
    std::vector<float> samples_;
};

// From one rate to the other. Sample k of the output is the input's at k / ratio, to a fraction; it
// is there as soon as `half` more samples of the input are.
class Converter {
  public:
    Converter(int channels, double ratio) : ratio_(ratio) {
        for (int channel = 0; channel < channels; ++channel) {
            int error = 0;
            states_.emplace_back(src_new(SRC_SINC_BEST_QUALITY, 1, &error));
            if (!states_.back())
                throw std::runtime_error(std::string("libsamplerate: ") + src_strerror(error));
        }
        // libsamplerate does not tell how far its filters reach, but the first output does.
        const float silence = 0;
        std::vector<float> output(static_cast<size_t>(ratio) + 2);
        while (step(states_.front().get(), &silence, 1, output.data(),
                    static_cast<int>(output.size())) == 0)
            ++half_;
        reset();
    }

    void reset() {
        for (const State& state : states_)
            src_reset(state.get());
    }
    int half() const { return half_; }

    // Appends what (channels, frames) give.
    void convert(const float* input, int frames, Queue& output) {
        int count = 0;
        for (int channel = 0; channel < output.channels(); ++channel, input += frames) {
            count = step(states_[static_cast<size_t>(channel)].get(), input, frames,
                         output.end(channel), output.room());
        }
        output.added(count);
    }

  private:
    struct Delete {
        void operator()(SRC_STATE* state) const { src_delete(state); }
    };
    using State = std::unique_ptr<SRC_STATE, Delete>;

    int step(SRC_STATE* state, const float* input, int frames, float* output, int room) const {
        int count = 0;
        while (frames > 0 && room > 0) {
            SRC_DATA data{};
            data.data_in = input;
            data.input_frames = frames;
            data.data_out = output;
            data.output_frames = room;
            data.src_ratio = ratio_;
            if (const int error = src_process(state, &data))
                throw std::runtime_error(std::string("libsamplerate: ") + src_strerror(error));
            input += data.input_frames_used;
            frames -= static_cast<int>(data.input_frames_used);
            output += data.output_frames_gen;
            room -= static_cast<int>(data.output_frames_gen);
            count += static_cast<int>(data.output_frames_gen);
        }
        return count;
    }

    std::vector<State> states_;
    double ratio_;
    int half_ = 0;
};

// When latent frames end, in samples of the host's from a moment that moves along. In whole
// numbers: it never drifts.
class FrameClock {
  public:
    FrameClock(int ratio, const Rates& rates)
        : step_(ratio * rates.host / rates.model),
          step_part_(ratio * rates.host % rates.model),
          parts_(rates.model) {
        reset();
    }
    void reset() {
        end_ = step_;
        part_ = step_part_;
    }
    int64_t end() const { return end_ + (part_ > 0 ? 1 : 0); }
    void next() {
        end_ += step_;
        part_ += step_part_;
        if (part_ >= parts_) {
            part_ -= parts_;
            ++end_;
        }
    }
    void pass(int64_t samples) { end_ -= samples; }

  private:
    int64_t step_, step_part_, parts_;  // a frame lasts step + step_part / parts samples
    int64_t end_ = 0, part_ = 0;
};

std::unique_ptr<Converter> make_converter(int channels, int ratio, const Rates& rates,
                                          double conversion) {
    if (ratio > 1 || rates.equal())
        return nullptr;
    return std::make_unique<Converter>(channels, conversion);
}

void append(const float* input, int frames, Queue& output) {
    for (int channel = 0; channel < output.channels(); ++channel)
        std::copy_n(input + static_cast<ptrdiff_t>(channel) * frames, frames, output.end(channel));
    output.added(frames);
}

}  // namespace

// What the host plays, until there is enough of it for a block of the model's.
class RateConversion::Inlet {
  public:
    Inlet(const Layout& layout, const Rates& rates)
        : block_(layout.host_block),
          ratio_(layout.shape.in_ratio),
          clock_(ratio_, rates),
          queue_(layout.batch * layout.shape.in_channels,
                 layout.model_block + divide_up(block_ * rates.model, rates.host) + 2),
          converter_(make_converter(queue_.channels(), ratio_, rates, rates.model_per_host())) {}

    void feed(const float* input) {
        if (converter_) {
            converter_->convert(input, block_, queue_);
        } else if (ratio_ == 1) {
            append(input, block_, queue_);
        } else {
            for (; clock_.end() <= block_; clock_.next()) {
                const float* last = input + clock_.end() - 1;
                for (int channel = 0; channel < queue_.channels(); ++channel, last += block_)
                    *queue_.end(channel) = *last;
                queue_.added(1);
            }
            clock_.pass(block_);
        }
    }
    Queue& queue() { return queue_; }
    void reset() {
        if (converter_)
            converter_->reset();
        clock_.reset();
        queue_.clear(0);
    }
    int half() const { return converter_ ? converter_->half() : 0; }

  private:
    int block_, ratio_;
    FrameClock clock_;
    Queue queue_;
    std::unique_ptr<Converter> converter_;
};

// What the model plays, late enough that there always is a block of the host's.
class RateConversion::Outlet {
  public:
    Outlet(const Layout& layout, const Rates& rates)
        : block_(layout.model_block / layout.shape.out_ratio),
          ratio_(layout.shape.out_ratio),
          clock_(ratio_, rates),
          converter_(make_converter(layout.batch * layout.shape.out_channels, ratio_, rates,
                                    1 / rates.model_per_host())) {}

    // As many samples as come in go out, `latency` later: more than that never wait.
    void lay_out(const Layout& layout, int latency) {
        latency_ = latency;
        queue_ = Queue(layout.batch * layout.shape.out_channels,
                       int64_t{latency} + layout.host_block + 2);
        queue_.clear(latency);
    }
    void feed(const float* output) {
        if (converter_) {
            converter_->convert(output, block_, queue_);
        } else if (ratio_ == 1) {
            append(output, block_, queue_);
        } else {
            for (int frame = 0; frame < block_; ++frame, clock_.next()) {
                const auto count = static_cast<int>(std::min<int64_t>(clock_.end(), queue_.room()));
                for (int channel = 0; channel < queue_.channels(); ++channel)
                    std::fill_n(queue_.end(channel), count, output[channel * block_ + frame]);
                queue_.added(count);
                clock_.pass(count);
            }
        }
    }
    Queue& queue() { return queue_; }
    void reset() {
        if (converter_)
            converter_->reset();
        clock_.reset();
        queue_.clear(latency_);
    }
    int half() const { return converter_ ? converter_->half() : 0; }

  private:
    int block_, ratio_, latency_ = 0;
    FrameClock clock_;
    Queue queue_{0, 0};
    std::unique_ptr<Converter> converter_;
};

RateConversion::RateConversion(const Layout& layout)
    : layout_(layout),
      input_(layout.shape.input_size(layout.batch, layout.model_block)),
      output_(layout.shape.output_size(layout.batch, layout.model_block)) {
    const Rates rates(layout.host_rate, layout.model_rate);
    const int64_t block = layout.model_block;
    inlet_ = std::make_unique<Inlet>(layout, rates);
    outlet_ = std::make_unique<Outlet>(layout, rates);
    // Of n samples of the host's, with p and q as in `rates`, ceil((n - half) q / p) of the model's
    // have come out of the inlet, latents as of whole frames; all but block - 1 of them at most are
    // in blocks that have been computed; of m of those, ceil((m - half) p / q) have come out of the
    // outlet. The latency is the largest of the differences from n.
    if (rates.equal()) {
        latency_ = layout.model_block - std::gcd(layout.host_block, layout.model_block);
    } else if (layout.shape.in_ratio > 1) {
        latency_ =
            static_cast<int>(divide_up((block + outlet_->half()) * rates.host, rates.model) - 1);
    } else {
        latency_ = inlet_->half() +
                   static_cast<int>((block - 1 + outlet_->half()) * rates.host / rates.model);
    }
    const int64_t samples = divide_up(layout.host_block * rates.model, rates.host);
    blocks_per_call_ = static_cast<int>(divide_up(samples, block));
    outlet_->lay_out(layout, latency_);
}

RateConversion::~RateConversion() = default;

int RateConversion::host_block(int model_block, double host_rate, double model_rate) {
    const Rates rates(host_rate, model_rate);
    return static_cast<int>(std::max<int64_t>(1, model_block * rates.host / rates.model));
}

void RateConversion::process(const float* input, float* output, int64_t position,
                             const Compute& compute) {
    const double ratio = layout_.model_rate / layout_.host_rate;
    // What was left out has passed for the model's clock as well.
    const int64_t missing = host_position_ < 0 ? position : position - host_position_;
    model_position_ += std::llround(static_cast<double>(missing) * ratio);
    host_position_ = position + layout_.host_block;

    std::exception_ptr error;
    inlet_->feed(input);
    const int length = layout_.model_block / layout_.shape.in_ratio;
    while (inlet_->queue().size() >= length) {
        inlet_->queue().take(input_.data(), length);
        try {
            compute(input_.data(), output_.data(), model_position_);
        } catch (...) {
            if (!error)
                error = std::current_exception();
            std::fill(output_.begin(), output_.end(), 0.0F);
        }
        outlet_->feed(output_.data());
        model_position_ += layout_.model_block;
    }
    outlet_->queue().take(output, layout_.host_block);
    if (error)
        std::rethrow_exception(error);
}

void RateConversion::reset() {
    inlet_->reset();
    outlet_->reset();
    host_position_ = -1;
    model_position_ = 0;
}

}  // namespace timbrel
