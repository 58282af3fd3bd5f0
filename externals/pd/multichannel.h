// Signals of several channels, which Pure Data has since 0.54. The external runs in older ones,
// too, and asks when it is loaded.
#pragma once

#include <m_pd.h>

namespace timbrel::pd {

bool has_multichannel();

// The flag of a class that deals with such signals; nothing on an older Pd.
int multichannel_flag();

int channels_of(const t_signal& signal);

// Must be called for every outlet of an object before its vector is read. On an older Pd there is
// one channel in any case.
void set_channels(t_signal** signal, int channels);

}  // namespace timbrel::pd
