// What a thread does first: its name, its rank and how it treats denormal numbers.
#pragma once

namespace timbrel {

// For the threads that compute blocks. Flushes denormals, and takes the rank that
// rank_workers_below_audio() has found.
void set_up_worker_thread();

// For the thread that loads and frees: below everything that makes sound.
void set_up_background_thread();

// Looks for real-time threads of the host and ranks the workers just below the lowest of them;
// without any, the workers stay ordinary threads, because they must never rank above the host's.
// Quietly does nothing where the system forbids it. Slow: not for the audio thread.
void rank_workers_below_audio();

// Whether the calling thread is the one that the process began with. False where that cannot be
// told.
bool on_main_thread();

}  // namespace timbrel
