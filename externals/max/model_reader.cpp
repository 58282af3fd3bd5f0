#include "model_reader.h"

#include <mutex>
#include <utility>

#include "host/threads.h"

namespace timbrel::max {

// Outlives the reader as long as a thread is at it.
struct ModelReader::State {
    State(const timbrel_api* engine, std::function<void()> function)
        : api(engine), notify(std::move(function)) {}
    ~State() { api->model_release(model); }

    const timbrel_api* const api;
    std::mutex mutex;  // for moments only
    std::function<void()> notify;
    int wanted = 0, read = 0;  // files, counted
    timbrel_model* model = nullptr;
    std::string error;
};

ModelReader::ModelReader(const timbrel_api* api, std::function<void()> notify)
    : state_(std::make_shared<State>(api, std::move(notify))) {}

ModelReader::~ModelReader() {
    const std::lock_guard lock(state_->mutex);
    state_->notify = nullptr;
}

void ModelReader::read(const std::string& path) {
    int number = 0;
    {
        const std::lock_guard lock(state_->mutex);
        number = ++state_->wanted;
    }
    host::Threads::of_library().begin([state = state_, path, number] {
        char error[TIMBREL_ERROR_SIZE] = "";
        timbrel_model* model = state->api->model_open(path.c_str(), error, sizeof(error));
        const std::lock_guard lock(state->mutex);
        if (number == state->wanted) {
            std::swap(model, state->model);
            state->error = state->model ? "" : error;
            state->read = number;
            if (state->notify)
                state->notify();
        }
        state->api->model_release(model);
    });
}

bool ModelReader::busy() const {
    const std::lock_guard lock(state_->mutex);
    return state_->read != state_->wanted;
}

timbrel_model* ModelReader::take(std::string& error) {
    const std::lock_guard lock(state_->mutex);
    error = std::exchange(state_->error, "");
    return std::exchange(state_->model, nullptr);
}

}  // namespace timbrel::max
