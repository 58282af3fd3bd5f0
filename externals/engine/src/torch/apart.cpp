#include "apart.h"

#include <ATen/Parallel.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace timbrel {
namespace {

// One intra-op thread for the calling thread, which is one of ours: workers are many, and
// oversubscribed OpenMP threads stall for hundreds of milliseconds. The setting belongs to the
// thread, but torch hands the last value on to every thread that is new to it; so it is put back
// for those of a program that uses torch for itself.
void compute_alone() {
    thread_local bool done = false;
    if (done)
        return;
    done = true;
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    const int of_others = at::get_num_threads();
    at::set_num_threads(1);
    std::thread([=] { at::set_num_threads(of_others); }).join();
}

}  // namespace

Computing::Computing(std::shared_ptr<Noise> noise) : scope_((compute_alone(), std::move(noise))) {}

double patience() {
    const char* given = std::getenv("TIMBREL_MODEL_TIMEOUT");
    const double seconds = given ? std::atof(given) : 0;
    return seconds > 0 ? seconds : 60;
}

void run_apart(const std::string& what, double seconds, std::function<void()> work) {
    std::promise<void> promise;
    std::future<void> done = promise.get_future();
    std::thread thread([promise = std::move(promise), work = std::move(work)]() mutable {
        try {
            {
                const Computing computing(std::make_shared<Noise>());
                work();
            }
            work = nullptr;  // what it owns is gone when the caller goes on
            promise.set_value();
        } catch (...) {
            promise.set_exception(std::current_exception());
        }
    });
    if (done.wait_for(std::chrono::duration<double>(seconds)) == std::future_status::timeout) {
        thread.detach();
        char limit[32];
        std::snprintf(limit, sizeof(limit), "%.3g", seconds);
        throw NeverReturned(what + " did not return within " + limit +
                            " s; if the model is only slow, set TIMBREL_MODEL_TIMEOUT to more "
                            "seconds");
    }
    thread.join();
    done.get();
}

}  // namespace timbrel
