// How the output of a block is made from its input: one instance of a model and all that goes with
// it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "latent_stage.h"
#include "outbox.h"
#include "settings.h"

namespace timbrel {

// What a playing model is told.
struct Instruction {
    struct Set {
        std::string attribute;
        Atoms values;
    };
    struct Get {
        std::string attribute;
    };
    struct Seed {
        std::optional<uint64_t> seed;
    };

    std::variant<Set, Get, Seed, LatentMove> what;
    int64_t at = 0;  // the stream's position at which it was said,
    int epoch = 0;   // in this layout
};

// What another instance of the same file has to be told to go on like this one.
struct Bearing {
    std::vector<std::pair<std::string, Atoms>> attributes;
    std::optional<std::optional<uint64_t>> seed;  // as it was asked for, if it was
    std::optional<LatentSettings> latents;
};

// Used by one thread at a time, but for what says otherwise. Errors of the model are thrown.
class BlockComputer {
  public:
    BlockComputer(const Loaded& loaded, std::unique_ptr<Model> model, int batch,
                  std::shared_ptr<Outbox> outbox);

    // Before the first block, and whenever positions begin at 0 again.
    void restart(const Schedule& schedule);
    std::vector<Event> adopt(const Bearing& bearing);  // never throws: what was refused

    // `input` (batch, in_channels, frames / in_ratio), `output` (batch, out_channels, frames /
    // out_ratio), or, where rates are converted, a value per sample on both sides. `position` of
    // the first frame. What is not finite becomes 0 on both sides.
    void compute(std::vector<float>& input, std::vector<float>& output, int frames,
                 int64_t position);
    void reset();
    // Never throws: gives what there is to say of it, an answer or why it was refused.
    std::optional<Event> obey(const Instruction& instruction);

    Bearing bearing() const;

    // [any] Null where latents are not played.
    const LatentStage* stage() const { return stage_.get(); }

  private:
    void watch_for_non_finite(uint64_t count, int frames);
    void compute_model(const float* input, float* output, int frames, int64_t position);
    void compute_latents(const float* input, float* output, int frames, int64_t position);

    const Loaded loaded_;
    const Method& method_ = loaded_.method;
    const int batch_;
    const std::shared_ptr<Outbox> outbox_;
    const std::unique_ptr<Model> model_;
    double sample_rate_ = 48000;                  // of the host
    std::unique_ptr<RateConversion> conversion_;  // null: the model runs at the host's rate
    std::optional<std::optional<uint64_t>> seed_;

    // Encode, stage, decode in the place of forward; null where the model does not allow it.
    std::unique_ptr<LatentStage> stage_;
    int latent_ratio_ = 1;
    std::vector<float> latents_;

    // An episode of numbers that are not finite ends after a second without.
    bool told_of_non_finite_ = false, told_of_reset_ = false;
    int64_t non_finite_frames_ = 0;  // in a row
    int64_t finite_frames_ = 0;      // in a row
};

// Whether this method is played as encode, latent stage, decode.
bool plays_latents(const Loaded& loaded);

}  // namespace timbrel
