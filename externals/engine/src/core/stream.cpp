#include "stream.h"

#include <algorithm>
#include <utility>

#include "worker_pool.h"

namespace timbrel {

std::shared_ptr<Stream> Stream::make(Options options, Load load, WorkerPool& pool) {
    return std::make_shared<Stream>(options, std::move(load), pool);
}

Stream::Stream(Options options, Load load, WorkerPool& pool)
    : options_(options),
      director_(std::make_shared<Director>(options, std::move(load), pool, outbox_)),
      playback_(options, outbox_, director_->offered()) {
    outbox_->collect = [director = std::weak_ptr(director_), &loader = pool.loader()] {
        if (auto held = director.lock())
            loader.schedule(std::move(held));
    };
}

Stream::~Stream() {
    close();
    director_->close();
}

void Stream::close() {
    outbox_->closed.store(true);
}

void Stream::open(std::shared_ptr<Prototype> prototype, Settings settings) {
    director_->open(std::move(prototype), settings);
}

// ---- commands ----

const Director::News& Stream::news() const {
    if (const auto news = director_->take_news())
        news_ = *news;
    return news_;
}

void Stream::send(Command command) {
    const std::lock_guard lock(mutex_);
    if (!outbox_->closed.load())
        complain(director_->send(std::move(command)));
}

void Stream::complain(bool kept) {
    if (!kept && !overflown_)
        outbox_->error("too many messages are waiting: the latest are dropped");
    overflown_ = !kept;
}

void Stream::change(std::function<void(Settings&)> apply) {
    send({Command::Change{std::move(apply)}});
}

void Stream::load(std::string path) {
    send({Command::Open{std::move(path)}});
}

void Stream::reload() {
    send({Command::Reopen{}});
}

void Stream::method(std::string name) {
    change([name = std::move(name)](Settings& settings) { settings.method = name; });
}

void Stream::buffer(int samples) {
    change([samples](Settings& settings) { settings.buffer = samples; });
}

void Stream::slack(double ms) {
    change([ms](Settings& settings) { settings.slack_ms = ms; });
}

void Stream::place(Placement placement) {
    change(
        [placement = std::move(placement)](Settings& settings) { settings.placement = placement; });
}

void Stream::device(std::string name) {
    change([name = std::move(name)](Settings& settings) { settings.placement.device = name; });
}

void Stream::precision(std::string name) {
    change([name = std::move(name)](Settings& settings) { settings.placement.precision = name; });
}

void Stream::resample(bool on) {
    change([on](Settings& settings) { settings.resample = on; });
}

void Stream::set(std::string attribute, Atoms values) {
    tell({Instruction::Set{std::move(attribute), std::move(values)}});
}

void Stream::get(std::string attribute) {
    tell({Instruction::Get{std::move(attribute)}});
}

void Stream::seed(std::optional<uint64_t> seed) {
    tell({Instruction::Seed{seed}});
}

void Stream::move_latents(LatentMove move) {
    tell({move});
}

void Stream::tell(Instruction instruction) {
    const std::lock_guard lock(mutex_);
    if (outbox_->closed.load())
        return;
    instruction.at = outbox_->position.load(std::memory_order_relaxed);
    instruction.epoch = layout_.epoch;
    auto* move = std::get_if<LatentMove>(&instruction.what);
    if (move)
        move->at = instruction.at;
    // While nothing else is under way it goes straight to the model that plays; else it is for the
    // one that is being made ready. Only what is played by hand is for both. Where the host waits,
    // it need not be this quick, but has to be the same each time.
    const bool idle = director_->idle();
    const bool offline = outbox_->offline.load();
    const std::shared_ptr<Voice>& voice = news().voice;
    if (idle && !voice) {
        outbox_->error("no model is loaded");
        return;
    }
    if (idle && !offline) {
        complain(voice->tell(std::move(instruction)));
        return;
    }
    const bool both = move && voice && !offline && voice->tell(instruction);
    complain(director_->send({Command::Tell{std::move(instruction), both ? voice : nullptr}}));
}

// ---- what there is to know ----

bool Stream::busy() const {
    const std::lock_guard lock(mutex_);
    return !director_->idle() || (news().voice && !news_.voice->obeys());
}

std::shared_ptr<const Loaded> Stream::loaded() const {
    const std::lock_guard lock(mutex_);
    return news().loaded;
}

std::unique_ptr<Event> Stream::take_event() {
    const std::lock_guard lock(mutex_);
    auto event = outbox_->events.pop();
    return event ? std::make_unique<Event>(std::move(*event)) : nullptr;
}

Latency Stream::latency() const {
    const std::lock_guard lock(mutex_);
    const Loaded* loaded = news().loaded.get();
    if (!loaded || !layout_.epoch)
        return {};
    const Schedule schedule = loaded->schedule(layout_.sample_rate, layout_.vector, layout_.varies);
    return {schedule.latency(), loaded->model_latency(layout_.sample_rate),
            loaded->resampling_latency(schedule), layout_.sample_rate};
}

Report Stream::report() const {
    const Counters& counters = outbox_->counters;
    Report report;
    report.blocks = counters.blocks.read();
    report.late = counters.late.read();
    report.skipped = counters.skipped.read();
    report.failed = counters.failed.read();
    report.non_finite = counters.non_finite.read();
    report.swaps = counters.swaps.read();
    const std::lock_guard lock(mutex_);
    if (news().voice)
        news_.voice->times().read(report);
    return report;
}

double Stream::block_ms() const {
    const std::lock_guard lock(mutex_);
    const Loaded* loaded = news().loaded.get();
    if (!loaded || !layout_.epoch)
        return 0;
    const Schedule schedule = loaded->schedule(layout_.sample_rate, layout_.vector, layout_.varies);
    return 1000.0 * schedule.block / schedule.sample_rate;
}

double Stream::load() const {
    const double block_ms = this->block_ms();
    return block_ms > 0 ? report().median_ms / block_ms : 0;
}

LatentReport Stream::latents() const {
    const std::lock_guard lock(mutex_);
    const LatentStage* stage = news().voice ? news_.voice->stage() : nullptr;
    return stage ? LatentReport{stage->last(), stage->settings()} : LatentReport{};
}

// ---- layout ----

void Stream::prepare(double sample_rate, int vector, bool varies) {
    if (offline())
        director_->wait_until_idle();
    const std::lock_guard lock(mutex_);
    if (layout_.epoch && layout_.sample_rate == sample_rate && layout_.vector == vector &&
        layout_.varies == varies) {
        return;
    }
    int64_t reach = 0;
    if (const Loaded* loaded = news().loaded.get()) {
        const Schedule schedule = loaded->schedule(sample_rate, vector, varies);
        reach = needed_reach(
            schedule, loaded->model_latency(sample_rate) + loaded->resampling_latency(schedule));
    }
    layout_ = {layout_.epoch + 1, sample_rate, vector, varies,
               make_history(options_, sample_rate, vector, reach)};
    outbox_->calls.fetch_add(1, std::memory_order_relaxed);
    outbox_->position.store(0, std::memory_order_relaxed);
    director_->set_layout(layout_);
    playback_.prepare(layout_);
    outbox_->collect();
}

}  // namespace timbrel
