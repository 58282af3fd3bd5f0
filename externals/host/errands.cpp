#include "errands.h"

#include <exception>
#include <utility>

#include "threads.h"

namespace timbrel::host {
namespace {

Tidings result_of(const std::function<Tidings()>& errand) {
    try {
        return errand();
    } catch (const std::exception& problem) {
        return {"error", {problem.what()}};
    }
}

}  // namespace

void Errands::run(std::function<Tidings()> errand) {
    Threads::of_library().begin([errand = std::move(errand), box = box_] {
        Tidings tidings = result_of(errand);
        const std::lock_guard lock(box->mutex);
        box->tidings.push_back(std::move(tidings));
    });
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
