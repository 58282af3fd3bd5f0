// Messages on their way between Max and the engine.
#pragma once

#include <vector>

#include "host/values.h"
#include "max_api.h"

namespace timbrel::max {

host::Values values_of(long count, const t_atom* atoms);

// Whole numbers as ints, as Max's own objects do.
t_atom atom_of(double number);
t_atom atom_of(const char* text);
std::vector<t_atom> atoms_of(const timbrel_event& event);

// The values with the names of arrays, which Max has since version 9, replaced by what is in them.
// `array NAME`, which is how Max writes such a value, counts as the name alone. [main thread]
host::Values with_arrays_unfolded(const host::Values& values);

}  // namespace timbrel::max
