// A thread on which the kernel itself enforces what an audio thread may ask of it.
#pragma once

#include <functional>

namespace timbrel::test {

// Runs `task` on a thread of its own under a seccomp filter that lets a single call through: futex
// with FUTEX_WAKE, which wakes a sleeping worker. The first other call is not carried out; it ends
// the thread, wherever it is, and its number is returned. -1: there was none.
//
// One at a time. What the thread held when it ended (a lock, memory) stays held.
long run_trapped(const std::function<void()>& task);

}  // namespace timbrel::test
