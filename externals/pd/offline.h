// Whether Pd renders as fast as it can instead of in real time.
#pragma once

namespace timbrel::pd {

// True where Pd was started with -batch. Never judged by timing, which would lose the first blocks.
bool runs_offline();

}  // namespace timbrel::pd
