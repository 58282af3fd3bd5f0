#include "director.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>

#include "worker_pool.h"

namespace timbrel {

Director::Director(Channels channels, Load load, WorkerPool& pool, std::shared_ptr<Outbox> outbox)
    : channels_(channels), load_(std::move(load)), pool_(pool), outbox_(std::move(outbox)) {}

Director::~Director() {
    delete news_.load();
    delete new_layout_.load();
}

// ---- control ----

bool Director::send(Command command) {
    if (!commands_.push(std::move(command)))
        return false;
    sent_.fetch_add(1, std::memory_order_release);
    pool_.loader().schedule(shared_from_this());
    return true;
}

bool Director::idle() const {
    // acquire: who finds that all is done sees what came of it.
    return done_.load(std::memory_order_acquire) == sent_.load(std::memory_order_relaxed);
}

std::unique_ptr<Director::News> Director::take_news() {
    return std::unique_ptr<News>(news_.exchange(nullptr, std::memory_order_acq_rel));
}

void Director::set_layout(const Layout& layout) {
    delete new_layout_.exchange(new Layout(layout), std::memory_order_acq_rel);
    // In this order, and sequentially consistent: see offer().
    outbox_->epoch.store(layout.epoch);
}

void Director::open(std::shared_ptr<Prototype> prototype, const Settings& settings) {
    std::unique_lock lock(mutex_);
    layout();
    Plan plan;
    plan.settings = settings;
    plan.prototype = std::move(prototype);
    plan.layout = layout_;
    lock.unlock();
    Result result = make_ready(plan, [] { return true; });
    if (!result.voice)
        throw std::runtime_error(result.failure);
    result.voice->entrance = Voice::Entrance::at_once;
    lock.lock();
    finish(plan, result);
}

void Director::wait_until_idle() const {
    const uint64_t sent = sent_.load(std::memory_order_relaxed);
    for (;;) {
        const uint64_t done = done_.load(std::memory_order_acquire);
        if (done >= sent)
            return;
        done_.wait(done, std::memory_order_acquire);
    }
}

void Director::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    pending_.reset();
    last_.reset();
    for (const auto& voice : lent_) {
        pool_.remove(voice);
        voice->stall();  // nobody carries out any more what it was told
    }
    lent_.clear();
    current_.reset();
    previous_.reset();
    tell_idle(UINT64_MAX);
}

// ---- loader: in turn ----

void Director::work(std::atomic<uint64_t>& job) {
    std::unique_lock lock(mutex_);
    while (!closed_) {
        const uint64_t sent = sent_.load(std::memory_order_acquire);
        catch_up();
        if (!pending_) {
            tell_idle(sent);
            return;
        }
        if (pending_->job)
            return;  // another thread is at it, which may hang
        const Plan plan = this->plan();
        lock.unlock();
        job.store(plan.job);
        const auto wanted = [&] {
            const std::lock_guard again(mutex_);
            catch_up();
            return pending_ && pending_->job == plan.job;
        };
        Result result = make_ready(plan, wanted);
        job.store(0);
        lock.lock();
        catch_up();
        if (pending_ && pending_->job == plan.job)
            finish(plan, result);
    }
}

void Director::give_up(uint64_t job) {
    const std::lock_guard lock(mutex_);
    if (!pending_ || pending_->job != job)
        return;
    outbox_->error(pending_->settings.path + " does not become ready; " +
                   (current_ ? current_->loaded()->prototype->description().name + " plays on"
                             : "nothing is played"));
    pending_.reset();
    tell_idle(sent_.load(std::memory_order_acquire));
}

void Director::catch_up() {
    if (closed_)
        return;
    layout();
    collect();
    while (auto command = commands_.pop())
        hear(*command);
}

void Director::tell_idle(uint64_t sent) {
    if (done_.load(std::memory_order_relaxed) >= sent)
        return;
    done_.store(sent, std::memory_order_release);
    done_.notify_all();
}

const Layout* Director::layout() {
    if (const std::shared_ptr<const Layout> next{new_layout_.exchange(nullptr)})
        layout_ = next;
    return layout_.get();
}

// ---- loader: what is said ----

void Director::hear(Command& command) {
    resume();
    if (const auto* open = std::get_if<Command::Open>(&command.what)) {
        // What was meant for an older one that is not heard yet goes with it.
        Transaction transaction = begin_transaction();
        if (pending_) {
            transaction.before = pending_->before;
            transaction.settings =
                pending_->loads ? settings_of(pending_->before) : pending_->settings;
        }
        transaction.settings.path = open->path;
        transaction.loads = transaction.reopens = true;
        pending_ = std::move(transaction);
    } else if (std::get_if<Command::Reopen>(&command.what)) {
        if (!pending_ && !current_) {
            outbox_->error("there is no model to reload");
            return;
        }
        if (!pending_)
            pending_ = begin_transaction();
        pending_->reopens = true;
        pending_->loaded.reset();
        pending_->job = 0;
    } else if (const auto* change = std::get_if<Command::Change>(&command.what)) {
        this->change(change->apply);
    } else if (auto* tell = std::get_if<Command::Tell>(&command.what)) {
        hear(tell->instruction, tell->told);
    }
}

// What plays there is what a new one begins with; nothing, and it is what was asked for so far.
Settings Director::settings_of(const std::shared_ptr<Voice>& voice) const {
    return voice ? voice->loaded()->settings : settings_;
}

Director::Transaction Director::begin_transaction() const {
    Transaction transaction;
    transaction.settings = settings_;
    transaction.before = current_;
    return transaction;
}

// Where the host waits, what is rendered must not depend on whether a model was ready before or
// after the next thing was said: until the host calls, everything is meant for it.
void Director::resume() {
    if (pending_ || !last_ || !outbox_->offline.load() || last_->calls != outbox_->calls.load())
        return;
    pending_ = std::move(last_);
    last_.reset();
    // These were answered.
    std::erase_if(pending_->told, [](const Instruction& instruction) {
        return std::holds_alternative<Instruction::Get>(instruction.what);
    });
    pending_->job = 0;
}

void Director::change(const std::function<void(Settings&)>& apply) {
    Settings changed = pending_ ? pending_->settings : settings_;
    apply(changed);
    if (!pending_ && (!current_ || changed == settings_)) {
        settings_ = changed;
        return;
    }
    if (!pending_)
        pending_ = begin_transaction();
    pending_->settings = changed;
    pending_->job = 0;
}

void Director::hear(Instruction& instruction, const std::shared_ptr<Voice>& told) {
    if (!pending_) {
        if (!current_) {
            outbox_->error("no model is loaded");
        } else if (current_ != told && !current_->tell(std::move(instruction))) {
            outbox_->error("too many messages are waiting: one was dropped");
        }
        return;
    }
    if (pending_->told.size() >= kMostCommands) {
        outbox_->error("too many messages are waiting: one was dropped");
        return;
    }
    // What is played by hand is for both, the one that plays and the one that comes.
    if (std::holds_alternative<LatentMove>(instruction.what) && pending_->before &&
        pending_->before != told) {
        pending_->before->tell(instruction);
    }
    pending_->told.push_back(std::move(instruction));
    // Where the host waits, no rendering may depend on when this was heard.
    if (outbox_->offline.load())
        pending_->job = 0;
}

Director::Plan Director::plan() {
    pending_->job = ++jobs_;
    Plan plan;
    plan.job = pending_->job;
    plan.settings = pending_->settings;
    plan.loads = pending_->loads;
    plan.before = pending_->before;
    plan.heard = heard();
    plan.told = pending_->told;
    plan.layout = layout_;
    const Loaded* known = pending_->loaded.get();
    if (known && known->settings == plan.settings)
        plan.loaded = pending_->loaded;
    if (known && known->settings.path == plan.settings.path) {
        plan.prototype = known->prototype;
    } else if (pending_->before && !pending_->reopens) {
        plan.prototype = pending_->before->loaded()->prototype;
    }
    return plan;
}

std::shared_ptr<Voice> Director::heard() const {
    return current_ && current_->entered.load() ? current_ : previous_;
}

// ---- loader: making a voice ready ----

Director::Result Director::make_ready(const Plan& plan, const std::function<bool()>& wanted) const {
    Result result;
    try {
        const bool same_file =
            plan.before && plan.before->loaded()->settings.path == plan.settings.path;
        Bearing bearing;
        if (plan.before) {
            plan.before->wait_until_it_obeys();
            bearing = plan.before->bearing();
            // The seed is the stream's; all else that was said was said to another model.
            if (!same_file)
                bearing = {.seed = bearing.seed};
        }
        const auto loaded = plan.loaded ? plan.loaded : look_up(plan, wanted, result.said);
        if (!loaded || !wanted())
            return {};
        auto model = loaded->prototype->instantiate(plan.settings.placement);
        result.voice = pool_.background().keep(
            std::make_unique<Voice>(loaded, std::move(model), channels_, outbox_, pool_));
        Voice& voice = *result.voice;
        const bool same_sound =
            plan.heard && plan.heard->loaded()->settings.path == plan.settings.path;
        voice.entrance = same_sound ? Voice::Entrance::linear : Voice::Entrance::equal_power;
        if (plan.layout) {
            voice.lay_out(*plan.layout);
            result.epoch = plan.layout->epoch;
        }
        for (Event& event : voice.follow(bearing, plan.told))
            result.said.push_back(std::move(event));
        if (!plan.layout)
            return result;
        const double primed = prime(voice, *plan.layout, wanted);
        voice.fits = !plan.heard || outbox_->offline.load() ||
                     fits(voice, std::max(loaded->seconds_per_block, primed));
    } catch (const std::exception& error) {
        result = {};
        result.failure = error.what();
    } catch (...) {
        result = {};
        result.failure = "the model raised an error of an unknown kind";
    }
    return result;
}

std::shared_ptr<const Loaded> Director::look_up(const Plan& plan,
                                                const std::function<bool()>& wanted,
                                                std::vector<Event>& said) const {
    const auto prototype = plan.prototype ? plan.prototype : load_(plan.settings.path);
    if (!prototype)
        throw std::runtime_error(plan.settings.path + " cannot be opened");
    if (!wanted())
        return nullptr;
    Settings settings = plan.settings;
    const Description& description = prototype->description();
    // The method of the file before may be none of this one's, which is no reason not to play it.
    if (plan.loads && !description.find(settings.method) && !description.methods.empty()) {
        const Method* forward = description.find("forward");
        const std::string wanted = std::exchange(
            settings.method, forward ? forward->name : description.methods.front().name);
        std::string list;
        for (const Method& method : description.methods)
            list += (list.empty() ? "" : ", ") + method.name;
        said.push_back({"notice",
                        {"no method '" + wanted + "' in " + description.name + " (it has: " + list +
                         "); it plays " + settings.method}});
    }
    auto loaded = std::make_unique<Loaded>(resolve(settings, prototype));
    if (settings.buffer > 0 && loaded->block != settings.buffer) {
        said.push_back({"notice",
                        {"buffer " + std::to_string(settings.buffer) + " rounded up to " +
                         std::to_string(loaded->block) + ", a multiple of the ratio of " +
                         description.name + " (" + std::to_string(description.max_ratio) + ")"}});
    }
    const auto found = [&](const char* name) { return description.find(name) != nullptr; };
    if (settings.method != "forward") {
        loaded->latent_path.reason = "it plays " + settings.method + ", not forward";
    } else {
        loaded->latent_path = prototype->latent_path();
        loaded->latent_path.allowed &= found("encode") && found("decode");
    }
    const Shape& shape = loaded->method.shape;
    const auto notice_unlike = [&](int model, int stream, const char* what, const char* result) {
        if (model == stream || (channels_.roomy && model < stream))
            return;
        said.push_back({"notice",
                        {description.name + " has " + std::to_string(model) + " " + what +
                         ", the object " + std::to_string(stream) + ": " + result}});
    };
    notice_unlike(shape.in_channels, channels_.inlets, "inputs",
                  shape.in_channels > channels_.inlets ? "the others are silent"
                                                       : "the others are not heard");
    notice_unlike(shape.out_channels, channels_.outlets, "outputs",
                  shape.out_channels > channels_.outlets ? "the others are not heard"
                                                         : "the others are silent");
    if (!wanted())
        return nullptr;
    loaded->seconds_per_block = warm_up(*loaded, plan);
    return wanted() ? pool_.background().keep<const Loaded>(std::move(loaded)) : nullptr;
}

double Director::warm_up(const Loaded& loaded, const Plan& plan) const {
    int block = loaded.block;
    if (plan.layout) {
        const Layout& layout = *plan.layout;
        if (!loaded.converts(layout.sample_rate))
            block = loaded.schedule(layout.sample_rate, layout.vector, layout.varies).block;
    }
    const auto seconds = [&](const std::string& method) {
        return loaded.prototype->warm_up(method, channels_.batch, block, loaded.settings.placement);
    };
    return plays_latents(loaded) ? seconds("encode") + seconds("decode")
                                 : seconds(loaded.method.name);
}

double Director::prime(Voice& voice, const Layout& layout,
                       const std::function<bool()>& wanted) const {
    constexpr double kSeconds = 1;
    const History& history = *layout.history;
    const int64_t block = voice.schedule().block;
    const auto first_after = [&](int64_t position) { return (position + block - 1) / block; };
    const int64_t end = history.end();
    // As far back as it is worth, and will still be there when it is read.
    const auto back = static_cast<int64_t>(
        std::min(kSeconds * layout.sample_rate, 0.75 * static_cast<double>(history.reach())));
    voice.prime_from(first_after(std::max(history.begin(), end - back)));
    if (&voice.history() != &history)
        return 0;
    // A model slower than the sound that it is to catch up with never would.
    const auto most = 3 * first_after(back) + 16;
    std::vector<double> seconds;
    while ((voice.next_block() + 1) * block <= history.end() &&
           static_cast<int64_t>(seconds.size()) < most && wanted()) {
        const auto start = std::chrono::steady_clock::now();
        if (!voice.prime())
            break;
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        seconds.push_back(elapsed.count());
    }
    if (seconds.empty())
        return 0;
    std::sort(seconds.begin(), seconds.end());
    return seconds[seconds.size() / 2];
}

// Whether the voice can be fed beside all that plays already, with a little to spare.
bool Director::fits(const Voice& voice, double seconds_per_block) const {
    constexpr double kBudget = 0.9;
    const Schedule& schedule = voice.schedule();
    const double load = seconds_per_block * schedule.sample_rate / schedule.block;
    return load < 1 && pool_.load() + load < kBudget * pool_.size();
}

// ---- loader: handing over ----

void Director::finish(const Plan& plan, Result& result) {
    last_ = std::move(pending_);
    pending_.reset();
    if (last_)
        last_->calls = outbox_->calls.load();
    if (!result.voice) {
        // Once, even if it was tried again because more was said.
        if (!last_ || std::exchange(last_->failure, result.failure) != result.failure)
            outbox_->error(result.failure);
        return;
    }
    // Who hears what follows may ask at once what it is that plays.
    publish(result.voice);
    for (Event& event : result.said)
        outbox_->events.push(std::move(event));
    if (!result.voice->fits) {
        outbox_->notice(
            "both models at once would be too much for this machine: one fades out "
            "before the other fades in");
    }
    settings_ = result.voice->loaded()->settings;
    if (last_) {
        for (size_t i = plan.told.size(); i < last_->told.size(); ++i)
            result.voice->tell(last_->told[i]);
        last_->settings = settings_;
        last_->loaded = result.voice->loaded();
    }
    offer(result.voice, result.epoch);
    say_loaded();
    forget_last();
}

// It holds on to the voice that it followed, which may be done with.
void Director::forget_last() {
    if (last_ && (!outbox_->offline.load() || last_->calls != outbox_->calls.load()))
        last_.reset();
}

void Director::offer(const std::shared_ptr<Voice>& voice, int epoch) {
    lent_.push_back(voice);
    pool_.add(voice);
    if (const Voice* displaced = offered_.exchange(voice.get())) {
        lend_no_more(displaced);  // it was never heard
    } else {
        previous_ = current_;
    }
    current_ = voice;
    // `prepare` announces its layout before it looks for an offer: one of both sees the other's. If
    // both do, it is prepare's, which lays the voice out itself.
    while (epoch != outbox_->epoch.load()) {
        if (offered_.exchange(nullptr)) {
            voice->lay_out(*layout());
            epoch = layout_->epoch;
            offered_.store(voice.get());
        } else if (voice->entered.load()) {
            break;
        } else {
            std::this_thread::yield();  // the audio thread looks at it, and puts it back
        }
    }
}

void Director::publish(const std::shared_ptr<Voice>& voice) {
    auto* news = new News{voice ? voice->loaded() : nullptr, voice};
    delete news_.exchange(news, std::memory_order_acq_rel);
}

void Director::say_loaded() {
    const Loaded& loaded = *current_->loaded();
    outbox_->say("loaded", {loaded.prototype->description().name, loaded.method.name});
}

void Director::lend_no_more(const Voice* voice) {
    const auto it = std::find_if(lent_.begin(), lent_.end(),
                                 [&](const auto& lent) { return lent.get() == voice; });
    if (it == lent_.end())
        return;
    pool_.remove(*it);
    (*it)->stall();  // nobody carries out any more what it was told
    lent_.erase(it);
}

void Director::collect() {
    forget_last();
    for (Voice* voice = outbox_->retired.take_all(); voice;) {
        Voice* const next = voice->next_retired;
        if (voice->rejected && voice == current_.get())
            roll_back(*voice);
        if (voice == previous_.get())
            previous_.reset();
        lend_no_more(voice);
        voice = next;
    }
}

void Director::roll_back(const Voice& rejected) {
    const auto name = [](const Voice& voice) {
        return voice.loaded()->prototype->description().name;
    };
    outbox_->error(name(rejected) + " is not played: " + rejected.first_failure() + "; " +
                   (previous_ ? name(*previous_) + " plays on" : "nothing is played"));
    current_ = std::move(previous_);
    previous_.reset();
    if (current_) {
        settings_ = current_->loaded()->settings;
    } else {
        settings_.path.clear();
    }
    publish(current_);
    if (current_)
        say_loaded();
}

}  // namespace timbrel
