// Latents played by hand: what a stream does to them between encode and decode, at latent rate.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

namespace timbrel {

// One gesture. `at` is the stream's position, in samples at the host's rate, at which it was sent:
// it acts on the latent frame that covers this sample, or on the next one that is computed.
struct LatentMove {
    enum class Kind {
        set,      // hold `value`
        release,  // follow the encoder again, or what is frozen
        bias,     // add `value`
        scale,    // multiply by `value`, before the bias
        noise,    // add Gaussian noise of standard deviation `value`
        freeze,   // value 1: hold what is there; 0: follow the encoder again
    };

    static constexpr double kDefaultMs = 20;  // no click where frames are short, else the next one

    Kind kind = Kind::set;
    int index = -1;  // of a latent, from 0; -1: all of them
    float value = 0;
    double ms = -1;  // how long the ramp takes; < 0: kDefaultMs
    int64_t at = 0;

    bool operator==(const LatentMove&) const = default;
};

// [control] Throws std::runtime_error, with a line for a person, where a move makes no sense for a
// model of so many latents: no such latent, not a number, beyond any sensible size.
void check(const LatentMove& move, int latents);

// What was asked of each latent, without the ramps that lead there.
struct LatentSettings {
    struct Latent {
        std::optional<float> set;
        float bias = 0;
        float scale = 1;
        float noise = 0;
        bool frozen = false;
        std::vector<float> frozen_at;  // one per example; empty until a frame has been frozen

        bool operator==(const Latent&) const = default;
    };
    std::vector<Latent> latents;

    bool operator==(const LatentSettings&) const = default;
};

// For each latent of each example
//
//     out = scale * base + bias + noise * n,
//
// where base is the encoder's value, or the one it was frozen at, or the one that was set by hand
// (which goes before a frozen one), and n is drawn for every frame. Whatever changes goes along a
// straight line, evaluated once per frame: from what it was in the frame before the move, over
// (k + 1) / (ms in frames) of the way in the k-th frame from there, to what it is to be. Latents
// that nothing is asked of pass to the bit.
//
// Used by one thread at a time, a worker's, but for the functions that say otherwise.
class LatentStage {
  public:
    // `frame_samples`: what one latent frame lasts, in samples at the host's rate; the ratio, but
    // for a model whose rate is converted.
    LatentStage(int latents, int batch, double sample_rate, double frame_samples);
    LatentStage(const LatentStage&) = delete;
    LatentStage& operator=(const LatentStage&) = delete;

    // The numbers that noise draws: those of this seed, or other ones each time.
    void seed(std::optional<uint64_t> seed);
    // The noise begins anew with the next frame. All that was asked for stays.
    void reset() { reset_due_ = true; }
    // The stream's positions begin at 0 again, perhaps at another rate. Ramps arrive, moves that
    // wait act on the next frame.
    void restart(double sample_rate, double frame_samples);

    // Keeps a move, which `check` has accepted, for its frame. Moves act in the order in which they
    // come; of those of one kind and index that share a frame, the last one alone.
    void move(const LatentMove& move);
    // In place: (batch, latents, frames). `first_frame` counts from the stream's position 0, with
    // frames that were skipped: position / ratio.
    void apply(float* latents, int frames, int64_t first_frame);

    int latents() const { return static_cast<int>(latents_.size()); }
    int batch() const { return batch_; }

    // [any thread, wait-free] What moves have asked for, those that wait included: all that another
    // stage has to adopt to go on like this one. Each number is right by itself.
    LatentSettings settings() const;
    // [any thread, wait-free] The last frame that left, (batch, latents); zeros before the first.
    std::vector<float> last() const;
    // Before the first frame: as another stage was asked, without ramps. What this one lacks,
    // latents or examples, is left out.
    void adopt(const LatentSettings& settings);

    // The standard normal number that belongs to a frame, whatever was drawn before. The formula is
    // part of what users rely on: a seed gives the same noise in every release.
    static float normal(uint64_t seed, int example, int latent, int64_t frame);

  private:
    // When something leaves a value and how long it takes, in frames; 0: it has arrived.
    struct Ramp {
        int64_t start = 0;
        double frames = 0;

        double progress(int64_t frame) const;
    };
    struct Control {
        float from = 0, to = 0;
        Ramp ramp;

        float at(int64_t frame) const;
        bool rests_at(float value, int64_t frame) const;
    };
    struct Latent {
        Control bias, scale{1, 1, {}}, noise;
        bool is_set = false, is_frozen = false;
        float set = 0;
        Ramp ramp;                           // of base
        std::vector<float> from;             // per example: where base comes from
        std::vector<float> frozen_at, base;  // per example; base of the last frame
    };
    // What other threads may read. NaN: nothing.
    struct Asked {
        std::atomic<float> set, bias{0}, scale{1}, noise{0};
        std::atomic<bool> frozen{false};
    };

    // `live`: the encoder's values of one frame, one latent of one example `stride` after the
    // other.
    struct Frame {
        int64_t index;
        float* live;
        size_t stride;
    };
    int64_t frame_of(const LatentMove& move) const;
    void act(const LatentMove& move, const Frame& frame);
    void act(const LatentMove& move, int index, const Frame& frame);
    void play(const Frame& frame);
    float& value(const Frame& frame, int example, int index) const;
    float base(const Latent& latent, int example, float live, int64_t frame) const;
    bool passes(const Latent& latent, int64_t frame) const;
    void ask(const LatentMove& move, int index);

    const int batch_;
    double frames_per_ms_ = 0, frame_samples_ = 1;
    uint64_t seed_ = 0;
    bool reset_due_ = false, has_base_ = false;
    int64_t noise_from_ = 0;  // the frame that draws the first number
    std::vector<Latent> latents_;
    std::vector<LatentMove> waiting_;

    std::vector<Asked> asked_;
    std::vector<std::atomic<float>> frozen_at_, last_;  // (batch, latents)
};

}  // namespace timbrel
