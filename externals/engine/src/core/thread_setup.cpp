#include "thread_setup.h"

#if defined(__SSE2__) || defined(_M_X64)
#include <immintrin.h>
#endif

#if defined(__linux__)
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <set>
#elif defined(__APPLE__)
#include <pthread.h>
#include <pthread/qos.h>
#elif defined(_WIN32)
#include <windows.h>
#endif

namespace timbrel {
namespace {

void flush_denormals() {
#if defined(__SSE2__) || defined(_M_X64)
    _MM_SET_FLUSH_ZERO_MODE(_MM_FLUSH_ZERO_ON);
    _mm_setcsr(_mm_getcsr() | 0x0040);  // denormals are zero
#elif defined(__aarch64__)
    unsigned long long control = 0;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(control));
    __asm__ __volatile__("msr fpcr, %0" : : "r"(control | 1ULL << 24));
#endif
}

#if defined(__linux__)

pid_t thread_id() {
    return static_cast<pid_t>(syscall(SYS_gettid));
}

// The threads of our own, which are no host's audio threads.
struct OwnThreads {
    std::mutex mutex;
    std::set<pid_t> workers, others;
    int rank = 0;  // SCHED_FIFO priority of the workers, 0: ordinary
};

OwnThreads& own_threads() {
    static auto* threads = new OwnThreads;  // workers may outlive static destructors
    return *threads;
}

// Strikes a thread off when it ends: the system may give its number to a thread of the host.
struct Registration {
    pid_t thread;
    ~Registration() {
        OwnThreads& own = own_threads();
        const std::lock_guard lock(own.mutex);
        own.workers.erase(thread);
        own.others.erase(thread);
    }
};

void apply_rank(pid_t thread, int rank) {
    sched_param parameter{};
    parameter.sched_priority = rank;
    sched_setscheduler(thread, rank > 0 ? SCHED_FIFO : SCHED_OTHER, &parameter);
}

#endif

}  // namespace

void set_up_worker_thread() {
    flush_denormals();
#if defined(__linux__)
    pthread_setname_np(pthread_self(), "timbrel worker");
    OwnThreads& own = own_threads();
    const std::lock_guard lock(own.mutex);
    own.workers.insert(thread_id());
    static thread_local const Registration registration{thread_id()};
    // A new thread inherits the rank of the thread that made it, which may be the host's audio
    // thread.
    apply_rank(thread_id(), own.rank);
#elif defined(__APPLE__)
    pthread_setname_np("timbrel worker");
    pthread_set_qos_class_self_np(QOS_CLASS_USER_INTERACTIVE, 0);
#elif defined(_WIN32)
    if (const HMODULE avrt = LoadLibraryW(L"avrt.dll")) {
        using Enter = HANDLE(WINAPI*)(LPCWSTR, LPDWORD);
        DWORD task = 0;
        if (const auto enter =
                reinterpret_cast<Enter>(GetProcAddress(avrt, "AvSetMmThreadCharacteristicsW"))) {
            enter(L"Audio", &task);
        }
    }
#endif
}

void set_up_background_thread() {
#if defined(__linux__)
    pthread_setname_np(pthread_self(), "timbrel loader");
    OwnThreads& own = own_threads();
    const std::lock_guard lock(own.mutex);
    own.others.insert(thread_id());
    static thread_local const Registration registration{thread_id()};
    apply_rank(thread_id(), 0);
    setpriority(PRIO_PROCESS, static_cast<id_t>(thread_id()), 10);
#elif defined(__APPLE__)
    pthread_setname_np("timbrel loader");
    pthread_set_qos_class_self_np(QOS_CLASS_UTILITY, 0);
#elif defined(_WIN32)
    SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_BELOW_NORMAL);
#endif
}

void rank_workers_below_audio() {
#if defined(__linux__)
    OwnThreads& own = own_threads();
    const std::lock_guard lock(own.mutex);
    DIR* directory = opendir("/proc/self/task");
    if (!directory)
        return;
    int lowest = 0;
    while (const dirent* entry = readdir(directory)) {
        const pid_t thread = std::atoi(entry->d_name);
        if (thread <= 0 || own.workers.contains(thread) || own.others.contains(thread))
            continue;
        sched_param parameter{};
        const int policy = sched_getscheduler(thread);
        if (policy != SCHED_FIFO && policy != SCHED_RR)
            continue;
        if (sched_getparam(thread, &parameter) != 0)
            continue;
        lowest = lowest ? std::min(lowest, parameter.sched_priority) : parameter.sched_priority;
    }
    closedir(directory);
    const int rank = std::max(lowest - 1, 0);
    if (rank == own.rank)
        return;
    own.rank = rank;
    for (const pid_t worker : own.workers)
        apply_rank(worker, rank);
#endif
}

bool on_main_thread() {
#if defined(__linux__)
    return syscall(SYS_gettid) == getpid();
#elif defined(__APPLE__)
    return pthread_main_np() != 0;
#else
    return false;
#endif
}

}  // namespace timbrel
