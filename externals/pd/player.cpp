#include "player.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>
#include <utility>

#include "arguments.h"

namespace timbrel::pd {
namespace {

// Messages that say how a model is played, with the name under which the last one counts; of
// those that are left out, nothing remains.
const std::map<std::string, std::string> kSettings{
    {"method", "method"},       {"buffer", "buffer"},     {"bufsize", "buffer"},
    {"slack", "slack"},         {"gpu", "device"},        {"device", "device"},
    {"precision", "precision"}, {"resample", "resample"}, {"set", "set"},
    {"seed", "seed"},           {"enable", "enable"},     {"bypass", "bypass"},
};

// Those that also concern what is heard until then.
bool acts_at_once(const std::string& key) {
    return key == "enable" || key == "bypass";
}

}  // namespace

Width widest(const timbrel_model_info& model) {
    Width width;
    for (int i = 0; i < model.method_count; ++i) {
        width.inlets = std::max(width.inlets, model.methods[i].in_channels);
        width.outlets = std::max(width.outlets, model.methods[i].out_channels);
    }
    return {std::min(width.inlets, host::kMostChannels),
            std::min(width.outlets, host::kMostChannels)};
}

std::unique_ptr<Player> Player::make(const timbrel_api& api, Width width, bool grows,
                                     std::string& error) {
    std::unique_ptr<Player> player(new Player(api, grows));
    player->width_ = width;
    player->heard_ = player->create(width, error);
    return player->heard_ ? std::move(player) : nullptr;
}

Player::Stream Player::create(Width width, std::string& error) const {
    char line[TIMBREL_ERROR_SIZE] = "";
    const timbrel_stream_options options{width.inlets, width.outlets, 1, grows_};
    Stream stream(api_.stream_create(&options, line, sizeof(line)), Release{&api_});
    error = line;
    return stream;
}

int Player::out_channels() const {
    const timbrel_stream_info& info = *api_.stream_info(heard_.get());
    return info.method ? std::min(info.method->out_channels, width_.outlets) : width_.outlets;
}

bool Player::send_to(const Stream& stream, const Message& message, std::string& error) const {
    char line[TIMBREL_ERROR_SIZE] = "";
    const bool understood =
        api_.stream_send(stream.get(), message.selector.c_str(), message.atoms->data(),
                         message.atoms->size(), line, sizeof(line)) == 0;
    error = line;
    return understood;
}

bool Player::send(const std::string& selector, std::shared_ptr<const host::EngineAtoms> atoms,
                  std::string& error) {
    Message message{"", selector, std::move(atoms)};
    if (selector == "load")
        return load(message, error);
    const auto setting = kSettings.find(selector);
    if (setting == kSettings.end())
        return send_to(heard_, message, error);
    message.key = setting->second;
    if (message.key == "set")
        message.key.append(" ").append(message.atoms->text(0));
    const bool understood = send_to(next_ ? next_ : heard_, message, error);
    if (next_ && acts_at_once(message.key) && !fading_)
        send_to(heard_, message, error);
    if (understood && grows_)
        remember(std::move(message));
    return understood;
}

bool Player::load(const Message& message, std::string& error) {
    if (!grows_)
        return send_to(heard_, message, error);
    // Another file's attributes mean something else.
    std::erase_if(told_, [](const Message& each) { return each.key.starts_with("set "); });
    const std::string path = message.atoms->text(0);
    Width needed;
    if (timbrel_model* outline = api_.model_outline(path.c_str())) {
        needed = widest(*api_.model_info(outline));
        api_.model_release(outline);
    }
    if (next_ ? next_width_.holds(needed) : width_.holds(needed))
        return send_to(next_ ? next_ : heard_, message, error);
    return widen(needed, path, error);
}

bool Player::widen(Width width, const std::string& path, std::string& error) {
    width.inlets = std::max(width.inlets, width_.inlets);
    width.outlets = std::max(width.outlets, width_.outlets);
    Stream stream = create(width, error);
    if (!stream)
        return false;
    auto file = std::make_shared<host::EngineAtoms>();
    file->add(path);
    if (!send_to(stream, {"", "load", std::move(file)}, error))
        return false;
    std::string refused;
    for (const Message& each : told_)
        send_to(stream, each, refused);
    next_ = std::move(stream);
    next_width_ = width;
    resting_ = false;
    return true;
}

void Player::remember(Message message) {
    std::erase_if(told_, [&](const Message& each) { return each.key == message.key; });
    told_.push_back(std::move(message));
}

const timbrel_event* Player::event() {
    const timbrel_event* event = api_.stream_event(heard_.get());
    return event || !next_ ? event : api_.stream_event(next_.get());
}

bool Player::settle(bool waits) {
    if (!next_) {
        // A file whose channels were not known before it was loaded.
        const timbrel_stream_info& info = *api_.stream_info(heard_.get());
        std::string error;
        if (grows_ && info.model && info.model->path != widened_for_ &&
            !width_.holds(widest(*info.model))) {
            widened_for_ = info.model->path;
            widen(widest(*info.model), widened_for_, error);
        }
        return false;
    }
    // Nobody processes it yet, so nobody else waits for it in a rendering.
    while (waits && api_.stream_busy(next_.get()))
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (!api_.stream_info(next_.get())->model) {
        // What could not be loaded has said why by the second time.
        const bool rested = std::exchange(resting_, !api_.stream_busy(next_.get()));
        if (rested && resting_)
            next_.reset();
        return false;
    }
    if (!fading_) {
        fading_ = true;
        api_.stream_set_enabled(heard_.get(), 0);
        return false;
    }
    fading_ = false;
    heard_ = std::move(next_);
    width_ = next_width_;
    return true;
}

}  // namespace timbrel::pd
