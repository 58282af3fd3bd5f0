// Plays streams of one model as a host's audio thread does, in real time, and says how long its
// calls took. Beside the engine, two ways in which it can be done with less thought, and is:
//
//   mutex    one thread computes, and holds a mutex meanwhile that every call of the audio thread
//   takes thread   every block is computed by a thread that the audio thread makes for it, and
//   joins when
//            the next block is full
//
//     stress MODEL engine|mutex|thread STREAMS SECONDS
//
// prints one line of JSON; times are in microseconds.
#include <ATen/Parallel.h>
#include <pthread.h>
#include <torch/script.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <future>
#include <iostream>
#include <latch>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "timbrel/engine.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kRate = 48000;
constexpr int kVector = 64;
constexpr int kBlock = 2048;
constexpr std::chrono::duration<double> kVectorTime{kVector / kRate};
constexpr int kReserve = 4;  // vectors that the driver still has to play when it asks for the next

struct Counts {
    uint64_t blocks = 0, late = 0, skipped = 0;
};

class Player {
  public:
    virtual ~Player() = default;
    virtual void process(const float* input, float* output) = 0;
    virtual Counts counts() const = 0;
};

// ---- the engine ----

void check(bool succeeded, const char* error) {
    if (!succeeded)
        throw std::runtime_error(error);
}

class EnginePlayer : public Player {
  public:
    explicit EnginePlayer(const std::string& path) : api_(*timbrel_get_api(TIMBREL_ABI_VERSION)) {
        char error[TIMBREL_ERROR_SIZE];
        timbrel_model* model = api_.model_open(path.c_str(), error, sizeof(error));
        check(model, error);
        const timbrel_stream_options options{1, 1, 1, 0};
        stream_ = api_.stream_create(&options, error, sizeof(error));
        check(stream_, error);
        const bool opened =
            api_.stream_open(stream_, model, "forward", kBlock, error, sizeof(error)) == 0;
        api_.model_release(model);
        check(opened, error);
        const timbrel_stream_config config{kRate, kVector, 0};
        check(api_.stream_prepare(stream_, &config, error, sizeof(error)) == 0, error);
    }
    ~EnginePlayer() override { api_.stream_release(stream_); }

    void process(const float* input, float* output) override {
        api_.stream_process_f32(stream_, &input, &output, kVector);
    }
    Counts counts() const override {
        const timbrel_stream_stats stats = api_.stream_stats(stream_);
        return {stats.blocks, stats.late, stats.skipped};
    }

  private:
    const timbrel_api& api_;
    timbrel_stream* stream_ = nullptr;
};

// ---- libtorch, with less thought ----

class Network {
  public:
    explicit Network(const std::string& path) : module_(torch::jit::load(path)) {
        module_.eval();
        // The first calls compile.
        std::vector<float> block(kBlock);
        for (int i = 0; i < 4; ++i)
            compute(block);
    }
    // In place.
    void compute(std::vector<float>& block) {
        const c10::InferenceMode inference;
        const auto input = torch::from_blob(block.data(), {1, 1, kBlock}).clone();
        const auto output = module_.forward({input}).toTensor().contiguous();
        std::copy_n(output.const_data_ptr<float>(), kBlock, block.begin());
    }

  private:
    torch::jit::Module module_;
};

// A vector goes into `filling`, and one of what was computed before comes from `playing`.
struct Blocks {
    std::vector<float> filling = std::vector<float>(kBlock), playing = filling, computing = filling;
    size_t at = 0;
    Counts counts;

    bool pass(const float* input, float* output) {
        std::copy_n(input, kVector, filling.begin() + static_cast<ptrdiff_t>(at));
        std::copy_n(playing.begin() + static_cast<ptrdiff_t>(at), kVector, output);
        at = (at + kVector) % kBlock;
        return at == 0;
    }
    // What was computed is played next, what was filled is computed.
    void turn() {
        playing.swap(computing);
        computing.swap(filling);
        ++counts.blocks;
    }
};

class MutexPlayer : public Player {
  public:
    explicit MutexPlayer(const std::string& path) : network_(path), worker_([this] { work(); }) {}
    ~MutexPlayer() override {
        {
            const std::lock_guard lock(mutex_);
            done_ = true;
        }
        changed_.notify_one();
        worker_.join();
    }

    void process(const float* input, float* output) override {
        const std::lock_guard lock(mutex_);
        if (!blocks_.pass(input, output))
            return;
        // The worker may not even have woken up since the last block.
        blocks_.counts.skipped += full_;
        blocks_.turn();
        full_ = true;
        changed_.notify_one();
    }
    Counts counts() const override { return blocks_.counts; }

  private:
    void work() {
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [this] { return full_ || done_; });
            if (done_)
                return;
            network_.compute(blocks_.computing);
            full_ = false;
        }
    }

    Network network_;
    Blocks blocks_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool full_ = false, done_ = false;
    std::thread worker_;
};

class ThreadPlayer : public Player {
  public:
    explicit ThreadPlayer(const std::string& path) : network_(path) {}
    ~ThreadPlayer() override {
        if (worker_.joinable())
            worker_.join();
    }

    void process(const float* input, float* output) override {
        if (!blocks_.pass(input, output))
            return;
        if (worker_.joinable())
            worker_.join();
        blocks_.turn();
        worker_ = std::thread([this] { network_.compute(blocks_.computing); });
    }
    Counts counts() const override { return blocks_.counts; }

  private:
    Network network_;
    Blocks blocks_;
    std::thread worker_;
};

std::unique_ptr<Player> make_player(const std::string& kind, const std::string& path) {
    if (kind == "engine")
        return std::make_unique<EnginePlayer>(path);
    if (kind == "mutex")
        return std::make_unique<MutexPlayer>(path);
    if (kind == "thread")
        return std::make_unique<ThreadPlayer>(path);
    throw std::runtime_error("'" + kind + "' is not engine, mutex or thread");
}

// ---- the audio thread ----

// As the audio thread of a host has it where the system grants it.
bool raise_priority() {
#if defined(__linux__)
    const sched_param param{.sched_priority = 70};
    return pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) == 0;
#else
    return false;
#endif
}

struct Measured {
    std::vector<float> calls;  // microseconds, each of one stream and one vector
    int missed = 0;            // vectors that the driver had to do without
};

Measured play(std::vector<std::unique_ptr<Player>>& players, double seconds) {
    std::vector<float> input(static_cast<size_t>(kRate)), output(kVector);
    std::minstd_rand random(1);
    for (float& sample : input)
        sample = std::uniform_real_distribution<float>(-0.1F, 0.1F)(random);
    const auto vectors = static_cast<size_t>(seconds / kVectorTime.count());
    Measured measured;
    measured.calls.reserve(vectors * players.size());
    const auto begin = Clock::now();
    for (size_t i = 0; i < vectors; ++i) {
        const auto due = begin + std::chrono::duration_cast<Clock::duration>(i * kVectorTime);
        // The sound card does not wait: it plays a gap, and goes on with the vector that is due.
        if (Clock::now() > due + kReserve * kVectorTime) {
            ++measured.missed;
            continue;
        }
        std::this_thread::sleep_until(due);
        const float* vector = &input[i * kVector % (input.size() - kVector)];
        const auto start = Clock::now();
        auto before = start;
        for (const auto& player : players) {
            player->process(vector, output.data());
            const auto now = Clock::now();
            measured.calls.push_back(
                std::chrono::duration<float, std::micro>(now - before).count());
            before = now;
        }
    }
    return measured;
}

void run(const std::string& path, const std::string& kind, int streams, double seconds) {
    at::set_num_threads(1);
    std::vector<std::unique_ptr<Player>> players;
    Measured measured;
    bool raised = false;
    // The audio thread is there before the objects of a patch are: the engine looks for it.
    std::promise<bool> ready;
    std::latch started(1);
    std::thread audio([&] {
        raised = raise_priority();
        started.count_down();
        if (ready.get_future().get())
            measured = play(players, seconds);
    });
    started.wait();
    try {
        for (int i = 0; i < streams; ++i)
            players.push_back(make_player(kind, path));
    } catch (...) {
        ready.set_value(false);
        audio.join();
        throw;
    }
    ready.set_value(true);
    audio.join();
    Counts counts;
    for (const auto& player : players) {
        const Counts one = player->counts();
        counts.blocks += one.blocks;
        counts.late += one.late;
        counts.skipped += one.skipped;
    }
    std::sort(measured.calls.begin(), measured.calls.end());
    const auto quantile = [&](double q) {
        const auto last = static_cast<double>(measured.calls.size() - 1);
        return measured.calls[static_cast<size_t>(q * last)];
    };
    std::cout << "{\"calls\": " << measured.calls.size() << ", \"p50\": " << quantile(0.5)
              << ", \"p999\": " << quantile(0.999) << ", \"max\": " << quantile(1)
              << ", \"missed\": " << measured.missed << ", \"blocks\": " << counts.blocks
              << ", \"late\": " << counts.late << ", \"skipped\": " << counts.skipped
              << ", \"raised\": " << (raised ? "true" : "false") << "}" << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::cerr << "stress MODEL engine|mutex|thread STREAMS SECONDS\n";
        return 1;
    }
    try {
        run(argv[1], argv[2], std::stoi(argv[3]), std::stod(argv[4]));
    } catch (const std::exception& error) {
        std::cerr << "stress: " << error.what() << '\n';
        return 1;
    }
}
