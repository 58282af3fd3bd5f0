// The attributes of the objects, in Max.
#pragma once

#include <array>
#include <atomic>

#include "attribute_table.h"
#include "max_api.h"

namespace timbrel::max {

// Adds those that objects of this kind have to a class; a setter gets (object, attribute, count,
// atoms), a getter (object, attribute, long* count, t_atom** atoms).
void add_attributes(t_class* to, bool multichannel, method get, method set);

// The one that a getter or a setter was called for.
AttributeIndex index_of(void* attribute);

// The values, to be read and written by any thread.
class AttributeValues {
  public:
    AttributeValues();
    void set(AttributeIndex index, const t_atom& value);
    t_atom get(AttributeIndex index) const;
    double number(AttributeIndex index) const { return cells_[index].number; }
    bool is_word(AttributeIndex index) const { return cells_[index].word != nullptr; }

  private:
    struct Cell {
        std::atomic<t_symbol*> word{nullptr};  // null: a number
        std::atomic<double> number{0};
    };
    std::array<Cell, kAttributeCount> cells_;
};

}  // namespace timbrel::max
