// Messages on their way between Pure Data and the engine.
#pragma once

#include <m_pd.h>

#include <string>
#include <vector>

#include "host/values.h"
#include "timbrel/engine.h"

namespace timbrel::pd {

// A symbol as it is: atom_string() would put a backslash before the spaces of a file's name.
std::string text_of(const t_atom& atom);

host::Values values_of(int count, const t_atom* atoms);

// A symbol that names an array goes with the array's content.
void add(host::EngineAtoms& message, const t_atom& atom);

// What Pure Data reads.
std::vector<t_atom> pd_atoms(const timbrel_event& event);

}  // namespace timbrel::pd
