// A stream on a stage: a shelf of files to load from, and a host that plays and listens.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "driver.h"
#include "fake_model.h"

namespace timbrel::test {

// Hands its input through, louder or softer, and can be told how.
class Instrument : public Model {
  public:
    struct Traits {
        Shape shape;
        float level = 1;
        bool sums = false;                        // remembers all that it has heard
        std::function<void(int block)> on_block;  // before each, counted by the instance
    };

    explicit Instrument(Traits traits) : traits_(std::move(traits)) { ++alive; }
    ~Instrument() override { --alive; }

    void compute(const std::string& method, const float* in, float* out, int batch,
                 int frames) override {
        if (traits_.on_block)
            traits_.on_block(blocks_);
        ++blocks_;
        // Encode and decode are inverse to each other, and together what forward is.
        const float factor = method == "encode" ? 0.5F : method == "decode" ? 2.0F : 1.0F;
        const Shape& shape = traits_.shape;
        for (int example = 0; example < batch; ++example) {
            for (int channel = 0; channel < shape.out_channels; ++channel) {
                const float* from =
                    in + (example * shape.in_channels + std::min(channel, shape.in_channels - 1)) *
                             frames;
                for (int i = 0; i < frames; ++i) {
                    sum_ += from[i];
                    *out++ =
                        (traits_.sums ? sum_ : from[i] * traits_.level * factor) * gain_ + random_;
                }
            }
        }
    }
    void reset() override { sum_ = 0; }
    void seed(std::optional<uint64_t> seed) override {
        random_ = seed ? static_cast<float>(*seed) / 1024 : 0;
    }
    void set(const std::string& attribute, const Atoms& values) override {
        check(attribute);
        if (values.size() != 1)
            throw std::runtime_error("gain takes one number");
        gain_ = static_cast<float>(std::get<double>(values[0]));
        set_ = true;
    }
    Atoms get(const std::string& attribute) override {
        check(attribute);
        return {gain_};
    }
    std::vector<std::pair<std::string, Atoms>> accepted() const override {
        if (!set_)
            return {};
        return {{"gain", {gain_}}};
    }

    static inline std::atomic<int> alive{0};

  private:
    static void check(const std::string& attribute) {
        if (attribute != "gain")
            throw std::runtime_error("no attribute '" + attribute + "' (it has: gain)");
    }

    const Traits traits_;
    int blocks_ = 0;
    float sum_ = 0, random_ = 0;
    double gain_ = 1;
    bool set_ = false;
};

// A file of instruments that has three methods of one shape.
inline std::shared_ptr<FakePrototype> file_of(std::string name, Instrument::Traits traits) {
    auto file = std::make_shared<FakePrototype>(std::move(name), traits.shape, 64, [traits] {
        return std::make_unique<Instrument>(traits);
    });
    for (const char* method : {"encode", "decode"})
        file->describe().methods.push_back({.name = method, .shape = traits.shape});
    return file;
}

class Stage {
  public:
    static constexpr int kVector = 64;
    // So slow that no clock of the machine that runs this makes a model too slow for it.
    static constexpr double kRate = 4000;
    static constexpr int kCrossfade = 200, kShortFade = 40;  // samples

    explicit Stage(Channels channels = {}, int workers = 1)
        : pool(workers), stream(Stream::make(channels, loader(), pool)) {
        stream->buffer(64);
        stream->set_offline(true);
    }
    ~Stage() { leave(); }
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;

    void leave() {
        if (!stream)
            return;
        stream->close();
        pool.background().dispose(std::exchange(stream, nullptr));
        pool.background().drain();
    }

    // What `load` finds; or how it fails.
    void shelve(const std::string& path, std::shared_ptr<Prototype> file) {
        shelve(path, [file] { return file; });
    }
    void shelve(const std::string& path, std::function<std::shared_ptr<Prototype>()> open) {
        const std::lock_guard lock(shelf_->mutex);
        shelf_->files[path] = std::move(open);
    }
    Load loader() {
        return [shelf = shelf_](const std::string& path) {
            std::unique_lock lock(shelf->mutex);
            const auto open = shelf->files.find(path);
            if (open == shelf->files.end())
                throw std::runtime_error("no file " + path);
            const auto function = open->second;
            lock.unlock();
            return function();
        };
    }

    void prepare(int vector = kVector) { stream->prepare(kRate, vector, false); }

    // One inlet, one outlet.
    Signal play(const Signal& in, bool wait = true) {
        Signal out(in.size(), 99.0F);
        for (size_t from = 0; from < in.size(); from += kVector) {
            const auto count = static_cast<int>(std::min<size_t>(kVector, in.size() - from));
            const float* inputs[] = {in.data() + from};
            float* outputs[] = {out.data() + from};
            if (wait) {
                stream->process_blocking(inputs, outputs, count);
            } else {
                stream->process(inputs, outputs, count);
            }
        }
        return out;
    }
    Signal play(int length, float level = 1, bool wait = true) {
        return play(Signal(static_cast<size_t>(length), level), wait);
    }

    // Until everything that was sent was carried out, without playing.
    void settle() {
        while (stream->busy())
            std::this_thread::yield();
    }

    // All that was said since, "SELECTOR ATOM ATOM", one a line.
    std::string said() {
        std::string lines;
        while (const auto event = stream->take_event()) {
            lines.append(event->selector);
            for (const Atom& atom : event->atoms) {
                if (const auto* number = std::get_if<double>(&atom)) {
                    lines.append(" ").append(std::to_string(*number));
                } else if (const auto* text = std::get_if<std::string>(&atom)) {
                    lines.append(" ").append(*text);
                }
            }
            lines.append("\n");
        }
        return lines;
    }

    WorkerPool pool;

  private:
    struct Shelf {
        std::mutex mutex;
        std::map<std::string, std::function<std::shared_ptr<Prototype>()>> files;
    };
    const std::shared_ptr<Shelf> shelf_ = std::make_shared<Shelf>();

  public:
    std::shared_ptr<Stream> stream;
};

}  // namespace timbrel::test
