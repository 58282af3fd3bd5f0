#include "system_call_trap.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <system_error>

namespace timbrel::test {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the filter knows the calls of x86-64 and of aarch64 only"
#endif

// A filter cannot be taken off again: the thread leaves by the exit call, let through only with
// this status, which nothing else would choose.
constexpr uint32_t kWayOut = 0x71b3e1;

std::atomic<long> first_call{-1};

[[noreturn]] void leave() {
    for (;;)
        syscall(SYS_exit, kWayOut);
}

void on_trapped_call(int, siginfo_t* info, void*) {
    first_call.store(info->si_syscall);
    // Not back to where it came from: even the return from a signal is a system call.
    leave();
}

void forbid_system_calls() {
    const auto load = [](size_t offset) {
        return sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset));
    };
    // Goes on with the next instruction where the value is equal, else skips so many.
    const auto expect = [](uint32_t value, uint8_t else_skip) {
        return sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, else_skip);
    };
    const sock_filter allow BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const sock_filter trap BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
    // The low half of an argument, where the int lies that these calls take.
    const auto argument = [](size_t index) {
        return offsetof(seccomp_data, args) + index * sizeof(uint64_t);
    };
    constexpr uint32_t kOperation = ~static_cast<uint32_t>(FUTEX_PRIVATE_FLAG);
    std::array filter{
        load(offsetof(seccomp_data, arch)),
        expect(kArchitecture, 10),
        load(offsetof(seccomp_data, nr)),
        expect(SYS_futex, 4),
        load(argument(1)),
        sock_filter BPF_STMT(BPF_ALU | BPF_AND | BPF_K, kOperation),
        expect(FUTEX_WAKE, 5),
        allow,
        expect(SYS_exit, 3),
        load(argument(0)),
        expect(kWayOut, 1),
        allow,
        trap,
    };
    const sock_fprog program{filter.size(), filter.data()};
    // The first lets a thread without privileges do the second, which counts for this thread alone.
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        first_call.store(-errno);
    }
}

void* thread(void* task) {
    forbid_system_calls();
    if (first_call.load() == -1)
        (*static_cast<const std::function<void()>*>(task))();
    leave();
}

}  // namespace

long run_trapped(const std::function<void()>& task) {
    first_call.store(-1);
    struct sigaction action{};
    action.sa_sigaction = on_trapped_call;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSYS, &action, nullptr);
    pthread_t handle;
    // Not std::thread, whose state would be lost where the thread leaves without returning.
    if (const int problem =
            pthread_create(&handle, nullptr, thread, const_cast<std::function<void()>*>(&task))) {
        throw std::system_error(problem, std::generic_category(), "no thread");
    }
    pthread_join(handle, nullptr);
    const long call = first_call.load();
    if (call < -1) {
        throw std::system_error(static_cast<int>(-call), std::generic_category(),
                                "this system does not let a thread give up its calls");
    }
    return call;
}

}  // namespace timbrel::test
