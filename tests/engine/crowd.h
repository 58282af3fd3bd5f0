// An audio thread in the worst of company: streams come, change and go while it plays them, their
// models are late, and other threads turn every knob.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "fake_model.h"
#include "stream.h"
#include "worker_pool.h"

namespace timbrel::test {

// Cheap, and without a call to anything: the audio thread draws from it, too.
class Dice {
  public:
    explicit Dice(uint32_t seed) : state_(seed) {}
    uint32_t below(uint32_t limit) noexcept TIMBREL_NONBLOCKING {
        state_ = state_ * 1664525U + 1013904223U;
        return static_cast<uint32_t>(static_cast<uint64_t>(state_ >> 8) * limit >> 24);
    }
    // 1 to 8192, small ones as often as large ones.
    int vector() noexcept TIMBREL_NONBLOCKING {
        return static_cast<int>(1 + below(2U << below(kOctaves)));
    }
    static constexpr uint32_t kOctaves = 13;
    static constexpr int kMost = 1 << kOctaves;

  private:
    uint32_t state_;
};

class Crowd {
  public:
    struct Tally {
        uint64_t calls = 0, frames = 0, streams = 0, layouts = 0;
        uint64_t blocks = 0, late = 0, skipped = 0, swaps = 0;
    };

    // Calls `audio` while the other threads are at work, which end when it returns.
    long run_beside(const std::function<long()>& audio) {
        over_.store(false);
        std::vector<std::thread> hosts;
        for (size_t i = 0; i < seats_.size(); ++i)
            hosts.emplace_back([this, i] { host(seats_[i], Dice(static_cast<uint32_t>(i + 1))); });
        const long result = audio();
        over_.store(true);
        for (std::thread& host : hosts)
            host.join();
        return result;
    }

    // The audio thread: at least so many calls of `process`, over all the streams that are there,
    // until so many have come and gone, and models have been swapped as often.
    void play(uint64_t calls, uint64_t streams) noexcept TIMBREL_NONBLOCKING {
        Dice dice(99);
        for (uint64_t done = 0;
             done < calls || streams_.load() < streams || swaps_.load() < streams;) {
            for (Seat& seat : seats_)
                done += seat.play(*this, dice);
            breathe();
        }
    }

    Tally tally() const {
        Tally tally = ended_;
        tally.calls = calls_.load();
        tally.frames = frames_.load();
        tally.streams = streams_.load();
        tally.swaps = swaps_.load();
        tally.layouts = layouts_.load();
        return tally;
    }

  private:
    static constexpr int kChannels = 2, kExamples = 2;
    static constexpr size_t kSignals = kChannels * kExamples;

    struct Guest {
        std::shared_ptr<Stream> stream;
        bool varies = false;
        bool wide = false;  // plays doubles
        int vector = 0;
    };

    // Where a control thread puts a stream for the audio thread to play, and takes it away again
    // without either waiting on the audio thread's side: a hazard pointer. Sequentially consistent
    // throughout, because each side writes one variable and then reads the other's.
    struct Seat {
        std::atomic<Guest*> offered{nullptr};
        std::atomic<Guest*> playing{nullptr};

        int play(Crowd& crowd, Dice& dice) noexcept TIMBREL_NONBLOCKING {
            Guest* guest = offered.load();
            playing.store(guest);
            const bool here = guest && offered.load() == guest;
            if (here)
                crowd.play_call(*guest, dice);
            playing.store(nullptr);
            return here;
        }
    };

    // As a sound card would: without it the other threads hardly get to do anything meanwhile.
    // Bounded, because they may wait for the next call in turn; counted, because a clock is a
    // system call away.
    void breathe() const noexcept TIMBREL_NONBLOCKING {
        constexpr int kBreath = 30000;
        const uint64_t seen = deeds_.load(std::memory_order_relaxed);
        for (int i = 0; i < kBreath && deeds_.load(std::memory_order_relaxed) == seen; ++i) {
        }
    }

    void play_call(Guest& guest, Dice& dice) noexcept TIMBREL_NONBLOCKING {
        // Now and then more or fewer frames than were announced.
        const bool any = guest.varies || dice.below(8) == 0;
        const int frames = any ? dice.vector() : guest.vector;
        if (guest.wide) {
            guest.stream->process(wide_inputs_.data(), wide_outputs_.data(), frames);
        } else {
            guest.stream->process(inputs_.data(), outputs_.data(), frames);
        }
        calls_.fetch_add(1, std::memory_order_relaxed);
        frames_.fetch_add(static_cast<uint64_t>(frames), std::memory_order_relaxed);
    }

    // Returns once the audio thread has played some calls more, or will not play any more.
    void let_play(uint64_t calls) const {
        const uint64_t until = calls_.load() + calls;
        while (calls_.load() < until && !over_.load())
            std::this_thread::yield();
    }

    // Some blocks take as long as many calls of the audio thread, some fail.
    class Unreliable : public Model {
      public:
        Unreliable(const Crowd& crowd, std::shared_ptr<const Description> description, Dice dice)
            : crowd_(crowd), description_(std::move(description)), dice_(dice) {}

        void compute(const std::string& method, const float* in, float* out, int batch,
                     int frames) override {
            if (dice_.below(16) == 0)
                crowd_.let_play(dice_.below(200));
            if (dice_.below(256) == 0)
                throw std::runtime_error("on a whim");
            std::fill_n(out, description_->find(method)->shape.output_size(batch, frames),
                        *in * gain_);
        }
        void reset() override {}
        void set(const std::string&, const Atoms& values) override {
            if (dice_.below(8) == 0)
                throw std::runtime_error("not like that");
            gain_ = static_cast<float>(std::get<double>(values.at(0)));
        }
        Atoms get(const std::string&) override { return {gain_}; }
        std::vector<std::pair<std::string, Atoms>> accepted() const override {
            return {{"gain", {gain_}}};
        }

      private:
        const Crowd& crowd_;
        const std::shared_ptr<const Description> description_;
        Dice dice_;
        float gain_ = 1;
    };

    std::shared_ptr<Prototype> file(Dice dice) {
        const int ratios[] = {1, 16, 256};
        const int ratio = ratios[dice.below(3)];
        const auto channels = [&] { return 1 + static_cast<int>(dice.below(3)); };
        const Shape encode{channels(), 1, 3, ratio}, decode{3, ratio, channels(), 1};
        const auto description = std::make_shared<Description>();
        description->name = "file";
        description->max_ratio = 256;
        description->methods = {
            {.name = "forward", .shape = {encode.in_channels, 1, decode.out_channels, 1}},
            {.name = "encode", .shape = encode},
            {.name = "decode", .shape = decode}};
        const uint32_t seed = dice.below(1U << 24);
        auto file = std::make_shared<FakePrototype>(
            "file", encode, 256, [this, description, seed]() -> std::unique_ptr<Model> {
                return std::make_unique<Unreliable>(*this, description, Dice(seed));
            });
        file->describe() = *description;
        file->latents.allowed = dice.below(2);
        if (dice.below(16) == 0) {
            file->warm = [](const std::string&, int, int) -> double {
                throw std::runtime_error("too cold");
            };
        }
        return file;
    }

    // One control thread: makes streams, lays them out, lets them be played, turns their knobs.
    void host(Seat& seat, Dice dice) {
        while (!over_.load()) {
            const Channels channels{1 + static_cast<int>(dice.below(kChannels)),
                                    1 + static_cast<int>(dice.below(kChannels)),
                                    1 + static_cast<int>(dice.below(kExamples))};
            // Loaders ask for files while this thread goes on.
            const auto shelf = std::make_shared<std::atomic<uint32_t>>(dice.below(1U << 24));
            const Load load = [this, shelf](const std::string&) {
                const uint32_t number = shelf->fetch_add(1);
                if (number % 16 == 0)
                    throw std::runtime_error("no such file");
                return file(Dice(number * 2654435761U));
            };
            Guest guest;
            guest.stream = Stream::make(channels, load, pool_);
            guest.stream->load("first");
            for (uint32_t layout = dice.below(20) + 1; layout > 0 && !over_.load(); --layout) {
                guest.vector = dice.vector();
                guest.varies = dice.below(2);
                guest.wide = dice.below(2);
                guest.stream->prepare(48000, guest.vector, guest.varies);
                seat.offered.store(&guest);
                turn_knobs(*guest.stream, dice);
                seat.offered.store(nullptr);
                while (seat.playing.load() == &guest && !over_.load())
                    std::this_thread::yield();
                ++layouts_;
            }
            const Report report = guest.stream->report();
            guest.stream->close();
            pool_.background().dispose(std::move(guest.stream));
            ++streams_;
            const std::lock_guard lock(mutex_);
            ended_.blocks += report.blocks;
            ended_.late += report.late;
            ended_.skipped += report.skipped;
            swaps_ += report.swaps;
        }
    }

    void turn_knobs(Stream& stream, Dice& dice) {
        for (uint32_t turns = dice.below(40) + 1; turns > 0 && !over_.load(); --turns) {
            ++deeds_;
            let_play(dice.below(100));
            const int number = static_cast<int>(dice.below(4000));
            switch (dice.below(16)) {
                case 0:
                    stream.set_enabled(false);
                    break;
                case 1:
                    stream.reset();
                    break;
                case 2:
                    (void)stream.report();
                    (void)stream.latency();
                    (void)stream.busy();
                    break;
                case 3:
                    stream.load("next");
                    break;
                case 4:
                    stream.reload();
                    break;
                case 5:
                    stream.buffer(number);
                    break;
                case 6:
                    stream.slack(number % 200);
                    break;
                case 7:
                    stream.method(number % 2 ? "forward" : "encode");
                    break;
                case 8:
                    stream.set("gain", {number / 4000.0});
                    break;
                case 9:
                    stream.get("gain");
                    break;
                case 10:
                    stream.seed(number);
                    break;
                case 11:
                    stream.move_latents({.index = number % 3, .value = 0.5F});
                    break;
                case 12:
                    stream.set_bypass(number % 2);
                    break;
                case 13:
                    while (stream.take_event()) {
                    }
                    (void)stream.latents();
                    break;
                default:
                    stream.set_enabled(true);
            }
        }
        stream.set_enabled(true);
    }

    std::array<Seat, 3> seats_;
    std::atomic<bool> over_{false};
    std::atomic<uint64_t> calls_{0}, frames_{0}, layouts_{0}, streams_{0}, swaps_{0};
    std::atomic<uint64_t> deeds_{0};  // of the other threads
    std::mutex mutex_;                // of the control threads; guards the following
    Tally ended_;

    // What is played does not matter here, only that it is: every inlet hears the same, and every
    // outlet writes to the same place.
    std::vector<float> in_ = std::vector<float>(Dice::kMost, 0.5F), out_ = in_;
    std::vector<double> wide_in_ = std::vector<double>(Dice::kMost, 0.5), wide_out_ = wide_in_;
    const std::vector<const float*> inputs_ = std::vector<const float*>(kSignals, in_.data());
    const std::vector<float*> outputs_ = std::vector<float*>(kSignals, out_.data());
    const std::vector<const double*> wide_inputs_ =
        std::vector<const double*>(kSignals, wide_in_.data());
    const std::vector<double*> wide_outputs_ = std::vector<double*>(kSignals, wide_out_.data());

    WorkerPool pool_{2};  // last: its models use the above
};

}  // namespace timbrel::test
