// Attributes (contract 1): what a message holds becomes what a model's setter takes, and back.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "instance.h"
#include "model.h"

namespace timbrel {

// The attributes that `get_attributes` names. Where an attribute does not declare its types they
// are those of its current value; where that does not say either, `elements` is empty and `set`
// goes by what the message holds and the setter takes.
std::vector<Attribute> describe_attributes(torch::jit::Module& module);

// What a setter is called with: its arguments, and the buffers that go to the model before.
struct Setting {
    std::vector<c10::IValue> arguments;
    std::vector<std::pair<std::string, std::shared_ptr<const HostBuffer>>> buffers;
};

// One value per element; where there are more, the last tensor takes them (nn~ has always taken a
// tensor by the name of a buffer, whose first channel it is; here its numbers do as well). Changes
// nothing. Throws std::runtime_error, with a line that names the attribute, where the values do not
// fit.
Setting prepare_setting(const torch::jit::Module& module, const Attribute& attribute,
                        const Atoms& atoms, const TensorPlace& place);

// Calls the setter. Throws as above, where the model refuses: with its own sentence if it has one.
void apply_setting(torch::jit::Module& module, const Attribute& attribute, Setting setting,
                   const TensorPlace& place);

// Empties the model's copies of the host's buffers.
void clear_buffers(torch::jit::Module& module, const Attribute& attribute);

// Calls the getter; a value, a list, a tuple or a tensor become the atoms that they hold. Throws
// std::runtime_error as above.
Atoms get_attribute(torch::jit::Module& module, const Attribute& attribute);

// Calls `set_sample_rate` where the model has it.
void tell_sample_rate(torch::jit::Module& module, double sample_rate);

}  // namespace timbrel
