#include "errands.h"

#include <exception>
#include <thread>
#include <utility>

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace timbrel::host {
namespace {

// A thread begins with the rank of the one that made it, which may be the audio thread.
void take_ordinary_rank() {
#if !defined(_WIN32)
    const sched_param parameters{};
    pthread_setschedparam(pthread_self(), SCHED_OTHER, &parameters);
#endif
}

Tidings result_of(const std::function<Tidings()>& errand) {
    try {
        return errand();
    } catch (const std::exception& problem) {
        return {"error", {problem.what()}};
    }
}

}  // namespace

void Errands::run(std::function<Tidings()> errand) {
    std::thread([errand = std::move(errand), box = box_] {
        take_ordinary_rank();
        Tidings tidings = result_of(errand);
        const std::lock_guard lock(box->mutex);
        box->tidings.push_back(std::move(tidings));
    }).detach();
}

std::optional<Tidings> Errands::take() {
    const std::unique_lock lock(box_->mutex, std::try_to_lock);
    if (!lock || box_->tidings.empty())
        return std::nullopt;
    Tidings first = std::move(box_->tidings.front());
    box_->tidings.pop_front();
    return first;
}

}  // namespace timbrel::host
