// What the tests of the objects share.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "host.h"

namespace maxhost {

inline const std::filesystem::path kPackage = TIMBREL_TEST_PACKAGE;

inline void open_externals() {
    for (const auto& file : std::filesystem::directory_iterator(kPackage / "externals"))
        Host::get().open_external(file.path().string());
}

// A model in the package's folder; its words are explained in engine/fake_models.cpp.
inline void write_model(const std::string& name, const std::string& words,
                        const std::filesystem::path& folder = kPackage / "models") {
    std::filesystem::create_directories(folder);
    std::ofstream file(folder / (name + ".ts"));
    file << "name " << name << "\n" << words << "\n";
    file.close();
    if (!file)
        throw std::runtime_error("the model " + name + " could not be written");
}

// An object, and what is said by it and about it while the test goes on.
class Patch {
  public:
    explicit Patch(const std::string& text) : box_(Host::get().make(text)) {}
    ~Patch() {
        if (box_)
            host().remove(box_);
        host().serve_queue();
        host().take_console();
    }
    Patch(const Patch&) = delete;
    Patch& operator=(const Patch&) = delete;

    static Host& host() { return Host::get(); }
    explicit operator bool() const { return box_ != nullptr; }
    Box& box() { return *box_; }
    Box* operator->() { return box_; }
    // Not removed at the end any more.
    Box* release() { return std::exchange(box_, nullptr); }

    void send(const std::string& text) { host().send(*box_, text); }

    // Lets time pass until all that was asked for is done and told: the engine carries out what
    // takes time on threads of its own.
    void settle() { heard_until("loaded"); }
    // All that left by the outlets, up to and including a message that begins with a word. What
    // came after that one is heard the next time.
    std::vector<std::string> heard_until(const std::string& word) {
        std::vector<std::string> all;
        for (;;) {
            host().run_scheduler(20);
            host().serve_queue();
            hear();
            while (!unheard_.empty()) {
                all.push_back(std::move(unheard_.front()));
                unheard_.pop_front();
                if (all.back() == word || all.back().starts_with(word + " "))
                    return all;
            }
            std::this_thread::yield();
        }
    }
    // A line in the console that contains a text.
    std::string console_until(const std::string& text) {
        for (;;) {
            host().run_scheduler(20);
            host().serve_queue();
            for (const std::string& line : host().take_console()) {
                if (line.find(text) != std::string::npos)
                    return line;
            }
            std::this_thread::yield();
        }
    }
    // What left the outlets so far.
    std::vector<std::string> heard() {
        hear();
        std::vector<std::string> all(unheard_.begin(), unheard_.end());
        unheard_.clear();
        return all;
    }

  private:
    void hear() {
        for (Heard& each : host().take_heard(*box_))
            unheard_.push_back(std::move(each.text));
    }

    Box* box_;
    std::deque<std::string> unheard_;
};

using Signal = std::vector<double>;

inline Signal ramp(size_t frames, double from = 0) {
    Signal signal(frames);
    for (size_t i = 0; i < frames; ++i)
        signal[i] = from + 0.001 * static_cast<double>(i % 1000);
    return signal;
}

inline Signal scaled(Signal signal, double factor) {
    for (double& sample : signal)
        sample *= factor;
    return signal;
}

// The largest difference between what was heard, from sample `first` on, and a signal that comes
// `delay` samples later; silence before it.
inline double difference(const Signal& heard, const Signal& expected, size_t delay,
                         size_t first = 0) {
    double most = 0;
    for (size_t i = first; i < heard.size(); ++i) {
        const double wanted = i < delay ? 0 : expected[i - delay];
        most = std::max(most, std::abs(heard[i] - wanted));
    }
    return most;
}

}  // namespace maxhost
