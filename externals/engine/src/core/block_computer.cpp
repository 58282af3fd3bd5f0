#include "block_computer.h"

#include <cmath>
#include <exception>

namespace timbrel {
namespace {

uint64_t silence_non_finite(std::vector<float>& samples) {
    uint64_t count = 0;
    for (float& sample : samples) {
        if (!std::isfinite(sample)) {
            sample = 0;
            ++count;
        }
    }
    return count;
}

// A worker must outlive whatever a model throws.
template <typename Function>
std::optional<Event> guarded(Function&& function) {
    try {
        return function();
    } catch (const std::exception& error) {
        return Event{"error", {error.what()}};
    } catch (...) {
        return Event{"error", {"the model raised an error of an unknown kind"}};
    }
}

}  // namespace

bool plays_latents(const Loaded& loaded) {
    return loaded.latent_path.allowed && loaded.method.name == "forward";
}

BlockComputer::BlockComputer(const Loaded& loaded, std::unique_ptr<Model> model, int batch,
                             std::shared_ptr<Outbox> outbox)
    : loaded_(loaded), batch_(batch), outbox_(std::move(outbox)), model_(std::move(model)) {
    if (!plays_latents(loaded))
        return;
    const Shape encoded = loaded.prototype->description().find("encode")->shape;
    latent_ratio_ = encoded.out_ratio;
    stage_ =
        std::make_unique<LatentStage>(encoded.out_channels, batch, sample_rate_, encoded.out_ratio);
}

void BlockComputer::restart(const Schedule& schedule) {
    sample_rate_ = schedule.sample_rate;
    const double rate = loaded_.rate(sample_rate_);
    conversion_.reset();
    if (loaded_.converts(sample_rate_))
        conversion_ = std::make_unique<RateConversion>(loaded_.conversion(schedule, batch_));
    model_->set_sample_rate(rate);
    if (stage_)
        stage_->restart(sample_rate_, latent_ratio_ * sample_rate_ / rate);
}

std::vector<Event> BlockComputer::adopt(const Bearing& bearing) {
    std::vector<Event> said;
    const auto obey_this = [&](Instruction instruction) {
        if (auto event = obey(instruction))
            said.push_back(std::move(*event));
    };
    // Refused where the file has changed since.
    for (const auto& [attribute, values] : bearing.attributes)
        obey_this({Instruction::Set{attribute, values}});
    if (bearing.seed)
        obey_this({Instruction::Seed{*bearing.seed}});
    if (stage_ && bearing.latents)
        stage_->adopt(*bearing.latents);
    return said;
}

void BlockComputer::compute(std::vector<float>& input, std::vector<float>& output, int frames,
                            int64_t position) {
    outbox_->counters.non_finite.add(silence_non_finite(input));
    if (conversion_) {
        conversion_->process(input.data(), output.data(), position,
                             [this](const float* in, float* out, int64_t at) {
                                 compute_model(in, out, loaded_.block, at);
                             });
    } else {
        compute_model(input.data(), output.data(), frames, position);
    }
    watch_for_non_finite(silence_non_finite(output), frames);
}

void BlockComputer::compute_model(const float* input, float* output, int frames, int64_t position) {
    if (stage_) {
        compute_latents(input, output, frames, position);
    } else {
        model_->compute(method_.name, input, output, batch_, frames);
    }
}

void BlockComputer::compute_latents(const float* input, float* output, int frames,
                                    int64_t position) {
    const int latent_frames = frames / latent_ratio_;
    latents_.resize(static_cast<size_t>(batch_) * stage_->latents() * latent_frames);
    model_->compute("encode", input, latents_.data(), batch_, frames);
    stage_->apply(latents_.data(), latent_frames, position / latent_ratio_);
    model_->compute("decode", latents_.data(), output, batch_, frames);
}

// A network that has brought forth such a number often has it in its state, and never again
// anything else.
void BlockComputer::watch_for_non_finite(uint64_t count, int frames) {
    outbox_->counters.non_finite.add(count);
    const auto second = static_cast<int64_t>(sample_rate_);
    if (count == 0) {
        non_finite_frames_ = 0;
        finite_frames_ += frames;
        if (finite_frames_ >= second)
            told_of_non_finite_ = told_of_reset_ = false;
        return;
    }
    finite_frames_ = 0;
    non_finite_frames_ += frames;
    if (!std::exchange(told_of_non_finite_, true))
        outbox_->error("the model gives numbers that are not finite; they become silence");
    if (non_finite_frames_ < second)
        return;
    non_finite_frames_ = 0;
    reset();
    if (!std::exchange(told_of_reset_, true))
        outbox_->notice("the model was reset after a second of numbers that are not finite");
}

void BlockComputer::reset() {
    model_->reset();
    if (conversion_)
        conversion_->reset();
    if (stage_)
        stage_->reset();
}

std::optional<Event> BlockComputer::obey(const Instruction& instruction) {
    return guarded([&]() -> std::optional<Event> {
        if (const auto* set = std::get_if<Instruction::Set>(&instruction.what)) {
            model_->set(set->attribute, set->values);
        } else if (const auto* get = std::get_if<Instruction::Get>(&instruction.what)) {
            Atoms answer = model_->get(get->attribute);
            answer.insert(answer.begin(), get->attribute);
            return Event{"attribute", std::move(answer)};
        } else if (const auto* seed = std::get_if<Instruction::Seed>(&instruction.what)) {
            seed_ = seed->seed;
            model_->seed(seed->seed);
            if (stage_)
                stage_->seed(seed->seed);
        } else if (const auto* move = std::get_if<LatentMove>(&instruction.what)) {
            if (!stage_)
                throw std::runtime_error("the latents of this model cannot be played");
            stage_->move(*move);
        }
        return std::nullopt;
    });
}

Bearing BlockComputer::bearing() const {
    Bearing bearing{model_->accepted(), seed_, std::nullopt};
    if (stage_)
        bearing.latents = stage_->settings();
    return bearing;
}

}  // namespace timbrel
