// What a stream has heard last: the input of its models, of those that are made ready to take over,
// and of its dry signal.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "timbrel/engine.h"

namespace timbrel {

// Written by the audio thread, read by all, without either waiting: who reads asks afterwards
// whether what it read was still there. Positions are those of the stream.
class History {
  public:
    // `vector`: the most that is appended at once.
    History(int channels, int64_t capacity, int vector)
        : channels_(channels),
          capacity_(capacity),
          vector_(vector),
          samples_(static_cast<size_t>(channels) * static_cast<size_t>(capacity)) {}
    History(const History&) = delete;
    History& operator=(const History&) = delete;

    int channels() const noexcept TIMBREL_NONBLOCKING { return channels_; }
    // That may lie between the end and the oldest sample that is read.
    int64_t reach() const noexcept TIMBREL_NONBLOCKING { return capacity_ - vector_; }

    // [audio] One vector per channel; null: silence.
    template <typename Sample>
    void append(const Sample* const* inputs, int from, int frames) noexcept TIMBREL_NONBLOCKING {
        const int64_t position = end_.load(std::memory_order_relaxed);
        for (int channel = 0; channel < channels_; ++channel) {
            std::atomic<float>* const line = this->line(channel);
            const Sample* const in = inputs[channel] ? inputs[channel] + from : nullptr;
            int64_t at = position % capacity_;
            for (int i = 0; i < frames; ++i) {
                // release: who reads this sample sees an end that tells that the one before it in
                // this place is gone.
                line[at].store(in ? static_cast<float>(in[i]) : 0.0F, std::memory_order_release);
                if (++at == capacity_)
                    at = 0;
            }
        }
        end_.store(position + frames, std::memory_order_release);
    }

    // [audio] Goes on at another, later position, with nothing before it. `reset`: nor is there
    // anything before it that a model should remember.
    void jump(int64_t position, bool reset) noexcept TIMBREL_NONBLOCKING {
        if (reset)
            resets_.fetch_add(1, std::memory_order_release);
        begin_.store(position, std::memory_order_release);
        end_.store(position, std::memory_order_release);
    }

    int64_t begin() const noexcept TIMBREL_NONBLOCKING {
        return begin_.load(std::memory_order_acquire);
    }
    int64_t end() const noexcept TIMBREL_NONBLOCKING {
        return end_.load(std::memory_order_acquire);
    }
    int resets() const noexcept TIMBREL_NONBLOCKING {
        return resets_.load(std::memory_order_acquire);
    }

    // Copies `count` samples of a channel, the one at `from` and every `step`th after it.
    void read(int channel, int64_t from, int step, int64_t count,
              float* out) const noexcept TIMBREL_NONBLOCKING {
        const std::atomic<float>* const line = this->line(channel);
        int64_t at = from % capacity_;
        for (int64_t i = 0; i < count; ++i) {
            out[i] = line[at].load(std::memory_order_acquire);
            for (at += step; at >= capacity_;)
                at -= capacity_;
        }
    }

    // Whether everything from there on is (still) what was appended.
    bool holds(int64_t from) const noexcept TIMBREL_NONBLOCKING {
        return from >= begin() && from >= end() - reach();
    }

  private:
    std::atomic<float>* line(int channel) noexcept TIMBREL_NONBLOCKING {
        return samples_.data() + channel * capacity_;
    }
    const std::atomic<float>* line(int channel) const noexcept TIMBREL_NONBLOCKING {
        return samples_.data() + channel * capacity_;
    }

    const int channels_;
    const int64_t capacity_;
    const int vector_;
    std::vector<std::atomic<float>> samples_;
    std::atomic<int64_t> begin_{0}, end_{0};
    std::atomic<int> resets_{0};
};

static_assert(std::atomic<float>::is_always_lock_free);

}  // namespace timbrel
