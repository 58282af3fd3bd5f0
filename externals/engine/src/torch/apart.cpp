#include "apart.h"

#include <ATen/Parallel.h>
#if defined(_WIN32)
#include <process.h>
#include <windows.h>
#else
#include <pthread.h>
#endif

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "torch_model.h"

namespace timbrel {
namespace {

std::atomic<int> computing{0};

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

// A thread with room on its stack: torch's compiler calls itself for every level of a model's code,
// and the threads that macOS makes have no more than half a megabyte. Memory that is not used costs
// nothing.
class Thread {
  public:
    explicit Thread(std::function<void()> work) {
        auto* argument = new std::function<void()>(std::move(work));
#if defined(_WIN32)
        handle_ = reinterpret_cast<HANDLE>(_beginthreadex(
            nullptr, kStack, run, argument, STACK_SIZE_PARAM_IS_A_RESERVATION, nullptr));
        const bool started = handle_ != nullptr;
#else
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, kStack);
        const bool started = pthread_create(&handle_, &attributes, run, argument) == 0;
        pthread_attr_destroy(&attributes);
#endif
        if (!started) {
            delete argument;
            throw std::runtime_error("the system has no thread left for it");
        }
    }
    Thread(const Thread&) = delete;
    Thread& operator=(const Thread&) = delete;

    void join() {
#if defined(_WIN32)
        WaitForSingleObject(handle_, INFINITE);
        CloseHandle(handle_);
#else
        pthread_join(handle_, nullptr);
#endif
    }

    void detach() {
#if defined(_WIN32)
        CloseHandle(handle_);
#else
        pthread_detach(handle_);
#endif
    }

  private:
    static constexpr unsigned kStack = 256U << 20;

#if defined(_WIN32)
    static unsigned __stdcall run(void* argument) {
        call(argument);
        return 0;
    }
    HANDLE handle_;
#else
    static void* run(void* argument) {
        call(argument);
        return nullptr;
    }
    pthread_t handle_;
#endif

    static void call(void* argument) {
        const std::unique_ptr<std::function<void()>> work(
            static_cast<std::function<void()>*>(argument));
        (*work)();
    }
};

}  // namespace

Computing::Computing(std::shared_ptr<Noise> noise) : scope_((compute_alone(), std::move(noise))) {
    ++computing;
}

Computing::~Computing() {
    --computing;
}

bool inside_libtorch() {
    return computing > 0;
}

double patience() {
    const char* given = std::getenv("TIMBREL_MODEL_TIMEOUT");
    const double seconds = given ? std::atof(given) : 0;
    return seconds > 0 ? seconds : 60;
}

void run_apart(const std::string& what, double seconds, std::function<void()> work) {
    auto promise = std::make_shared<std::promise<void>>();
    std::future<void> done = promise->get_future();
    Thread thread([promise, work = std::move(work)]() mutable {
        try {
            {
                const Computing computing(std::make_shared<Noise>());
                work();
            }
            work = nullptr;  // what it owns is gone when the caller goes on
            promise->set_value();
        } catch (...) {
            work = nullptr;
            promise->set_exception(std::current_exception());
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
