// Messages on their way between Pure Data and the engine.
#pragma once

#include <m_pd.h>

#include <deque>
#include <string>
#include <vector>

#include "timbrel/engine.h"

namespace timbrel::pd {

// A symbol as it is: atom_string() would put a backslash before the spaces of a file's name.
std::string text_of(const t_atom& atom);

// What the engine reads; owns what the atoms point to.
class EngineAtoms {
  public:
    void add(double number);
    void add(const std::string& text);
    // A symbol that names an array goes with the array's content.
    void add(const t_atom& atom);

    // Of one atom; empty where that is a number.
    std::string text(size_t index) const {
        return index < atoms_.size() && atoms_[index].text ? atoms_[index].text : "";
    }
    const timbrel_atom* data() const { return atoms_.data(); }
    int32_t size() const { return static_cast<int32_t>(atoms_.size()); }

  private:
    // Elements stay where they are when others are added.
    std::deque<std::string> texts_;
    std::deque<std::vector<float>> samples_;
    std::deque<timbrel_buffer> buffers_;
    std::vector<timbrel_atom> atoms_;
};

// What Pure Data reads.
std::vector<t_atom> pd_atoms(const timbrel_event& event);

}  // namespace timbrel::pd
