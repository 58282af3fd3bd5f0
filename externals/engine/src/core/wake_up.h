// A semaphore whose signal() is fit for an audio thread.
#pragma once

#include <atomic>

#if defined(_WIN32)
#include <windows.h>
#elif defined(__APPLE__)
#include <dispatch/dispatch.h>
#else
#include <semaphore.h>

#include <cerrno>
#endif

#include "timbrel/engine.h"

// Waking a sleeping worker is the one system call that the audio thread makes, and this the one
// place where the compiler is told not to look: none of the systems declares its call as what it
// is, a wake-up that never waits.
#if defined(__clang__)
#if __has_warning("-Wfunction-effects")
#define TIMBREL_PERMITTED(call)                                                                 \
    _Pragma("clang diagnostic push") _Pragma("clang diagnostic ignored \"-Wfunction-effects\"") \
        call _Pragma("clang diagnostic pop")
#endif
#endif
#ifndef TIMBREL_PERMITTED
#define TIMBREL_PERMITTED(call) call
#endif

namespace timbrel {

// The operating system's own semaphore: post never blocks on any of the three systems.
class SystemSemaphore {
  public:
#if defined(_WIN32)
    SystemSemaphore() : handle_(CreateSemaphoreW(nullptr, 0, 0x7fffffff, nullptr)) {}
    ~SystemSemaphore() { CloseHandle(handle_); }
    void wait() { WaitForSingleObject(handle_, INFINITE); }
#elif defined(__APPLE__)
    SystemSemaphore() : handle_(dispatch_semaphore_create(0)) {}
    ~SystemSemaphore() { dispatch_release(handle_); }
    void wait() { dispatch_semaphore_wait(handle_, DISPATCH_TIME_FOREVER); }
#else
    SystemSemaphore() { sem_init(&handle_, 0, 0); }
    ~SystemSemaphore() { sem_destroy(&handle_); }
    void wait() {
        while (sem_wait(&handle_) != 0 && errno == EINTR) {
        }
    }
#endif
    SystemSemaphore(const SystemSemaphore&) = delete;
    SystemSemaphore& operator=(const SystemSemaphore&) = delete;

    void post() noexcept TIMBREL_NONBLOCKING {
#if defined(_WIN32)
        TIMBREL_PERMITTED(ReleaseSemaphore(handle_, 1, nullptr));
#elif defined(__APPLE__)
        TIMBREL_PERMITTED(dispatch_semaphore_signal(handle_));
#else
        TIMBREL_PERMITTED(sem_post(&handle_));
#endif
    }

  private:
#if defined(_WIN32)
    HANDLE handle_;
#elif defined(__APPLE__)
    dispatch_semaphore_t handle_;
#else
    sem_t handle_;
#endif
};

// Counts in an atomic and calls the system only when a thread sleeps (or is about to): with busy
// workers, signal() is one atomic addition.
class WakeUp {
  public:
    void signal() noexcept TIMBREL_NONBLOCKING {
        // release: a worker that takes this token sees the block it was given for.
        if (count_.fetch_add(1, std::memory_order_release) < 0)
            sleepers_.post();
    }

    void wait() {
        // acquire, or the system's own ordering from post to wait.
        if (count_.fetch_sub(1, std::memory_order_acquire) < 1)
            sleepers_.wait();
    }

  private:
    std::atomic<int> count_{0};  // tokens; negative: threads that sleep
    SystemSemaphore sleepers_;
};

}  // namespace timbrel

#undef TIMBREL_PERMITTED
