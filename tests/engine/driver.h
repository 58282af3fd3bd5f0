// Plays signals through a stream in vectors of any size.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fake_model.h"
#include "stream.h"
#include "worker_pool.h"

namespace timbrel::test {

using Signal = std::vector<float>;

// One model, played from the first call on.
struct Part {
    Shape shape;
    int block = kSmallestDefaultBlock;
    bool blocking = false;
    int batch = 1;
};

struct Player {
    Player(WorkerPool& pool, std::unique_ptr<Model> model, Part part)
        : pool(pool),
          part(part),
          model(std::make_shared<std::unique_ptr<Model>>(std::move(model))),
          stream(Stream::make({part.shape.in_channels, part.shape.out_channels, part.batch}, {},
                              pool)) {}
    ~Player() { release(); }
    Player(const Player&) = delete;
    Player& operator=(const Player&) = delete;

    // `slack` in samples, < 0: the default.
    void prepare(double sample_rate, int vector, bool varies, int slack) {
        Settings settings;
        settings.buffer = part.blocking ? 0 : part.block;
        settings.slack_ms = slack < 0 ? -1 : 1000 * slack / sample_rate;
        if (*model) {
            const auto instance = [model = model] { return std::move(*model); };
            stream->open(std::make_shared<FakePrototype>("fake", part.shape, part.block, instance),
                         settings);
        }
        stream->prepare(sample_rate, vector, varies);
    }

    // Returns before what a worker is inside of is freed.
    void release() {
        if (!stream)
            return;
        stream->close();
        pool.background().dispose(std::exchange(stream, nullptr));
    }

    // The next line for a person; empty: none.
    std::string line() {
        while (const auto event = stream->take_event()) {
            if (event->selector == "error" || event->selector == "notice")
                return std::get<std::string>(event->atoms[0]);
        }
        return {};
    }

    // One inlet, one outlet.
    Signal play(const Signal& in, const std::vector<int>& vectors, bool wait = true) {
        Signal out(in.size(), 99.0F);
        size_t from = 0;
        for (size_t call = 0; from < in.size(); ++call) {
            const size_t count =
                std::min(in.size() - from, static_cast<size_t>(vectors[call % vectors.size()]));
            const float* inputs[] = {in.data() + from};
            float* outputs[] = {out.data() + from};
            if (wait) {
                stream->process_blocking(inputs, outputs, static_cast<int>(count));
            } else {
                stream->process(inputs, outputs, static_cast<int>(count));
            }
            from += count;
        }
        return out;
    }

    WorkerPool& pool;
    const Part part;
    const std::shared_ptr<std::unique_ptr<Model>> model;  // until it plays
    std::shared_ptr<Stream> stream;
};

inline Signal impulse(int length, int at) {
    Signal signal(static_cast<size_t>(length));
    signal[static_cast<size_t>(at)] = 1.0F;
    return signal;
}

inline Signal noise(int length, unsigned seed) {
    Signal signal(static_cast<size_t>(length));
    for (float& sample : signal) {
        seed = seed * 1664525U + 1013904223U;
        sample = static_cast<float>(seed >> 8) / 8388608.0F - 1.0F;
    }
    return signal;
}

inline float largest_step(const Signal& signal) {
    float largest = 0;
    for (size_t i = 1; i < signal.size(); ++i) {
        largest = std::max(largest, std::abs(signal[i] - signal[i - 1]));
    }
    return largest;
}

}  // namespace timbrel::test
