// Plays signals through a stream in vectors of any size.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "stream.h"
#include "worker_pool.h"

namespace timbrel::test {

using Signal = std::vector<float>;

struct Player {
    Player(WorkerPool& pool, std::unique_ptr<Model> model, Stream::Options options)
        : pool(pool), stream(std::make_shared<Stream>(std::move(model), options, pool)) {
        pool.add(stream);
    }
    ~Player() {
        if (stream)
            pool.remove(std::move(stream));
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
